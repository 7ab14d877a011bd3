"""Files try to command the terminal: over all commands, to a terminal and with --json, nothing of it gets through."""

import contextlib
import io
import json
import os
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import commands
from valex_local import cli
from valex_local.errors import ValexError, printable
from valex_local.records import (
    Coding,
    CorrectedLine,
    Correction,
    Dialogue,
    Edits,
    Exclusion,
    Failure,
    Intake,
    Labels,
    LabelSource,
    LeftOut,
    Notice,
    Post,
    PostText,
    Scene,
    Script,
    SpeakerName,
    ValueLabel,
)
from valex_local.schwartz import CIRCLE, State
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.custody import add

BAD = "\x1b]0;PWNED\x07\x9b2J\u202ecod.exe\u2066\u200f\u061c\u2028\x08\x7f"
"""Sets the title of the window, clears the screen, turns the direction of writing, goes back a character."""

OBEYED = re.compile("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]")
COLOURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[hl]|\x1b\[[0-9]*[AK]|\r")
"""What rich itself sends: colours, the cursor hidden and shown, a line cleared."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study, tables, models and scripts, all of them hostile."""
    root = tmp_path_factory.mktemp("hostile")
    study = Study(root / "study", create=True)
    note = Notice(code="left-out", text=f"notice {BAD}")
    study.write_intake(Intake(unmatched=(f"row {BAD}",), notices=(note,)))
    for post in ("a", "b"):
        text = PostText(caption=f"caption {BAD}", author=f"author {BAD}")
        study.write(post, "post", Post(id=post, text=text, notices=(note,)))
        line = Dialogue(ref=None, speaker=f"HER {BAD}", text=f"says {BAD}", start=None, end=None)
        scene = Scene(start=None, end=None, heading=f"INT. {BAD}", elements=(line,), written_by="import")
        for name in ("template", "gemini"):
            study.write(post, f"script.{name}", Script(name=name, scenes=(scene,), notices=(note,), genre=BAD))
        told = {"model": f"model {BAD}", "domain": f"domain {BAD}", "baseline": f"baseline {BAD}"}
        source = LabelSource(route="direct", languages=(f"en{BAD}",), **told)
        labels = [
            ValueLabel(value=value, present=0.5, conflicted=0.1, state=State.PRESENT, evidence=(f"L{BAD}",))
            for value in CIRCLE
        ]
        study.write(
            post,
            "labels.template.direct",
            Labels(script="template", source=source, values=tuple(labels), notices=(note,)),
        )
    said = CorrectedLine(kind="speech", text=f"heard {BAD}", start=0, end=1)
    told = {"by": f"by {BAD}", "on": datetime(2026, 1, 1, tzinfo=UTC)}
    correction = Correction(id="C1", line=said, text=f"is {BAD}", speaker=f"who {BAD}", **told)
    names = SpeakerName(speaker=f"one {BAD}", name=f"other {BAD}", **told)
    study.write("a", "edits", Edits(corrections=(correction,), speakers=(names,)))
    study.write("a", "coding.anna", Coding(coder=f"anna {BAD}", note=BAD, done=True))
    left_out = LeftOut(excluded={"gone": Exclusion(reason=f"why {BAD}", **told)})
    (study.root / "left-out.json").write_text(left_out.to_json(), "utf-8")
    add(study, f"event {BAD}", f"by {BAD}", what=f"what {BAD}")
    study.write_failure(Failure(post="a", stage="intake", what=f"failed {BAD}", hint=f"hint {BAD}"))
    study.write_failure(Failure(post="c", stage="intake", what=f"failed {BAD}", hint=f"hint {BAD}"))
    plain = BAD.replace("/", "")
    (study.root / "posts" / f"x{plain}").mkdir()
    (study.root / "posts" / f"x{plain}" / "post.json").write_text("{}")
    (study.root / "failures" / f"y{plain}.media.json").write_text("[")
    (root / "videos").mkdir()
    (root / "videos" / f"clip{plain}.mp4").write_bytes(b"no video")
    (root / f"settings{plain}.toml").write_text(f'"{_toml(BAD)}x" = 1\n')
    (root / "profile.toml").write_text(f'[models]\nllm = "{_toml(BAD)}"\n')
    (root / "sheet.csv").write_text(f"post,{BAD},annotator\nq{BAD},1,{BAD}\n", "utf-8")
    (root / "scripts").mkdir()
    (root / "scripts" / f"s{plain}.txt").write_text(f"HER: {BAD}\n")
    broken = Study(root / "broken", create=True)
    (broken.root / "study.toml").write_text(f'profile = "{_toml(BAD)}"\n"{_toml(BAD)}x" = 1\n')
    return root


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "hostile")


