"""The methods paragraph, from the records of a study."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from tests.pipeline.test_older_study import POST, older, study
from valex_local.cli.methods import methods
from valex_local.records import Transcript
from valex_local.report.methods import describe_methods
from valex_local.study import Study
from valex_local.study.codings import change_coding
from valex_local.study.editing import Change, Editor
from valex_local.study.left_out import exclude

__all__ = ["older", "study"]  # fixtures


def test_posts_models_and_people_are_named(study: Study):
    transcript = study.require(POST, "transcript", Transcript)
    Editor(study, "anna").correct(POST, transcript.segments[0].id, Change(text="Said."))
    change_coding(study, POST, "anna", "note", "x", seen=0)
    found = describe_methods(study)
    assert found.text.startswith("The study has 1 post.")
    assert "speech was recognised in 1 (whisper-base-ct2)" in found.text
    assert "People corrected lines or speakers of 1 post." in found.text
    assert "1 person coded posts by hand (anna 1)" in found.text
    digests = dict(re.findall(r"([\w.-]+) \(([0-9a-f]{12})\)", found.text))
    assert {"whisper-base-ct2", "ppocrv6"} <= digests.keys()
    assert "`template`" in found.text
    entries = re.findall(r"^@\w+\{([\w-]+),", found.bibtex, re.MULTILINE)
    assert {"starovolsky-shitrit2025", "schwartz2012", "radford2023", "valex_local"} <= set(entries)
    assert len(set(entries)) == len(entries)
    assert found.bibtex.count("{") == found.bibtex.count("}")


def test_what_was_excluded_and_forgotten_is_said(study: Study):
    exclude(study, [POST], "not in English", "anna")
    assert "1 post had been excluded (not in English: 1)" in describe_methods(study).text
    study.forget(POST)
    text = describe_methods(study).text
    assert "Posts whose removal was asked for were deleted" in text
    assert POST not in text


def test_the_command_writes_what_to_cite(study: Study, tmp_path: Path):
    done = CliRunner().invoke(methods, ["-s", str(study.root), "--bibtex", str(tmp_path / "a.bib")])
    assert done.exit_code == 0
    assert "without any connection to a network" in done.output
    assert "@misc{starovolsky-shitrit2025" in (tmp_path / "a.bib").read_text("utf-8")
