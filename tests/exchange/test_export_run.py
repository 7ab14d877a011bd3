"""Targets of exports, selection, atomic writes and the command."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.exchange.exported import NAMED, ONE, SILENT, TWO, dialogue, export, make_study, script
from valex_local.cli import export as command
from valex_local.errors import ConfigError, InputError, StudyError
from valex_local.exchange.export.formats import FORMATS, get_format
from valex_local.records import Post, Script
from valex_local.rendering.render import render
from valex_local.study import Study
from valex_local.study.codings import change_coding


@pytest.fixture
def study(tmp_path):
    made = make_study(tmp_path)
    change_coding(made, ONE, "anna", "note", "hm", seen=0)
    return made


# --- scripts --------------------------------------------------------------------------------------------------------


def test_paper_text_is_what_show_prints(study):
    _, folder = export(study, "text")
    assert sorted(path.name for path in folder.iterdir()) == [f"{ONE}.txt", f"{NAMED}.txt"]
    assert (folder / f"{ONE}.txt").read_text("utf-8") == render(study.read(ONE, "script.template", Script), "text")


def test_paper_text_is_a_folder_of_texts(study):
    from valex_local.corpus import read_texts

    _, folder = export(study, "text")
    assert {text.id: text.text for text in read_texts(folder)} == {
        text.id: text.text for text in read_texts(study.root, script="template")
    }


def test_fountain_is_read_by_its_library(study):
    fountain = pytest.importorskip("screenplain.parsers.fountain")
    _, folder = export(study, "fountain")
    parts = list(fountain.parse(io.StringIO((folder / f"{ONE}.fountain").read_text("utf-8"))))
    said = [str(part.blocks[-1][1]) for part in parts if type(part).__name__ == "Dialog"]
    assert said[0] == "This week I bought nothing new at all."
    assert len(said) == 4


# --- what is exported -----------------------------------------------------------------------------------------------


def test_the_variant_is_that_of_most_posts_or_the_one_named(study):
    found, _ = export(study, "text")
    assert found.left_out == {TWO: "it has script.gemini but no script.template", SILENT: "no script"}
    found, folder = export(study, "text", script="gemini")
    assert [path.name for path in folder.iterdir()] == [f"{TWO}.txt"]
    assert found.posts == 1


def test_a_skipped_script_is_left_out_with_its_reason(study):
    study.write(SILENT, "script.template", Script(name="template", skipped="no evidence"))
    found, _ = export(study, "text")
    assert found.left_out[SILENT] == "no script (no evidence)"


def test_some_posts(study):
    found, folder = export(study, "text", posts=[NAMED])
    assert [path.name for path in folder.iterdir()] == [f"{NAMED}.txt"]
    assert found.left_out == {}


def test_nothing_to_export_leaves_what_was_there(study):
    _, folder = export(study, "text")
    for given in ({"script": "none"}, {"posts": [SILENT]}):
        with pytest.raises(InputError, match="there is nothing to export"):
            export(study, "text", **given)
        assert len(list(folder.iterdir())) == 2


def test_a_route_is_for_labels(study):
    with pytest.raises(ConfigError, match="the format srt has no labels"):
        export(study, "srt", route="encoder")


def test_an_unknown_format_names_those_there_are():
    with pytest.raises(ConfigError, match=r"there is no format 'pdf'.*srt, vtt, fountain"):
        get_format("pdf")


# --- where to -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_lies_in_exports_and_for_the_owner_alone(study, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    found, path = export(study, form)
    assert path.parent == study.root / "exports"
    assert path.is_dir() == (not FORMATS[form].suffixes)
    files = list(path.iterdir()) if path.is_dir() else [path]
    assert len(files) == found.files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing half is left"


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "eaf"])
def test_equal_studies_give_equal_files(study, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")

    def content():
        _, path = export(study, form)
        return {p.name: p.read_bytes() for p in (path.iterdir() if path.is_dir() else [path])}

    assert content() == content()


def test_an_export_takes_the_place_of_an_older_one(study):
    export(study, "text")
    _, folder = export(study, "text", script="gemini")
    assert [path.name for path in folder.iterdir()] == [f"{TWO}.txt"]


def test_a_folder_is_whole_or_not_there(study, monkeypatch):
    _, folder = export(study, "text")
    study.write(TWO, "script.template", script(dialogue("new")))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StudyError, match="the disk is full"):
        export(study, "text")
    assert sorted(path.name for path in folder.iterdir()) == [f"{ONE}.txt", f"{NAMED}.txt"]
    assert [path.name for path in folder.parent.iterdir()] == ["text"]


@pytest.mark.parametrize(
    ("form", "out", "message"),
    [
        ("text", "none/texts", "there is no such folder"),
        ("text", "full", "needs a new or empty folder"),
        ("text", "full/file", "needs a new or empty folder"),
        ("long", "full", "this is a folder"),
        ("long", "labels.xlsx", "expected a file that ends in .csv or .tsv"),
        ("pyvalues", "labels.csv", "expected a file that ends in .tsv"),
    ],
)
def test_targets_that_cannot_be_used(study, tmp_path, form, out, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    with pytest.raises(ConfigError, match=message):
        export(study, form, out=tmp_path / out)
    assert (tmp_path / "full" / "file").read_text() == "kept"


def test_a_new_or_empty_folder_is_a_target(study, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new"):
        _, folder = export(study, "text", out=tmp_path / name)
        assert len(list(folder.iterdir())) == 2


def test_forgetting_a_post_takes_exports_along(study):
    export(study, "text")
    export(study, "long")
    assert "exports/" in study.forget(ONE)
    assert not (study.root / "exports").exists()


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_names_every_format():
    shown = CliRunner().invoke(command.export, ["--help"]).output
    assert all(form in shown for form in FORMATS)


def test_the_command_says_what_it_did(study):
    done = CliRunner().invoke(command.export, ["text", "-s", str(study.root), "--post", "ann", "--post", "cy"])
    assert done.exit_code == 0, done.output
    assert done.output == (
        f"1 × left out: {SILENT}: no script\ntext: 1 post, 1 file · {study.root / 'exports' / 'text'}\n"
    )
    done = CliRunner().invoke(command.export, ["authors", "-s", str(study.root), "--json"])
    assert json.loads(done.output)["left_out"][SILENT] == "no labels (no verbal sound)"


def test_help_imports_no_heavy_library():
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom valex_local.cli import export, import_labels\n"
        "for c in (export.export, import_labels.labels): CliRunner().invoke(c, ['--help'])\n"
        "print([m for m in ('numpy', 'pyarrow', 'pydantic_core.core_schema', 'torch') if m in sys.modules][:1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numpy" not in done.stdout and "pyarrow" not in done.stdout


def test_an_empty_study(tmp_path):
    study = Study(tmp_path / "empty", create=True)
    for form in ("srt", "long", "labelstudio"):
        with pytest.raises(InputError, match="there is nothing to export"):
            export(study, form)
    study.write("p", "post", Post(id="p"))
    with pytest.raises(InputError, match="no post has a script"):
        export(study, "eaf")
