"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from valex_local.errors import ModelError
from valex_local.store import Store, StoredModel

# Two threads serve all engines best on small machines; set before any of them is imported.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session")
def store() -> Store:
    """The store of this machine: where ``VALEX_MODELS`` says, else the user's."""
    return Store()


@pytest.fixture(scope="session")
def stored_model(store: Store) -> Callable[[str], StoredModel]:
    """Return a model by its id; skip where its weights are not installed, fail where ``CI`` is set."""

    def find(model_id: str) -> StoredModel:
        try:
            return store.find(model_id)
        except ModelError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"needs weights: {error}")

    return find
