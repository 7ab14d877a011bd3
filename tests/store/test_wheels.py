from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from valex_local.errors import ModelError
from valex_local.store import wheels


@pytest.fixture
def installed() -> None:
    try:
        metadata.distribution("valex_local")
    except metadata.PackageNotFoundError:
        pytest.skip("valex_local runs from its source tree without being installed")


def test_all_that_is_needed_is_pinned_as_it_is_installed(installed: None):
    pinned = {Requirement(line).name.lower(): Requirement(line) for line in wheels.pinned()}
    assert {"torch", "torchvision", "click", "numpy", "rapidocr", "av", "ctranslate2"} <= pinned.keys()
    assert "valex_local" not in pinned
    assert "pytest" not in pinned, "what only developers need stays at home"
    for name, requirement in pinned.items():
        if requirement.url is None:
            assert str(requirement.specifier) == f"=={metadata.version(name)}"
        else:
            assert requirement.url.startswith("file://")


def test_this_program_is_built_from_where_it_came(installed: None):
    source = wheels._own_source()
    assert (source / "setup.cfg").is_file() or source.suffix == ".whl"


class Distribution(metadata.Distribution):
    """A distribution with nothing but the note of where it came from."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    def read_text(self, filename: str) -> str | None:
        return None if self._url is None else json.dumps({"url": self._url, "archive_info": {}})

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def test_a_wheel_that_was_installed_from_a_file_is_taken_from_there(tmp_path: Path):
    wheel = tmp_path / "a folder" / "llama-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.touch()
    assert wheels._installed_from(Distribution(wheel.as_uri())) == wheel
    wheel.unlink()
    assert wheels._installed_from(Distribution(wheel.as_uri())) is None
    assert wheels._installed_from(Distribution("https://example.invalid/x.whl")) is None
    assert wheels._installed_from(Distribution(None)) is None


def test_an_environment_without_this_program_cannot_be_packed(monkeypatch: pytest.MonkeyPatch):
    def nothing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", nothing)
    with pytest.raises(ModelError, match="not installed in this Python environment"):
        wheels.pinned()
