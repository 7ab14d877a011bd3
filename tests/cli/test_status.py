"""`valex status --posts` says of each post what is due, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.pipeline.test_older_study import POST, older, study
from valex_local.cli import cli
from valex_local.study import Study

__all__ = ["older", "study"]  # fixtures


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
