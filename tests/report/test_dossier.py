"""The dossier: what the study tells is in it, what it cannot tell is a blank, and no post is named."""

from __future__ import annotations

import stat
from datetime import date

import pytest
from click.testing import CliRunner

from tests.exchange.exported import N1, NAMED, ONE, make_study
from valex_local import __version__
from valex_local.cli.dossier import dossier
from valex_local.cli.export import export
from valex_local.cli.forget import forget
from valex_local.errors import ConfigError, StudyError
from valex_local.pipeline.run_log import RunLog
from valex_local.records import Grounding, MadeBy, Media, Speakers
from valex_local.report.dossier import describe_processing
from valex_local.report.dossier_files import CRATE, MARKDOWN, PAGE, markdown
from valex_local.store import Store
from valex_local.study.custody import FILE, entries
from valex_local.system import network_guard

STATED = {
    "controller": "Institute <b>of</b> Examples | 1 Street",
    "officer": "dpo",
    "purpose": "values",
    "legal_basis": "Article 6",
    "recipients": "coders",
    "retain_until": date(2030, 12, 31),
    "necessity": "yes",
    "ethics": "no. 12",
    "rights": "a notice",
}


@pytest.fixture
def study(tmp_path):
    study = make_study(tmp_path)
    made = MadeBy(
        stage="media", version=1, models={"speech": "whisper-base-ct2@" + "a" * 64, "ocr": "gone@" + "b" * 64}
    )
    study.write(ONE, "media", Media(duration=3, made_by=made))
    voices, lines = (
        MadeBy(stage=stage, version=1, models={stage: f"{stage}-model@{'c' * 64}"})
        for stage in ("speakers", "grounding")
    )
    study.write(ONE, "speakers", Speakers(made_by=voices))
    study.write(ONE, "grounding.template", Grounding(script="template", made_by=lines))
    with network_guard.guarded():
        RunLog(study).line("execute", step="media", posts=1)
    (study.root / "logs" / "20250101T000000.000000Z.jsonl").write_text('{"event": "execute", "step": "ocr"}\n{"ev')
    (study.root / "gold").mkdir()
    (study.root / "gold" / "anna.csv").write_text(f"video_id,Face\n{ONE},1\n")
    for path in study.root.rglob("*"):  # those that this test wrote by itself
        path.chmod(0o700 if path.is_dir() else 0o600)
    for command, words in ((export, ["long"]), (forget, [NAMED, "--yes"])):
        assert CliRunner().invoke(command, [*words, "-s", str(study.root)]).exit_code == 0
    return study


def state(study, **stated):
    study.save_options({**study.options(), "governance": stated})


def call(study, *words):
    return CliRunner().invoke(dossier, ["-s", str(study.root), *map(str, words)], catch_exceptions=False)


def test_what_the_study_tells_is_in_it(study):
    found = describe_processing(study, Store())
    text = markdown(found)
    assert ("whisper-base-ct2", "MIT", "a" * 64) in found.models
    assert {name for name, *_ in found.models} >= {"speakers-model", "grounding-model"}, "every record counts"
    assert ("gone", "unknown: not in this store", "b" * 64) in found.models
    runs = found.chapters[2].grids[0].rows
    assert runs[0][:2] == ("2025-01-01 00:00 UTC", "ocr") and runs[0][2].startswith("not recorded")
    assert runs[1][1] == "media" and runs[1][2].startswith("environment switches, audit hook")
    assert "| anna | 0 | 1 | 0 |" in text
    assert entries(study)[-1].seal in text
    assert "**Posts erased.** 1" in text
    assert "None of the files and folders" in text
    (study.root / "study.toml").chmod(0o644)
    assert "1 of the files and folders" in markdown(describe_processing(study, Store()))


def test_what_it_cannot_tell_is_a_blank_until_it_is_stated(study):
    blanks = describe_processing(study, Store()).blanks
    assert blanks == len(STATED) + 1, "the time limit stands in two chapters"
    assert f"{blanks} blanks to be filled in" in call(study).output
    assert "not stated: governance.controller" in (study.root / "exports" / "dossier" / MARKDOWN).read_text()
    state(study, **STATED)
    assert describe_processing(study, Store()).blanks == 0
    assert call(study).exit_code == 0
    page = (study.root / "exports" / "dossier" / PAGE).read_text()
    assert "Institute &lt;b&gt;of&lt;/b&gt; Examples" in page and "not stated" not in page
    assert "\\| 1 Street" in (study.root / "exports" / "dossier" / MARKDOWN).read_text()


def test_no_post_is_named_and_only_the_owner_may_read_it(study):
    assert call(study).exit_code == 0
    folder = study.root / "exports" / "dossier"
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text("utf-8")
        assert not [name for name in (N1, ONE, NAMED) if name in text], path.name


def test_a_log_of_custody_that_was_changed_makes_no_dossier(study):
    path = study.root / FILE
    path.write_bytes(path.read_bytes().replace(b'"posts":', b'"posts": '))
    path.write_bytes(path.read_bytes().replace(b"erasure", b"picnic"))
    with pytest.raises(StudyError, match="changed"):
        call(study)
    assert not (study.root / "exports").exists() or not (study.root / "exports" / "dossier").exists()


def test_nothing_else_is_overwritten(study, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.md").write_text("years of work")
    with pytest.raises(ConfigError, match="something else"):
        call(study, "-o", tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.md"]


@pytest.mark.parametrize("stated", [{}, STATED])
def test_a_library_for_archives_reads_the_metadata(study, tmp_path, stated):
    rocrate = pytest.importorskip("rocrate.rocrate")
    state(study, **stated)
    assert call(study, "-o", tmp_path / "out").exit_code == 0
    crate = rocrate.ROCrate(str(tmp_path / "out"))
    assert crate.name == "Dossier of the study study"
    assert {part.id for part in crate.root_dataset["hasPart"]} == {p.name for p in (tmp_path / "out").iterdir()} - {
        CRATE
    }
    software = {entity["name"]: entity for entity in crate.get_by_type("SoftwareApplication")}
    assert software["valex_local"]["version"] == __version__
    assert software["whisper-base-ct2"]["license"] == "MIT"
    assert crate.mainEntity is None and crate.root_dataset["license"] == "Not stated"
