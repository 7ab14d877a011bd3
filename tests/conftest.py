"""Fixtures shared by all tests."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest

from tests import commands
from valex_local.errors import ModelError
from valex_local.notices import NOTICES
from valex_local.records import Notice
from valex_local.store import Store, StoredModel
from valex_local.store.manifests import read_profile
from valex_local.system.devices import set_threads, usable_cores
from valex_local.system.network_guard import SWITCHES


def share_cores() -> None:
    """Limit this process to its share of the cores if pytest-xdist runs several processes.

    Engines, also those of child processes, start as many threads as they may use cores.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if count > 1 and hasattr(os, "sched_setaffinity"):
        number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        if part := sorted(os.sched_getaffinity(0))[number::count]:
            os.sched_setaffinity(0, part)


# As in a run, and before any engine is imported: nothing is looked for outside, and waiting threads sleep.
os.environ.update(SWITCHES)
share_cores()
set_threads(min(2, usable_cores()))
os.environ.pop("VALEX_STUDY", None)

# How long an example takes says nothing on a machine that has other work too.
hypothesis.settings.register_profile("tests", hypothesis.settings(), deadline=None)
hypothesis.settings.register_profile("quick", hypothesis.settings(), deadline=None, max_examples=20)
hypothesis.settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def known_notices() -> Iterator[None]:
    """Fail where the package writes a notice whose code is not in the table; tests may make up codes."""
    written = Notice.__init__

    def checked(self: Notice, **data: Any) -> None:
        by = sys._getframe(1).f_globals["__name__"].partition(".")[0]
        assert by != "valex_local" or data["code"] in NOTICES, f"valex_local/notices.py lacks {data['code']!r}"
        written(self, **data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Notice, "__init__", checked)
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start headless Chromium; skip the test if it is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files that contain slow tests, so that no process is left with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Exclude what is imported so far from later garbage collections, which training and other code request.

    Among the objects of torch, transformers and pytest itself each of them takes a third of a second.
    """
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Do the same after each file, for what its tests imported."""
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def store() -> Store:
    """Return the model store of this machine: at ``VALEX_MODELS``, else the user's."""
    return Store()


@pytest.fixture(scope="session")
def stored_model(store: Store) -> Callable[[str], StoredModel]:
    """Return a model by its id; if its weights are not installed, skip the test, or fail it if ``CI`` is set."""

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
    """Yield the vocabulary of the synthetic demo clips; meanwhile all modules in `scripts` can be imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parent.parent / "scripts" / "demo_assets")
        import drawn_statements

        yield drawn_statements


@pytest.fixture(scope="session")
def valex() -> Callable[..., None]:
    """Call ``valex`` with arguments in a folder; it must succeed."""

    def call(folder: Path, *words: str) -> None:
        done = commands.valex(*words, cwd=folder)
        assert done.returncode == 0, done.stderr

    return call


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder the first time it is asked for by its name, for all processes of this run of pytest.

    Whoever asks meanwhile waits. Tests copy what is in it before they change it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, work: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                work(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def demo_models(stored_model: Callable[[str], StoredModel]) -> None:
    """Skip the test, or fail it if ``CI`` is set, unless the models of the profile demo are installed."""
    for model_id in read_profile("demo").models.values():
        stored_model(model_id)


@pytest.fixture(scope="session")
def demo_study(demo_models: None, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Return a study of the demo clips, which `valex run` makes once for all tests; copy it before changing it."""
    clips = Path(__file__).parent.parent / "models" / "demo" / "clips"

    def run(folder: Path) -> None:
        done = commands.valex_process("run", clips, "-s", folder / "study", "--profile", "demo")
        assert done.returncode == 0, done.stderr

    return made_once("demo", run) / "study"
