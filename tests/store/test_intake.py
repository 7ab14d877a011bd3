from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.tiny import CHATS, CTRANSLATE2, WEIGHTS, Tiny, gguf, sha256, tensors, touch
from valex_local.errors import ModelError
from valex_local.store import Store, add, install
from valex_local.store.manifests import File, Manifest


def test_add_records_the_sums(tmp_path: Path, clip_folder: Path):
    store = Store(tmp_path / "store")
    model = add(store, clip_folder, options={"precision": "fp16"}, licence="MIT", origin="our lab")
    assert (model.id, model.role, model.engine, model.options) == (
        "my-clip",
        "clip",
        "open_clip",
        {"precision": "fp16"},
    )
    manifest = Store(tmp_path / "store").manifest("my-clip")
    assert {f.name: f.sha256 for f in manifest.files} == {
        "open_clip_config.json": sha256(b"{}"),
        "open_clip_model.safetensors": sha256(tensors(b"weights")),
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
    model = add(Store(tmp_path / "store"), snapshot)
    assert sorted(p.name for p in model.folder.iterdir()) == [
        "model.toml",
        "open_clip_config.json",
        "open_clip_model.safetensors",
    ]
    assert not any(p.is_symlink() for p in model.folder.iterdir())


def test_add_by_link_shares_the_disk_space(tmp_path: Path, clip_folder: Path):
    model = add(Store(tmp_path / "store"), clip_folder, link=True)
    assert (model.folder / "open_clip_model.safetensors").samefile(clip_folder / "open_clip_model.safetensors")


def test_official_files_are_accepted_for_a_packaged_model(tiny: Tiny, tmp_path: Path):
    folder = tmp_path / "official"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.bin").write_bytes(WEIGHTS)
    (folder / "sub/config.json").write_bytes(b"{}")
    (folder / "README.md").write_text("more", "utf-8")
    assert add(tiny.store, folder, model_id="tiny").id == "tiny"
    assert not (tiny.store.root / "tiny/README.md").exists()


def test_files_with_another_sum_are_refused_and_nothing_is_left(tiny: Tiny, tmp_path: Path):
    folder = tmp_path / "official"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"x" * len(WEIGHTS))
    (folder / "sub/config.json").write_bytes(b"{}")
    with pytest.raises(ModelError, match="not what its manifest says"):
        add(tiny.store, folder, model_id="tiny")
    assert tiny.rest() == []


def test_a_known_model_without_sums_gets_them_recorded(tmp_path: Path):
    folder = tmp_path / "roberta"
    folder.mkdir()
    store = Store(tmp_path / "store")
    names = [f.name for f in store.manifest("roberta-large").files]
    for name in names:
        (folder / name).write_bytes(tensors(name.encode()))
    add(store, folder, model_id="roberta-large")
    again = Store(store.root)
    assert all(f.sha256 == sha256(tensors(f.name.encode())) for f in again.manifest("roberta-large").files)
    path = again.find("roberta-large").folder / "model.safetensors"
    path.write_bytes(tensors(b"model.safetensorx"))
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
    install(tiny.store, "tiny.toml", source=tiny.wheels)
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
    (folder / "tokenizer.json").write_text("{}", "utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    store = Store(tmp_path / "store")
    with pytest.raises(ModelError, match=r"the role of these files is not recognised.*--role"):
        add(store, folder)
    with pytest.raises(ModelError, match="no role ears"):
        add(store, folder, role="ears")
    assert add(store, folder, role="encoder").engine == "transformers"


@pytest.mark.parametrize(
    ("role", "files", "words"),
    [
        ("llm", {"m.gguf": gguf()}, "no chat template"),
        ("llm", {"m.gguf": gguf(CHATS)[:-1]}, "cut off, or not a GGUF file"),
        ("llm", {"m.gguf": b"<!doctype html>"}, r"not a GGUF file.*web page"),
        ("llm", {"m.gguf": gguf(CHATS), "mmproj.gguf": b"version https://git-lfs"}, "not a GGUF file"),
        (
            "encoder",
            {"model.safetensors": b"x"},
            r"not a whole model: for the engine transformers it lacks config.json",
        ),
        ("clip", {"open_clip_model.safetensors": b"x", "config.json": b"{}"}, "lacks open_clip_config.json"),
        ("encoder", {"config.json": b"{}", "tokenizer.json": b"{}"}, "lacks model.safetensors"),
        ("encoder", {"config.json": b"{}", "model.safetensors": tensors(b"x")}, "lacks tokenizer.json"),
        ("labels", {"head.safetensors": tensors(b"x")}, "lacks labels.json"),
        ("asr", {"model.bin": b"x", "vocabulary.txt": b"x"}, "lacks config.json and tokenizer.json"),
        (
            "asr",
            {"model.bin": b"x", "config.json": b"{}", "tokenizer.json": b"{}", "vocabulary.txt": b"x"},
            "cut off, or not a CTranslate2 file",
        ),
        ("ocr", {"PP-OCRv6_det_small.onnx": b"\x0a\x05abc"}, "cut off, or not an ONNX file"),
    ],
)
def test_what_no_engine_could_load_is_refused(tmp_path: Path, role: str, files: dict[str, bytes], words: str):
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=words):
        add(Store(tmp_path / "store"), folder, role=role)
    assert not (tmp_path / "store/model").exists()


