"""`valex status --posts` says of each post what is due, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.pipeline.test_older_study import POST, older
from tests.pipeline.test_older_study import study as made
from valex_local.cli import cli
from valex_local.records import Transcript
from valex_local.study import Study
from valex_local.study.editing import Change, Editor

__all__ = ["made", "older"]  # fixtures


@pytest.fixture
def study(made: Study) -> Study:
    """The study without the stage that it never had."""
    made.save_options({**made.options(), "speakers": {"find": False}})
    return made


def posts_of(root: Path) -> str:
    done = CliRunner().invoke(cli, ["status", "--posts", "-s", str(root)], catch_exceptions=False)
    assert done.exit_code == 0
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(POST))
    return line.removeprefix(POST).strip()


def test_a_finished_post_is_current(study: Study) -> None:
    first, *notices = posts_of(study.root).split("; ")
    assert first == "current"
    assert [notice.partition(": ")[0] for notice in notices] == ["labels.template.fewshot", "labels.local.fewshot"]
    assert "micro-clip" not in str(notices), "a notice that changes no meaning"


def test_a_changed_setting_is_named_with_what_waits_for_it(study: Study) -> None:
    study.save_options({**study.options(), "ocr": {"fps": 2}})
    said = posts_of(study.root)
    assert said.startswith("ocr outdated (ocr.fps: 6.0 -> 2.0); ")
    assert "script.template waiting" in said
    assert "speech" not in said


@pytest.mark.parametrize("stem", ["script.template", "labels.hand.encoder"])
def test_a_missing_record_is_named(study: Study, stem: str) -> None:
    (study.folder(POST) / f"{stem}.json").unlink()
    assert posts_of(study.root).startswith(f"{stem} missing")


def test_scripts_are_made_again_from_corrected_text(study: Study) -> None:
    line = study.require(POST, "transcript", Transcript).segments[0].id
    before = study.read_raw(POST, "transcript", Transcript)
    Editor(study, "anna").correct(POST, line, Change(text="What was really said."))
    said = posts_of(study.root)
    assert said.startswith("script.template stale"), said
    assert "speech" not in said
    assert "ocr" not in said
    Editor(study, "anna").undo(POST, "C1")
    assert posts_of(study.root).startswith("current")
    assert study.read_raw(POST, "transcript", Transcript) == before


def test_labels_are_given_again_where_a_speaker_is_named(study: Study) -> None:
    Editor(study, "anna").name_speaker(POST, "SPEAKER", "TILDA")
    said = posts_of(study.root)
    assert "labels.template.encoder stale" in said
    assert "script.template stale" not in said
