"""A tiny CLIP model with random weights."""

from __future__ import annotations

import pytest

from tests.stages.vision.tiny import save_clip
from valex_local.store import StoredModel
from valex_local.system.devices import set_threads

set_threads(2)  # Before torch is imported: threads that wait must sleep, or they take the cores from those that work.


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> StoredModel:
    return save_clip(tmp_path_factory.mktemp("models") / "tiny-clip")