def test_a_lone_weights_file_is_not_a_model(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"x")
    with pytest.raises(ModelError, match=r"this file is not a whole model.*Give the folder"):
        add(Store(tmp_path / "store"), path, role="encoder")


def test_what_the_desktop_leaves_in_folders_is_left_out(tmp_path: Path, clip_folder: Path):
    for name in ("desktop.ini", "Thumbs.db", ".DS_Store"):
        (clip_folder / name).write_bytes(b"x")
    model = add(Store(tmp_path / "store"), clip_folder)
    assert sorted(path.name for path in model.folder.iterdir()) == [
        "model.toml",
        "open_clip_config.json",
        "open_clip_model.safetensors",
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "contains no files"), (["a.gguf", "b.gguf"], "several models: a.gguf, b.gguf")],
)
def test_folders_that_cannot_be_added(tmp_path: Path, names: list[str], message: str):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"x")
    with pytest.raises(ModelError, match=message):
        add(Store(tmp_path / "store"), folder, role="llm")


def test_a_gguf_in_parts_is_one_model(tmp_path: Path):
    folder = tmp_path / "split"
    folder.mkdir()
    for part in range(1, 13):
        (folder / f"m-{part:05}-of-00012.gguf").write_bytes(gguf(CHATS))
    assert add(Store(tmp_path / "store"), folder).options == {"file": "m-00001-of-00012.gguf"}


def test_a_known_model_is_recognised_by_its_files(tiny: Tiny, tmp_path: Path):
    content = gguf(CHATS, numbers=4 << 20)
    big = Manifest(
        id="big",
        role="llm",
        engine="llama_cpp",
        options={"file": "big.gguf"},
        files=(File(name="big.gguf", size=len(content)),),
    )
    tiny.store.built_in["big"] = big
    folder = tmp_path / "anything"
    folder.mkdir()
    (folder / "big.gguf").write_bytes(content)
    assert add(tiny.store, folder).id == "big"


def test_a_trained_model_brings_its_own_manifest(tmp_path: Path):
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "head.safetensors").write_bytes(tensors(b"head"))
    (folder / "labels.json").write_text("{}", "utf-8")
    files = (File(name="head.safetensors"), File(name="labels.json"))
    manifest = Manifest(id="our-labels", role="labels", engine="encoder", files=files)
    (folder / "model.toml").write_text(manifest.to_toml(), "utf-8")
    store = Store(tmp_path / "store")
    assert store.local(folder, "labels").id == "our-labels"
    assert add(store, folder).id == "our-labels"
    assert add(store, folder, model_id="second").id == "second"


