"""`valex report`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.report.made import make_study
from valex_local.cli.report import report
from valex_local.errors import StudyError
from valex_local.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "study", 3, rich=False)


def test_the_report_lies_in_the_study(study: Study) -> None:
    done = CliRunner().invoke(report, ["-s", str(study.root)])
    assert done.exit_code == 0, done.output
    assert f"3 posts · {study.root / 'report' / 'index.html'}" in done.output
    assert "forget" not in done.output
    assert (study.root / "report" / "index.html").is_file()


def test_the_study_here_is_taken_when_none_is_named(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.root / "posts")
    assert CliRunner().invoke(report, []).exit_code == 0
    assert (study.root / "report" / "index.html").is_file()


def test_a_report_elsewhere_is_reported_as_out_of_reach(study: Study, tmp_path: Path) -> None:
    done = CliRunner().invoke(report, ["-s", str(study.root), "-o", str(tmp_path / "pages")])
    assert done.exit_code == 0
    assert "valex forget does not reach this folder" in done.output
    assert not (study.root / "report").exists()


def test_what_was_removed_and_what_cannot_be_read_is_reported(study: Study) -> None:
    first, second, _ = study.post_ids()
    CliRunner().invoke(report, ["-s", str(study.root)])
    study.forget(first)
    CliRunner().invoke(report, ["-s", str(study.root)])
    (study.root / "report" / "posts" / f"{first}.html").write_text("stale")
    (study.folder(second) / "text.json").write_text("{")
    done = CliRunner().invoke(report, ["-s", str(study.root)])
    assert f"removed {first}" in done.output
    assert f"{second}: text.json: " in done.output
    assert done.exit_code == 1


def test_no_report_is_written_beside_a_run(study: Study) -> None:
    with study.lock():
        done = CliRunner().invoke(report, ["-s", str(study.root)])
    assert isinstance(done.exception, StudyError)
    assert not (study.root / "report").exists()


def test_a_folder_that_is_no_study_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(report, ["-s", str(tmp_path)])
    assert isinstance(done.exception, StudyError) and "no study" in str(done.exception)
