"""Nothing is dropped, guessed or cut in silence: every notice is in the record, in the summary and in the report."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import toystages
from tests.commands import valex
from tests.pipeline.test_run import MEDIA, SPEECH
from tests.report import made
from valex_local.notices import NOTICES, UNKNOWN, kind_of
from valex_local.pipeline.summary import NoticeCount, Summary, count_notices
from valex_local.records import Grounding, Intake, Notice, Transcript
from valex_local.report.gather import Reader
from valex_local.report.pages import write_report
from valex_local.study import Study

PACKAGE = Path(__file__).resolve().parent.parent / "valex_local"


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "notices.py":
            yield path, ast.parse(path.read_text("utf-8"))


def test_every_code_that_the_package_writes_is_in_the_table() -> None:
    unknown = [
        f"{path.relative_to(PACKAGE)}, line {node.lineno}: {given.value!r}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Notice")
        for given in [*node.args[:1], *(k.value for k in node.keywords if k.arg == "code")]
        if isinstance(given, ast.Constant) and given.value not in NOTICES
    ]
    assert not unknown


def test_every_code_of_the_table_is_written_somewhere() -> None:
    texts = {n.value for _, tree in trees() for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    assert not [code for code in NOTICES if code not in texts]


def test_a_code_that_is_not_in_the_table_counts_as_serious() -> None:
    assert kind_of("of-a-newer-version") is UNKNOWN and UNKNOWN.changes_meaning


@pytest.fixture
def every(monkeypatch: pytest.MonkeyPatch) -> list[Notice]:
    """A notice of every kind, which the toy stage `speech` then gives every post."""
    found = [Notice(code=code, text=f"happened: <{code}> & more") for code in NOTICES]
    monkeypatch.setattr("valex_local.stages.registry.STAGES", (MEDIA, SPEECH))
    monkeypatch.setattr(toystages, "NOTICES", found)
    return found


def test_every_notice_is_in_the_record_the_summary_and_the_report(tmp_path: Path, every: list[Notice]) -> None:
    (tmp_path / "a.mp4").write_text("fine")
    out = tmp_path / "study"
    done = valex("run", tmp_path / "a.mp4", "-s", out)
    assert done.returncode == 1, done.stderr  # one of them says that a file was left out
    study = Study(out)
    (post_id,) = study.post_ids()
    assert study.require(post_id, "transcript", Transcript).notices == tuple(every)
    status = valex("status", "-s", out, "--posts").stdout
    assert valex("report", "-s", out).returncode == 0
    pages = [(out / "report" / "index.html").read_text(), *(p.read_text() for p in (out / "report/posts").glob("*"))]
    for notice, kind in zip(every, NOTICES.values(), strict=True):
        mark = "*" if kind.changes_meaning else " "
        assert f"notice {mark}   1  speech: {notice.text}\n" in done.stdout
        assert (f"speech: {notice.text}" in status.partition("\n")[0]) == kind.changes_meaning
        shown = notice.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert all(shown in page for page in pages) and kind.title in pages[0]
    last = done.stdout.splitlines()[-1]
    assert last == "* 1 of 1 post with notices that may change what they mean: valex status --posts"


def test_a_notice_in_any_record_of_a_post_is_in_the_report(tmp_path: Path) -> None:
    study = made.make_study(tmp_path / "study", 1)
    (post_id,) = study.post_ids()
    records = Reader(study)(post_id).records | {
        "post": study.post(post_id),
        "grounding.template": Grounding(script="template"),
    }
    for stem, record in records.items():
        notice = Notice(code="cut", text=f"something is missing in {stem}")
        study.write(post_id, stem, record.model_copy(update={"notices": (notice,)}))
    study.write_intake(Intake(notices=(Notice(code="cut", text="a file was left out"),), unmatched=("row 7: x",)))
    written = write_report(study)
    index = written.index.read_text()
    (page,) = (path.read_text() for path in (written.index.parent / "posts").iterdir())
    assert len(records) > 8
    for stem in records:
        assert f"something is missing in {stem}<" in index, stem
        assert f"something is missing in {stem}<" in page, stem
    assert "a file was left out" in index and "row 7: x" in index


def test_notices_are_counted_by_step_and_kind_the_serious_ones_first() -> None:
    mild, serious = Notice(code="model-notice", text="a toy"), Notice(code="cut", text="it ends after 3 s")
    found = [("a", "vision", mild), ("a", "script", serious), ("b", "script", serious)]
    other = ("b", "script", Notice(code="cut", text="it ends after 9 s"))
    assert list(count_notices([*found, other])) == [
        NoticeCount("script", "cut", "it ends after 3 s", wordings=2, posts=2, changes_meaning=True),
        NoticeCount("vision", "model-notice", "a toy", wordings=1, posts=1, changes_meaning=False),
    ]


def test_a_run_that_left_out_files_is_not_complete() -> None:
    assert Summary("s").ok
    assert not Summary("s", notices=[NoticeCount("intake", "left-out", "a.mp3 was left out")]).ok


def test_a_notice_of_an_imported_script_is_in_the_summary_too(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "@ann_video_7300000000000000041.txt").write_text("[0:09] GIRL: A\n[0:02] GIRL: B\n")
    out = tmp_path / "study"
    done = valex("import", "scripts", tmp_path / "scripts", "--name", "gemini", "--new-posts", "-s", out)
    said = "1 of 2 times are earlier than the one before"
    assert f"1 × notice: ann_7300000000000000041: {said}\n" in done.stdout
    assert f"notice *   1  script.gemini: {said}\n" in valex("status", "-s", out).stdout