def _toml(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" for c in text)


WORDS = {
    "run": ["{r}/videos", "-s", "{r}/study", "--until", "media"],
    "status": ["-s", "{r}/study", "--posts"],
    "show": ["-s", "{r}/study"],
    "report": ["-s", "{r}/study"],
    "label": ["{r}/sheet.csv", "-o", "{r}/out.csv"],
    "check visual": ["-s", "{r}/study"],
    "compare": ["template", "gemini", "-s", "{r}/study", "--no-meaning", "--resamples", "0"],
    "import scripts": ["{r}/scripts", "--name", "other", "-s", "{r}/study"],
    "import labels": ["{r}/sheet.csv", "-s", "{r}/study"],
    "import corrections": ["{r}/scripts", "--by", f"a{BAD}", "-s", "{r}/study"],
    "export": ["fountain", "-s", "{r}/study"],
    "methods": ["-s", "{r}/study"],
    "sample": [BAD, "--size", "1", "-s", "{r}/study"],
    "sheet": ["-o", "{r}/out.csv", "--coder", f"a{BAD}", "-s", "{r}/study"],
    "pseudonyms new": [f"{{r}}/{BAD}"],
    "pseudonyms list": [f"{{r}}/{BAD}", "-o", "{r}/out.csv", "-s", "{r}/study"],
    "dossier": ["-s", "{r}/study"],
    "expire": ["-s", "{r}/study"],
    "review start": ["--coder", f"a{BAD}", "-s", "{r}/study"],
    "review plan": ["--coders", f"a{BAD}", "-s", "{r}/study"],
    "review status": ["-s", "{r}/study"],
    "correct": ["-s", "{r}/study"],
    "exclude": ["-s", "{r}/study"],
    "include": [BAD, "-s", "{r}/study"],
    "custody": ["-s", "{r}/study"],
    "agreement": ["{r}/sheet.csv", "-s", "{r}/study"],
    "estimate prevalence": ["--labels", "template.direct", "--sample", BAD, "-s", "{r}/study"],
    "estimate difference": ["--by", BAD, "--labels", f"a{BAD}.b", "--sample", "x", "-s", "{r}/study"],
    "estimate regression": ["--on", BAD, "--labels", "template.direct", "--sample", "x", "-s", "{r}/study"],
    "estimate table": ["--labels", "template.direct", "--sample", "x", "-o", "{r}/out.csv", "-s", "{r}/study"],
    "forget": [BAD, "-s", "{r}/study", "--yes"],
    "train": ["--labels", "{r}/sheet.csv", "--texts", "{r}/study", "-o", "{r}/model"],
    "evaluate": ["{r}/study", "--labels", "{r}/sheet.csv"],
    "calibrate": ["{r}/sheet.csv", "-s", "{r}/study"],
    "models list": [],
    "models verify": [],
    "models install": [BAD],
    "models remove": [BAD],
    "models add": ["{r}/videos", "--id", f"a{BAD}"],
    "models pack": ["{r}/x.tar", BAD],
    "models unpack": ["{r}/sheet.csv"],
    "doctor": ["--profile", BAD],
}
"""A command line for each command; the test fails if one is missing."""


def all_commands(group: click.Group = cli.cli, above: str = "") -> list[str]:
    names = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        full = f"{above} {name}".strip()
        names += all_commands(command, full) if isinstance(command, click.Group) else [full]
    return names


def test_no_command_is_missing():
    assert sorted(all_commands()) == sorted(WORDS)


class Screen(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def on_terminal(*words: object) -> str:
    """Return what a command sends to a terminal."""
    out = Screen(io.BytesIO(), "utf-8", write_through=True)
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        enter(commands._threads_kept())
        enter(mock.patch.dict(os.environ, {"COLUMNS": "200", "TERM": "xterm-256color"}))
        enter(mock.patch.object(sys, "argv", ["valex", *map(str, words)]))
        enter(mock.patch.object(sys, "stdin", io.StringIO()))
        enter(mock.patch.object(cli.network_guard, "enter", lambda **_: None))
        enter(cli.network_guard.guarded())
        enter(contextlib.redirect_stdout(out))
        enter(contextlib.redirect_stderr(out))
        commands._exit_status()
    return out.buffer.getvalue().decode("utf-8")


def assert_harmless(printed: str) -> None:
    plain = COLOURS.sub("", printed)
    assert not (found := OBEYED.search(plain) or re.search("\x1b", plain)), printed[max(found.start() - 80, 0) :][:200]


def variants(command: str) -> list[list[str]]:
    group: click.Command = cli.cli
    for name in command.split():
        group = group.get_command(click.Context(group), name)
    words = [*command.split(), *WORDS[command]]
    options = {name for parameter in group.params for name in parameter.opts}
    found = [words]
    if "--json" in options:
        found.append([*words, "--json"])
    if "--config" in options:
        found.append([*words, "--config", "{r}/settings" + BAD + ".toml"])
    if "--profile" in options and command != "doctor":
        found.append([*words, "--profile", "{r}/profile.toml"])
    if command == "show":
        found += [[*words, "--as", form] for form in ("json", "fountain")]
    if command == "evaluate":
        found += [[*words, "--as", form] for form in ("json", "csv", "markdown")]
    if "--study" in options:
        found.append([word.replace("{r}/study", "{r}/broken") for word in words])
    found.append([*words, f"--{BAD}"])
    found.append(["--debug", *words])
    return found


@pytest.mark.parametrize(
    "words", [words for command in WORDS for words in variants(command)], ids=lambda w: re.sub(r"\\.*", "", ascii(w))
)
def test_nothing_that_a_terminal_obeys_is_printed(folder, words, monkeypatch):
    monkeypatch.setenv("VALEX_MODELS", str(folder / "models"))
    printed = on_terminal(*(word.replace("{r}", str(folder)) for word in words))
    assert_harmless(printed)


def test_what_is_in_the_study_is_shown_escaped(folder):
    printed = on_terminal("show", "a", "-s", folder / "study")
    assert "says " in printed and "\\u202ecod.exe" in printed and "domain \\x1b]0;PWNED\\x07" in printed
    done = commands.valex("status", "--json", "-s", folder / "study")
    assert done.stdout, done.stderr
    data = json.loads(done.stdout)
    assert data["unmatched"] == [f"row {BAD}"], "programs get what is in the file"
    assert done.stdout.isascii()


def test_the_licence_of_a_model_is_escaped_too(tmp_path, monkeypatch):
    store = Store(tmp_path)
    manifest = next(iter(store.manifests().values())).model_copy(update={"id": "evil", "licence": BAD, "origin": BAD})
    monkeypatch.setattr(Store, "manifests", lambda self: {"evil": manifest})
    assert_harmless(printed := on_terminal("models", "list"))
    assert "evil" in printed


# --- the door -------------------------------------------------------------------------------------------------------

READABLE = ["👩‍👩‍👧", "می‌خواهم", "क्‍ष", "日本語　全角", "10 000 €", "été", "שלום", "❤️"]


@pytest.mark.parametrize("text", READABLE)
def test_letters_and_emoji_stay_readable(text):
    assert printable(text) == text


@given(st.text())
def test_nothing_obeyed_is_printable(text):
    shown = printable(text)
    assert not OBEYED.search(shown) and "\x1b" not in shown and "\n" not in shown
    assert printable(shown) == shown
    shown.encode()
    assert not OBEYED.search(printable(text, keep="\n\t"))


@given(st.text(), st.text(), st.text())
def test_no_error_is_more_than_a_line(what, path, hint):
    assert str(ValexError(what, path=path, hint=hint)).isprintable() or not OBEYED.search(
        str(ValexError(what, path=path, hint=hint))
    )
