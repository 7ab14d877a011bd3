"""The log of custody: a chain in which every change of the past is seen."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchange.exported import N1, NAMED, ONE, SILENT, TWO, make_study
from valex_local.cli.custody import custody
from valex_local.cli.export import export
from valex_local.cli.forget import forget
from valex_local.errors import StudyError
from valex_local.study import Study
from valex_local.study.custody import FILE, account, add, entries


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def call(command, *words):
    return CliRunner().invoke(command, list(map(str, words)))


def test_what_happens_is_written_down_without_any_post(study):
    assert call(export, "srt", "-s", study.root).exit_code == 0
    assert call(forget, ONE, "-s", study.root, "--yes").exit_code == 0
    assert [(entry.event, entry.details.get("posts")) for entry in entries(study)] == [("export", 2), ("erasure", 1)]
    done = call(custody, "-s", study.root)
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == f"2 lines, unchanged; seal {entries(study)[-1].seal}"
    content = (study.root / FILE).read_bytes()
    assert N1.encode() not in content
    assert stat.S_IMODE((study.root / FILE).stat().st_mode) == 0o600


@settings(max_examples=40)
@given(st.integers(2, 6), st.data())
def test_every_change_of_the_past_is_seen(lines, data):
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "study", create=True)
        for number in range(lines):
            add(study, "import", "anna", what="labels", posts=number)
        path = study.root / FILE
        rows = path.read_bytes().splitlines()
        kind = data.draw(st.sampled_from(["edit", "remove", "swap", "insert", "garbage"]))
        at = data.draw(st.integers(0, lines - 2))
        if kind == "edit":
            rows[at] = rows[at].replace(b'"by":"anna"', b'"by":"ben"')
        elif kind == "remove":
            del rows[at]
        elif kind == "swap":
            rows[at], rows[at + 1] = rows[at + 1], rows[at]
        elif kind == "insert":
            rows.insert(at, rows[at])
        else:
            rows[at] = data.draw(st.binary(max_size=20).filter(lambda raw: b"\n" not in raw and b"\r" not in raw))
        path.write_bytes(b"\n".join(rows) + b"\n")
        with pytest.raises(StudyError, match="was changed in line"):
            entries(study)
        with pytest.raises(StudyError):
            add(study, "import", "anna")


def test_a_seal_tells_of_lines_that_were_cut_off(study):
    for number in range(3):
        seal = add(study, "export", "anna", posts=number).seal
    path = study.root / FILE
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert len(entries(study)) == 2, "the file alone does not tell"
    with pytest.raises(StudyError, match="cut off"):
        entries(study, seal)
    assert call(custody, "-s", study.root, "--seal", entries(study)[0].seal[:16]).exit_code == 0


def test_a_log_that_does_not_hold_stops_what_would_be_logged(study):
    add(study, "import", posts=1)
    path = study.root / FILE
    path.write_bytes(path.read_bytes().rstrip(b"\n"))  # as after a crash, or by hand
    for command, *words in ((forget, ONE, "--yes"), (export, "srt")):
        assert call(command, *words, "-s", study.root).exit_code != 0
    assert ONE in study.post_ids()
    assert not (study.root / "exports").exists()


def test_the_user_is_the_one_of_the_system(study, monkeypatch):
    monkeypatch.setenv("LOGNAME", "somebody_else")
    assert add(study, "import").by == account() != "somebody_else"
    monkeypatch.setattr("os.getuid", lambda: 54321)
    assert account() == "user 54321"


def test_posts_that_a_list_lacks_are_forgotten(study, tmp_path):
    listed = tmp_path / "there.txt"
    listed.write_text(
        f"https://www.tiktok.com/@bo.b/video/{TWO.rpartition('_')[2]}\n\n{NAMED}\n@cy_video_{SILENT[-19:]}.mp4\n"
    )
    done = call(forget, "--missing-from", listed, "-s", study.root, "--yes")
    assert done.exit_code == 0, done.output
    assert ONE not in study.post_ids()
    assert study.post_ids() == sorted([TWO, NAMED, SILENT])
    assert entries(study)[-1].details == {"posts": 1, "why": "missing from a list"}
    assert "names every post" in call(forget, "--missing-from", listed, "-s", study.root, "--yes").output


def test_a_wrong_list_forgets_nothing(study, tmp_path):
    (tmp_path / "wrong.txt").write_text("nothing of this study\n")
    for words in (["--missing-from", tmp_path / "wrong.txt"], [], [ONE, "--missing-from", tmp_path / "wrong.txt"]):
        assert call(forget, *words, "-s", study.root, "--yes").exit_code != 0
    assert len(study.post_ids()) == 4
