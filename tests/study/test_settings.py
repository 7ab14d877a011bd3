"""The settings in force: those of the profile, overridden by study.toml, a settings file, and options."""

from pathlib import Path

import pytest

from valex_local.errors import ConfigError
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.settings import given_settings, resolve_settings

PROFILE = """
description = "A lab's own"

[models]
llm = "smollm2-135m-instruct"

[settings.labels]
int8 = true

[settings.script]
variants = ["local", "template"]

[settings.ocr]
fps = 2
"""


@pytest.fixture
def profile(tmp_path: Path) -> str:
    (tmp_path / "own.toml").write_text(PROFILE, "utf-8")
    return str(tmp_path / "own.toml")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "study", create=True)


def test_a_profile_counts_less_than_a_study_a_file_and_the_options(profile: str, study: Study, tmp_path: Path) -> None:
    store = Store()
    found = resolve_settings(store, options={"profile": profile})
    assert (found.labels.int8, found.script.variants, found.ocr.fps) == (True, ("local", "template"), 2)
    study.save_options({"profile": profile, "ocr": {"fps": 3}})
    assert resolve_settings(store, study).ocr.fps == 3
    assert resolve_settings(store, study).labels.int8
    (tmp_path / "more.toml").write_text("[ocr]\nfps = 4\n")
    assert resolve_settings(store, study, config=tmp_path / "more.toml").ocr.fps == 4
    assert resolve_settings(store, study, {"ocr": {"fps": 5}}, tmp_path / "more.toml").ocr.fps == 5


def test_what_is_given_is_without_the_profile(profile: str, study: Study) -> None:
    study.save_options({"profile": profile})
    assert given_settings(study, {"ocr": {"fps": 5}}) == {"profile": profile, "ocr": {"fps": 5}}


@pytest.mark.parametrize("text", ["[ocr]\nfpss = 2", "script = 3"])
def test_a_wrong_setting_is_reported_with_its_file(study: Study, tmp_path: Path, text: str) -> None:
    (study.root / "study.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"study\.toml"):
        resolve_settings(Store(), study)
    (tmp_path / "more.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"more\.toml"):
        given_settings(config=tmp_path / "more.toml")
