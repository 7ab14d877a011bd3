"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from valex_local.errors import ModelError
from valex_local.store import Store, StoredModel
from valex_local.store.manifests import read_profile
from valex_local.system.devices import set_threads
from valex_local.system.network_guard import SWITCHES

# As in a run, and before any engine is imported: nothing is looked for outside, and waiting threads sleep.
os.environ.update(SWITCHES)
set_threads(2)
os.environ.pop("VALEX_STUDY", None)


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


@pytest.fixture(scope="module")
def drawn() -> Iterator[ModuleType]:
    """What can be said of the world in which the demo clips are drawn; meanwhile all scripts can be imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parent.parent / "scripts" / "demo_assets")
        import drawn_statements

        yield drawn_statements


@pytest.fixture(scope="session")
def valex() -> Callable[..., None]:
    """Run ``valex`` with words in a folder, in a process of its own; it must succeed."""

    def call(folder: Path, *words: str) -> None:
        code = "from valex_local.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=folder, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    return call


@pytest.fixture(scope="session")
def demo_models(stored_model: Callable[[str], StoredModel]) -> None:
    """Skip, or fail where ``CI`` is set, unless the models of the profile demo are installed."""
    for model_id in read_profile("demo").models.values():
        stored_model(model_id)


@pytest.fixture(scope="session")
def demo_study(demo_models: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of the demo clips, run once for all tests; copy it before you change it."""
    out = tmp_path_factory.mktemp("demo") / "study"
    clips = Path(__file__).parent.parent / "models" / "demo" / "clips"
    code = "from valex_local.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, "run", clips, "-s", out, "--profile", "demo"], check=True)
    return out
