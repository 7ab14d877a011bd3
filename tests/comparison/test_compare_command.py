"""`valex compare`, from a study to a table and a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from tests.comparison.made import make_study
from tests.report.pages import broken_links, parse
from valex_local.cli.compare import compare
from valex_local.comparison.results import Comparison
from valex_local.errors import ConfigError, InputError, StudyError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_study(folder / "study")
    (folder / "gold.csv").write_text(
        "video_id,1_Value4_Hedonism_values\n"
        + "".join(f"{name},{n % 2}\n" for n, name in enumerate(("ann_7300000000000000001", "ann_7300000000000000002")))
    )
    return folder


@pytest.fixture
def valex(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VALEX_MODELS", str(tmp_path / "no-models"))

    def call(*arguments, width=120):
        done = CliRunner().invoke(compare, ["-s", "study", *arguments], env={"COLUMNS": str(width)})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


def test_the_tables(valex):
    text = valex("a", "b", "--no-meaning", "--resamples", "50")
    (kept,) = (line for line in text.splitlines() if line.startswith("speech kept"))
    assert kept.split()[2:5] == ["1.000", "[1.000,", "1.000]"]
    assert kept.split()[-1] == "5"
    for title in ("The scripts, 5 posts", "In common", "States that differ, labels by encoder: a → b"):
        assert title in text
    assert "Same state in both scripts: 0.979" in text
    assert "50 resamples of 3 authors" in text


def test_a_narrow_terminal_is_enough(valex):
    text = valex("a", "b", "--no-meaning", "--resamples", "50", width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "a − b [95 %]" in text


def test_without_the_sentence_encoder_meaning_is_left_out_and_reported(valex):
    text = valex("a", "b", "--resamples", "0")
    assert "Similarity of meaning: not assessed because the model minilm-l6 is not installed" in text
    (line,) = (line for line in text.splitlines() if line.startswith("similarity of meaning, cosine"))
    assert line.split()[-2:] == ["–", "0"]


def test_a_folder_is_written(valex, tmp_path):
    assert "written: out" in valex("a", "b", "--no-meaning", "--resamples", "0", "-o", "out")
    found = Comparison.model_validate_json((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    assert (found.first, found.second, len(found.posts)) == ("a", "b", 5)
    assert (tmp_path / "out" / "index.html").is_file()


def test_pages_in_the_report_have_links_both_ways(valex, tmp_path):
    report = tmp_path / "study" / "report"
    assert f"written: {Path('study')}" in valex("a", "b", "--no-meaning", "--resamples", "0", "--report")
    compared = report / "comparisons" / "a..b"
    for path in report.rglob("*.html"):
        assert broken_links(path) == [], path
    assert [(compared / "index.html").resolve()] == leads_to(report / "index.html", inside=compared)
    assert [(report / "index.html").resolve()] == leads_to(compared / "index.html", inside=report)[:1]
    for page in (compared / "posts").iterdir():
        assert (report / "posts" / page.name).resolve() in leads_to(page, inside=report / "posts")
        assert leads_to(report / "posts" / page.name, inside=compared) == [page.resolve()]
    valex("a", "b", "--no-meaning", "--resamples", "0", "--report")  # a second time, over the first
    with pytest.raises(SystemExit, match="2"):
        compare(["a", "b", "-s", "study", "--report", "-o", "out"])


def leads_to(page: Path, *, inside: Path) -> list[Path]:
    """Return where the links of a page lead to inside a folder."""
    links = (unquote(link) for _, link in parse(page.read_text("utf-8")).links())
    found = ((page.parent / link).resolve() for link in links if not link.startswith("#"))
    return [path for path in found if path.is_relative_to(inside.resolve())]


def test_gold_labels(valex):
    text = valex("a", "b", "--no-meaning", "--resamples", "20", "--labels", "gold.csv", "--min-support", "1")
    for words in ("F1 of 2 texts", "a.encoder minus others", "always-yes"):
        assert words in text


def test_what_a_user_may_get_wrong(valex, tmp_path):
    with pytest.raises(InputError, match=r"script\.gemini\.json.*The variants are: a"):
        valex("a", "gemini")
    with pytest.raises(ConfigError, match="both scripts are a"):
        valex("a", "a")
    with pytest.raises(ConfigError, match="would not remove posts"):
        valex("a", "b", "-o", "study/mine")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="contains no comparison"):
        valex("a", "b", "-o", "taken")
    (tmp_path / "study" / "study.toml").unlink()
    with pytest.raises(StudyError, match="no study here"):
        valex("a", "b")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from valex_local.cli.compare import compare; "
        "CliRunner().invoke(compare, ['--help']); "
        "print([m for m in ('numpy', 'rapidfuzz', 'torch', 'jinja2', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
