"""Every command of the README and of docs/ is run or, where a comment says why not, parsed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from benchmarks.__main__ import bench
from tests.commands import Done, valex, valex_process
from valex_local.cli import cli
from valex_local.store import Store, StoredModel

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CLIP = "@thrift.tilda_video_7300000000000000001"

_BLOCK = re.compile(r"(?:<!-- (?P<why>.*?) -->\n)?```(?P<kind>\w+)\n(?P<body>.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)(?P<file>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `why_not` is the reason why it is not run."""

    kind: str
    body: str
    why_not: str | None

    @property
    def commands(self) -> list[str]:
        return [line.removeprefix("$ ") for line in self.body.splitlines() if line.startswith("$ ")]


def blocks(page: Path) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(page.read_text("utf-8")):
        why = match["why"]
        assert why is None or why.startswith("not run: "), f"{page.name}: {why}"
        found.append(Block(match["kind"], match["body"], why))
    return found


ALL = [(page, block) for page in PAGES for block in blocks(page)]
LARGER = "mpnet-base"
"""The encoder below the label model of the profile cpu; the tests have the models of the profile demo."""

SMALLER = {"models": {"labels": "minilm-arguments"}}
"""The settings with which the pages are run instead."""

COMMANDS = [(page, command) for page, block in ALL if block.kind == "console" for command in block.commands]


def test_blocks_are_found() -> None:
    assert len(PAGES) >= 9
    assert len(COMMANDS) >= 40
    assert {block.kind for _, block in ALL} == {"console", "python", "csv", "text", "tsv"}


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=lambda v: v if isinstance(v, str) else v.stem)
def test_options_exist(page: Path, command: str) -> None:
    words = shlex.split(command)
    if "valex" in words[:6]:
        parse(cli, words[words.index("valex") + 1 :])
    elif words[:3] == ["python", "-m", "benchmarks"]:
        parse(bench, words[3:])
    elif words[0].startswith("./"):
        script = ROOT / words[0]
        assert os.access(script, os.X_OK)
        subprocess.run(["bash", "-n", script], check=True)
    else:
        assert words[0] in ("tar", "pip"), f"{page.name}: what is {words[0]}?"


def parse(command: click.Command, words: list[str]) -> None:
    """Parse a command line by the program's own definitions; unknown commands and options raise."""
    context = click.Context(command, info_name=command.name)
    while isinstance(command, click.Group):
        _, words, _ = command.make_parser(context).parse_args(list(words))
        inner = command.get_command(context, words[0])
        assert inner is not None, f"there is no command {words[0]}"
        command, context, words = inner, click.Context(inner, info_name=words[0], parent=context), words[1:]
    values, left, _ = command.make_parser(context).parse_args(words)
    assert not left
    for parameter in command.params:
        if parameter.required:
            assert values.get(parameter.name), f"{parameter.name} is missing"


def test_a_wrong_option_would_be_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        parse(cli, ["run", "videos/", "-s", "study/", "--no-such-option"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.finditer(page.read_text("utf-8")):
        target = page.parent / link["file"] if link["file"] else page
        assert target.exists(), link[0]
        if link["anchor"]:
            heads = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            assert link["anchor"] in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_picture_is_drawn_and_told() -> None:
    picture = ElementTree.parse(ROOT / "docs" / "dataflow.svg").getroot()
    texts = " ".join(picture.itertext())
    for stage in ("media", "speech", "ocr", "vision", "script", "grounding", "labels"):
        assert stage in texts
    alt = re.search(r"!\[(.*?)\]\(docs/dataflow.svg\)", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert alt is not None and "labels" in alt[1]


@pytest.fixture(scope="session")
def study_made(
    store: Store,
    stored_model: Callable[[str], StoredModel],
    made_once: Callable[[str, Callable[[Path], object]], Path],
) -> Path:
    """A folder with one clip in videos/ and a finished study of it."""
    for model_id in ("whisper-base-ct2", "ppocrv6", "minilm-l6"):
        stored_model(model_id)
    clips = ROOT / "models" / "demo" / "clips"

    def make(folder: Path) -> None:
        (folder / "videos").mkdir()
        for suffix in (".mp4", ".info.json"):
            shutil.copy(clips / f"{CLIP}{suffix}", folder / "videos")
        (folder / "scripts").mkdir()
        shutil.copy(ROOT / "models" / "demo" / "scripts" / f"{CLIP}.txt", folder / "scripts")
        words = shlex.split("run videos/ -s study/ --set models.labels=minilm-arguments")
        succeed(valex(*words, cwd=folder, VALEX_MODELS=str(store.root)))

    return made_once("docs", make)


def succeed(done: Done) -> str:
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_from_top_to_bottom(page: Path, study_made: Path, store: Store, tmp_path: Path) -> None:
    """The first command of a page in a process of its own, the others in this one."""
    shutil.copytree(study_made, tmp_path, dirs_exist_ok=True)
    for block in blocks(page):
        if block.kind == "csv":
            (tmp_path / "posts.csv").write_text(block.body, "utf-8")
    run = valex_process
    for block in blocks(page):
        if block.why_not is not None:
            continue
        if block.kind == "python":
            assert "present" in block.body
            printed = python(block.body.replace('.mp4")', f'.mp4", options={SMALLER})'), tmp_path, store)
            assert "twelve" in printed or "$12" in printed
        for command in block.commands if block.kind == "console" else ():
            words = shlex.split(command)
            assert words[0] == "valex", f"cannot run {command}; say why not in a comment"
            done = run(*words[1:], cwd=tmp_path, VALEX_MODELS=str(store.root))
            run = valex
            if not needs_larger_model(done, store):
                succeed(done)


def needs_larger_model(done: Done, store: Store) -> bool:
    """Whether a command fails only because this machine lacks the encoder of the profile cpu."""
    of_cpu = [entry for entry in store.entries() if entry.manifest.id in store.members("cpu")]
    missing = [entry.manifest.id for entry in of_cpu if entry.problem]
    said = " ".join((done.stdout + done.stderr).split())
    return done.returncode != 0 and missing == [LARGER] and f"{LARGER} is not installed" in said


def python(code: str, folder: Path, store: Store) -> str:
    environment = {**os.environ, "VALEX_MODELS": str(store.root), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    return succeed(subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False))
