"""Which study a command works on: -s, $VALEX_STUDY, the folder one stands in; and what is said of the old forms."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Call
from valex_local.cli import cli
from valex_local.cli._study import StudyCommand
from valex_local.records import Post, PostLine, Scene, Script
from valex_local.study import Study

ON_A_STUDY = {
    "label", "run", "status", "show", "check visual", "report", "compare", "import scripts", "import labels", "export",
    "forget", "calibrate", "correct", "exclude", "include", "import corrections",
    "review start", "review plan", "review status", "sample", "sheet",
    "agreement", "methods", "custody", "estimate prevalence", "estimate difference",
    "estimate regression", "estimate table", "pseudonyms list", "expire", "dossier",
}  # fmt: skip
"""Commands that work on one study."""

THREE_WAYS = "valex: no study is named. Name it with -s STUDY, set VALEX_STUDY, or change to the folder of a study\n"


def make(root: Path, *post_ids: str) -> Study:
    """Make a study of posts with a script each."""
    study = Study(root, create=True)
    for post_id in post_ids:
        study.write(post_id, "post", Post(id=post_id))
        scene = Scene(start=0, end=1, elements=(PostLine(text=f"words of {post_id}"),), written_by="template")
        study.write(post_id, "script.template", Script(name="template", scenes=(scene,)))
    return study


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds no study, which the test stands in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def study(here: Path) -> Study:
    return make(here / "study", "a", "b")


def commands(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield every command of the program by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


def posts_of(call: Call, *words: object) -> list[str]:
    """Return the posts of the study that a command works on."""
    done = call("show", *words)
    assert done.code == 0, done.err
    return re.findall(r"words of (\w+)", done.out)


# --- every command --------------------------------------------------------------------------------------------------


def test_every_command_on_a_study_takes_it_in_one_way():
    taking = {name for name, command in commands(cli) if any("--study" in p.opts for p in command.params)}
    assert taking == ON_A_STUDY
    assert all(isinstance(command, StudyCommand) for name, command in commands(cli) if name in ON_A_STUDY)


def test_no_command_writes_gold_labels_otherwise_than_labels():
    assert not [name for name, command in commands(cli) if any("--gold" in p.opts for p in command.params)]


FLAGS = {
    "--adjudicate", "--agreement", "--blind", "--calibration", "--cautious", "--circle", "--conflicted", "--dry-run",
    "--force", "--json", "--likely", "--load", "--own-domain", "--per-value", "--posts", "--redo", "--relative",
    "--remove", "--replace", "--report", "--retry", "--show-predictions", "--unsure", "--version", "--yes",
}  # fmt: skip
"""Options that do something or print more. All others that are on or off can be switched both ways."""


def test_what_is_on_or_off_can_be_switched_both_ways():
    one_way = {
        option.opts[-1]
        for _, command in commands(cli)
        for option in command.params
        if isinstance(option, click.Option) and option.is_flag and not option.secondary_opts
    }
    assert one_way - {"--help"} <= FLAGS


# --- which study ----------------------------------------------------------------------------------------------------


def test_a_study_that_is_named(call: Call, study: Study):
    for words in (("-s", "study"), ("-sstudy",), ("--study", "study/"), ("--study=study",)):
        assert posts_of(call, *words) == ["a", "b"]


def test_the_variable_names_the_study(call: Call, study: Study, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VALEX_STUDY", "study")
    assert posts_of(call) == ["a", "b"]
    make(study.root.parent / "other", "c")
    assert posts_of(call, "-s", "other") == ["c"], "the option wins over the variable"
    monkeypatch.chdir(study.root.parent / "other")
    monkeypatch.setenv("VALEX_STUDY", str(study.root))
    assert posts_of(call) == ["a", "b"], "the variable wins over the place"
    monkeypatch.setenv("VALEX_STUDY", "")
    assert posts_of(call) == ["c"], "an empty variable says nothing"


@pytest.mark.parametrize("place", [".", "posts", "posts/a", "logs"])
def test_the_study_around_the_folder_one_stands_in(call: Call, study: Study, monkeypatch: pytest.MonkeyPatch, place):
    monkeypatch.chdir(study.root / place)
    assert posts_of(call) == ["a", "b"]
    assert "words of b" in call("show", "b").out


def test_the_nearest_study_is_taken(call: Call, study: Study, monkeypatch: pytest.MonkeyPatch):
    inner = make(study.root / "exports" / "old", "z")
    monkeypatch.chdir(inner.root / "posts")
    assert posts_of(call) == ["z"]


def test_the_study_is_found_through_a_link(call: Call, study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "link").symlink_to(study.root / "posts" / "a")
    monkeypatch.chdir(tmp_path / "link")
    assert posts_of(call) == ["a", "b"]


@pytest.mark.parametrize(
    "words",
    [
        ["status"], ["show"], ["show", "a"], ["check", "visual"], ["report"], ["compare", "a", "b"], ["export", "srt"],
        ["forget", "a", "--yes"], ["label"], ["label", "-o", "labels.csv"], ["run"], ["run", "."],
        ["import", "scripts", ".", "--name", "gemini"], ["import", "labels", "x.csv"],
    ],
)  # fmt: skip
def test_no_study_anywhere_is_one_line_with_the_three_ways(call: Call, study: Study, words: list[str]):
    done = call(*words)
    assert (done.code, done.out, done.err) == (2, "", THREE_WAYS), "./study is not taken without being named"


def test_standing_in_a_folder_that_is_gone(call: Call, here: Path):
    os.rmdir(here)  # the folder one stands in
    assert call("status").err == THREE_WAYS


# --- which is none --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("none", "there is no study here [none]. Make one with: valex run VIDEOS -s STUDY"),
        ("study/posts/a", "there is no study here [study/posts/a]. Make one with: valex run VIDEOS -s STUDY"),
        ("study/study.toml", "this is a file, not a study [study/study.toml]. Name the folder of the study"),
        ("", "-s is empty. Name the folder of the study, or leave out -s"),
        ("a\0b", "there is no study here [a\\x00b]. Make one with: valex run VIDEOS -s STUDY"),
    ],
)
def test_a_place_that_is_no_study(call: Call, study: Study, named: str, said: str):
    for words in (["status"], ["show", "a"], ["export", "srt"], ["label"], ["import", "labels", "study/study.toml"]):
        done = call(*words, "-s", named)
        assert (done.code, done.out, done.err) == (2, "", f"valex: {said}\n"), words


def test_a_variable_to_nowhere_is_said_to_be_the_variable(call: Call, here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VALEX_STUDY", "gone")
    done = call("status")
    assert done.code == 2
    assert done.err == (
        "valex: VALEX_STUDY names this folder, and there is no study in it [gone]. Correct VALEX_STUDY, or name the "
        "study with -s\n"
    )


def test_a_folder_that_may_not_be_read(call: Call, study: Study, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Study, "__init__", refused)
    done = call("status", "-s", "study")
    assert (done.code, done.err) == (2, "valex: this folder cannot be read [study]. Check its permissions\n")


def test_two_studies_are_refused(call: Call, study: Study):
    make(study.root.parent / "other", "c")
    for words in (("-s", "study", "-s", "other"), ("-s", "study", "--study", "study")):
        done = call("forget", "c", *words, "--yes")
        assert (done.code, done.err) == (2, "valex: -s is given 2 times. A command works on one study\n")
    assert Study("other").post_ids() == ["c"]


def test_a_run_makes_the_study_that_is_named(call: Call, here: Path, monkeypatch: pytest.MonkeyPatch):
    assert call("run", "-s", "new").code == 2, "without a video there is nothing to do"
    assert (here / "new" / "study.toml").is_file()
    monkeypatch.setenv("VALEX_STUDY", "by-variable")
    call("run")
    assert (here / "by-variable" / "study.toml").is_file()
    (here / "file").touch()
    done = call("run", "-s", "file")
    assert done.err == "valex: this is a file, not a folder [file]. Choose a new folder with -s\n"


# --- posts ----------------------------------------------------------------------------------------------------------


def test_a_post_is_a_post_even_where_a_study_has_its_name(call: Call, study: Study):
    make(study.root.parent / "b", "z")
    done = call("show", "b", "-s", "study")
    assert "words of b" in done.out
    assert call("forget", "b", "-s", "study", "--yes").code == 0
    assert (Study("study").post_ids(), Study("b").post_ids()) == (["a"], ["z"])


def test_a_study_in_the_place_of_a_post_is_told_from_one(call: Call, study: Study):
    make(study.root.parent / "my other", "z")
    done = call("show", "my other", "-s", "study")
    assert (done.code, done.err) == (
        2, "valex: this is a study, not a post [my other]. Name it with -s 'my other'\n"
    )  # fmt: skip


# --- the old forms --------------------------------------------------------------------------------------------------

NOW = "valex: the study is named with -s now: valex "


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status study/", "status -s study/"),
        ("status study --posts", "status --posts -s study"),
        ("status gone", "status -s gone"),
        ("status 'my study'", "status -s 'my study'"),
        ("status -- study", "status -s study --"),
        ("report study/ -o pages", "report -o pages -s study/"),
        ("check visual study --json", "check visual --json -s study"),
        ("compare study/ template gemini", "compare template gemini -s study/"),
        ("compare gone/ template gemini", "compare template gemini -s gone/"),
        ("export study/ srt", "export srt -s study/"),
        ("export study", "export -s study"),
        ("export gone srt --json", "export srt --json -s gone"),
        ("label study/", "label -s study/"),
        ("label study -o labels.csv --as long", "label -o labels.csv --as long -s study"),
        ("run videos/ -o study/ --redo", "run videos/ -s study/ --redo"),
        ("run videos/ -ostudy", "run videos/ -sstudy"),
        ("run --out=study/", "run --study=study/"),
        ("run --out study/ videos", "run --study study/ videos"),
        ("import scripts scripts/ --name gemini -o study", "import scripts scripts/ --name gemini -s study"),
        ("import scripts -o study", "import scripts -s study"),
        ("import labels anna.csv -o study", "import labels anna.csv -s study"),
    ],
)
def test_the_old_form_is_answered_with_the_new_one(call: Call, study: Study, old: str, new: str):
    done = call(*shlex.split(old))
    option = "--study" if "--study" in new else "-s"
    assert (done.code, done.out, done.err) == (2, "", f"valex: the study is named with {option} now: valex {new}\n")
    assert sorted(p.name for p in study.root.parent.iterdir()) == ["study"], "and nothing else is done"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("compare a b -s study --gold gold.csv", "compare a b -s study --labels gold.csv"),
        ("label -s study --gold=gold.csv", "label -s study --labels=gold.csv"),
    ],
)
def test_gold_labels_are_named_with_labels(call: Call, study: Study, old: str, new: str):
    done = call(*shlex.split(old))
    assert (done.code, done.err) == (
        2, f"valex: a sheet of gold labels is named with --labels now: valex {new}\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("export", "Missing argument 'FORMAT'"),
        ("export srrt", "'srrt' is not one of"),
        ("export here", "'here' is not one of"),
        ("export srt study -s study", "unexpected extra argument (study)"),
        ("status study -s study", "unexpected extra argument (study)"),
        ("status --gold x", "No such option '--gold'"),
        ("report --no-such study", "No such option '--no-such'"),
        ("import scripts here here2 --name x", "unexpected extra argument (here2)"),
        ("show study --as xml", "'xml' is not one of"),
    ],
)
def test_other_slips_are_told_as_always(call: Call, study: Study, words: str, said: str):
    (study.root.parent / "here").mkdir()
    done = call(*shlex.split(words))
    assert done.code == 2
    assert said in done.err
    assert NOW not in done.err


def test_help_is_shown_whatever_stands_beside_it(call: Call, study: Study):
    assert "-s, --study STUDY" in call("status", "study", "--help").out


# --- labels ---------------------------------------------------------------------------------------------------------


def test_labels_are_of_a_study_or_of_texts(call: Call, study: Study, monkeypatch: pytest.MonkeyPatch):
    texts = study.root.parent / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("words", "utf-8")
    done = call("label", "texts", "-s", "study", "-o", "labels.csv")
    assert done.err == "valex: both a study and texts are named [texts]. Leave out one of them\n"
    done = call("label", "texts")
    assert done.err == "valex: these texts are in no study [texts]. Name a file for the labels: -o labels.csv\n"
    # Texts that are named are meant, wherever one stands.
    shutil.move(texts, study.root / "texts")
    monkeypatch.chdir(study.root)
    assert "these texts are in no study" in call("label", "texts").err
