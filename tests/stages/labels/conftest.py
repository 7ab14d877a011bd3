"""A tiny label model."""

from __future__ import annotations

import pytest

from tests.stages.labels.tiny import save_model
from valex_local.store import StoredModel
from valex_local.system.devices import set_threads

set_threads(2)  # Before torch is imported: threads that wait must sleep, or they take the cores from those that work.


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StoredModel:
    return save_model(tmp_path_factory.mktemp("models") / "tiny")
