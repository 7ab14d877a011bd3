from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.tiny import Tiny
from valex_local.errors import ModelError
from valex_local.store import add, install
from valex_local.store.removal import check_removable, remove_model


@pytest.fixture
def head(tiny: Tiny, tmp_path: Path) -> str:
    """A model of the store that requires tiny."""
    install(tiny.store, "tiny", source=tiny.wheels)
    folder = tmp_path / "head"
    folder.mkdir()
    (folder / "labels.json").write_text("{}")
    (folder / "model.toml").write_text(
        'id = "head"\nrole = "labels"\nengine = "e"\nrequires = ["tiny"]\n[[files]]\nname = "labels.json"\n'
    )
    return add(tiny.store, folder).id


def test_what_another_model_requires_stays(tiny: Tiny, head: str):
    with pytest.raises(ModelError, match=r"tiny is required by head\. Name them too"):
        check_removable(tiny.store, "tiny")
    check_removable(tiny.store, "tiny", together_with=["tiny", head])
    remove_model(tiny.store, head)
    check_removable(tiny.store, "tiny")
    assert remove_model(tiny.store, "tiny") > 10_000
    assert tiny.rest() == []
    with pytest.raises(ModelError, match="not installed"):
        check_removable(tiny.store, "tiny")


def test_what_was_partly_downloaded_can_be_removed(tiny: Tiny):
    partial = tiny.store.root / ".partial/tiny/commit/model.bin"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"half")
    check_removable(tiny.store, "tiny")
    assert remove_model(tiny.store, "tiny") == 4
    assert not partial.parent.exists()


def test_bundled_models_stay(tiny: Tiny):
    with pytest.raises(ModelError, match="bundled"):
        check_removable(tiny.store, "micro-clip")
