"""An export runs while a post is being forgotten: it must not write the post out again."""

import threading
from pathlib import Path

import pytest

import valex_local.study.forget as forgetting
from tests.commands import valex
from valex_local.records import Post, Script
from valex_local.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "study", create=True)
    for post in ("a", "b"):
        made.write(post, "post", Post(id=post))
        made.write(post, "script.template", Script(name="template"))
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("export", "fountain"),
        ("export", "fountain", "-o", "{study}/exports/x"),
        ("report",),
        ("report", "-o", "{study}/report"),
        ("compare", "template", "template", "-o", "{study}/exports/c"),
        ("check", "visual", "--csv", "{study}/exports/c.csv"),
    ],
)
def test_it_waits_for_the_study(study, words):
    with study.lock():
        done = valex(*(word.format(study=study.root) for word in words), "-s", study.root)
    assert (done.returncode, done.stdout) == (2, "")
    assert "another run is active in this study" in done.stderr
    assert not (study.root / "exports").exists() and not (study.root / "report").exists()


def test_an_export_elsewhere_needs_no_lock(study, tmp_path):
    with study.lock():
        done = valex("export", "fountain", "-o", tmp_path / "out", "-s", study.root)
    assert done.returncode == 0, done.stderr


def test_what_goes_through_a_link_is_in_the_study(study, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (study.root / "exports").symlink_to(tmp_path / "elsewhere")
    with study.lock():
        assert valex("export", "fountain", "-s", study.root).returncode == 2
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_post_is_not_exported_while_it_is_forgotten(study, monkeypatch):
    assert valex("export", "fountain", "-s", study.root).returncode == 0
    found = []
    remove = forgetting.remove

    def slowly(path, *, inside):
        remove(path, inside=inside)
        if path.name == "exports":  # gone, and the folder of the post is still there
            thread = threading.Thread(target=lambda: found.append(_export(study)))
            thread.start()
            thread.join()

    monkeypatch.setattr(forgetting, "remove", slowly)
    with study.lock():
        study.forget("a")
    assert found == ["another run is active in this study"]
    assert not list((study.root).rglob("a*"))


def _export(study: Study) -> str:
    from valex_local.errors import StudyError
    from valex_local.exchange.export.run import export_study

    try:
        export_study(study, "fountain")
    except StudyError as error:
        return error.what
    return "exported"
