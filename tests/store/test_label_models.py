"""Label models in the store: known by their files, and another model once one of them changes."""

from pathlib import Path

import pytest

from tests.store.tiny import tensors, touch
from valex_local.errors import ModelError
from valex_local.store import Store
from valex_local.store.describe import describe, slug
from valex_local.store.intake import add

NAMES = ("labels.json", "head.safetensors", "tuned.safetensors")


@pytest.fixture
def slim(tmp_path: Path) -> Path:
    """The files of a label model over an encoder of the store, as training writes them."""
    folder = tmp_path / "My Labels"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(tensors(name.encode()) if name.endswith(".safetensors") else b"{}")
    files = "".join(f'[[files]]\nname = "{name}"\n' for name in NAMES)
    (folder / "model.toml").write_text(
        f'id = "my-labels"\nrole = "labels"\nengine = "encoder"\nrequires = ["base"]\n{files}', "utf-8"
    )
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that holds the encoder."""
    encoder = tmp_path / "base"
    encoder.mkdir()
    (encoder / "model.safetensors").write_bytes(tensors(b"weights"))
    for name in ("config.json", "tokenizer.json"):
        (encoder / name).write_bytes(b"{}")
    made = Store(tmp_path / "store")
    add(made, encoder, model_id="base", role="encoder")
    return made


def test_card_and_head_tell_a_label_model(slim: Path):
    (slim / "model.toml").unlink()
    found = describe(slim)
    assert (found.id, found.role, found.engine) == ("my-labels", "labels", "encoder")
    assert {file.name for file in found.files} == set(NAMES)


@pytest.mark.parametrize("name", ["labels.json", "head.safetensors"])
def test_one_of_them_alone_does_not(slim: Path, name: str):
    (slim / "model.toml").unlink()
    (slim / name).unlink()
    with pytest.raises(ModelError, match="the role of these files is not recognised") as caught:
        describe(slim)
    assert "labels" in str(caught.value.hint)


def test_the_manifest_beside_it_says_what_it_rests_on(slim: Path, store: Store):
    taken, used = add(store, slim), store.local(slim, "labels")
    for model in (taken, used):
        assert (model.id, model.role, model.engine, list(model.requires)) == (
            "my-labels",
            "labels",
            "encoder",
            ["base"],
        )
    assert taken.digest == used.digest
    assert (taken.folder / "tuned.safetensors").read_bytes() == tensors(b"tuned.safetensors")


def test_other_tuned_tensors_are_another_model(slim: Path, store: Store):
    before, used_before = add(store, slim).digest, store.local(slim, "labels").digest
    (slim / "tuned.safetensors").write_bytes(tensors(b"TUNED.SAFETENSORS"))
    touch(slim / "tuned.safetensors")
    assert store.local(slim, "labels").digest != used_before
    assert add(store, slim).digest != before


def test_another_encoder_below_is_another_model(slim: Path, store: Store, tmp_path: Path):
    before = add(store, slim).digest
    (tmp_path / "base/model.safetensors").write_bytes(tensors(b"others!"))
    add(store, tmp_path / "base", model_id="base", role="encoder")
    assert store.find("my-labels").digest != before


def test_tuned_tensors_altered_in_the_store_are_refused(slim: Path, store: Store):
    path = add(store, slim).folder / "tuned.safetensors"
    path.write_bytes(tensors(b"TUNED.SAFETENSORS"))
    touch(path)
    with pytest.raises(ModelError, match="altered") as caught:
        store.find("my-labels")
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("name", "expected"), [("My Labels", "my-labels"), ("été 2", "t-2"), ("a__b", "a__b"), ("-x.-", "x")]
)
def test_the_id_that_a_name_suggests(tmp_path: Path, name: str, expected: str):
    (tmp_path / name).mkdir()
    assert slug(tmp_path / name) == expected


def test_a_name_that_makes_no_id(tmp_path: Path):
    (tmp_path / "值").mkdir()
    with pytest.raises(ModelError, match="no id can be derived") as caught:
        slug(tmp_path / "值")
    assert caught.value.hint == "Give --id"