def test_a_model_rests_on_another(tmp_path: Path, clip_folder: Path):
    store = Store(tmp_path / "store")
    head = tmp_path / "head"
    head.mkdir()
    (head / "w.bin").write_bytes(b"1")
    manifest = Manifest(id="head", role="labels", engine="e", files=(File(name="w.bin"),), requires=("my-clip",))
    (head / "model.toml").write_text(manifest.to_toml(), "utf-8")
    with pytest.raises(ModelError, match="no model my-clip"):
        add(store, head)
    add(store, clip_folder)
    before = store.find("head")
    assert before.requires["my-clip"] == store.find("my-clip")
    (clip_folder / "open_clip_model.safetensors").write_bytes(tensors(b"trained further"))
    add(store, clip_folder)
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
    with tiny.store.staging(), pytest.raises(ModelError, match="another process is writing"):
        install(tiny.store, "tiny.toml", source=tiny.wheels)


def test_what_a_killed_process_left_is_cleared_away(tiny: Tiny):
    left = tiny.store.root / ".new-killed/tiny"
    left.mkdir(parents=True)
    (left / "model.bin").write_bytes(b"half")
    assert "tiny" in {e.manifest.id for e in tiny.store.entries() if e.problem}
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    assert tiny.rest() == ["tiny"]


def test_a_store_that_cannot_be_written(tmp_path: Path, clip_folder: Path):
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    with pytest.raises(ModelError, match="cannot write into the store"):
        add(Store(blocked / "store"), clip_folder)


def test_what_the_manifest_of_a_known_model_says_cannot_be_said_otherwise(tiny: Tiny, tmp_path: Path):
    folder = tmp_path / "official"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.bin").write_bytes(WEIGHTS)
    (folder / "sub/config.json").write_bytes(b"{}")
    with pytest.raises(ModelError, match=r"tiny is known, including its engine and options.*another --id"):
        add(tiny.store, folder, model_id="tiny", engine="openai-whisper", options={"compute_type": "int8"})
    with pytest.raises(ModelError, match="for the role asr, not llm"):
        add(tiny.store, folder, model_id="tiny", role="llm")
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).write_bytes(b"{}")
    (folder / "model.bin").write_bytes(CTRANSLATE2)
    variant = add(tiny.store, folder, model_id="tiny-int8", role="asr", options={"compute_type": "int8"})
    assert variant.options == {"compute_type": "int8"}


def test_a_model_that_comes_with_this_program_is_not_replaced(tmp_path: Path, clip_folder: Path):
    with pytest.raises(ModelError, match="is bundled with this program"):
        add(Store(tmp_path / "store"), clip_folder, model_id="minilm-definitions")


def test_what_is_not_there_and_what_makes_no_id(tmp_path: Path, clip_folder: Path):
    with pytest.raises(ModelError, match="no such file or folder"):
        add(Store(tmp_path / "store"), tmp_path / "nowhere")
    with pytest.raises(ModelError, match="id"):
        add(Store(tmp_path / "store"), clip_folder, model_id="../../evil")
    unnamed = clip_folder.rename(tmp_path / "ü")
    with pytest.raises(ModelError, match="no id can be derived"):
        add(Store(tmp_path / "store"), unnamed)


def test_one_file_for_a_model_of_two(tiny: Tiny, tmp_path: Path):
    path = tmp_path / "model.bin"
    path.write_bytes(WEIGHTS)
    with pytest.raises(ModelError, match=r"has 2 files: model\.bin, sub/config\.json.*Give the folder"):
        add(tiny.store, path, model_id="tiny")
    folder = tmp_path / "half"
    folder.mkdir()
    path.rename(folder / "model.bin")
    with pytest.raises(ModelError, match=r"is missing .*sub/config\.json"):
        add(tiny.store, folder, model_id="tiny")
    assert tiny.rest() == []
