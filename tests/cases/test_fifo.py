"""A named pipe stands where a user names a file: it is one line, and never a wait for ever."""

import os
import signal
from pathlib import Path

import click
import pytest

from tests.cases.test_escapes import all_commands
from tests.commands import valex
from valex_local import cli
from valex_local.errors import ValexError
from valex_local.files.checksums import Checksums, sha256_of
from valex_local.records import Post, Script
from valex_local.store import Store
from valex_local.study import Study

WORDS = {
    ("run", "paths"): ["{f}", "-s", "{s}"],
    ("run", "meta"): ["{v}", "--meta", "{f}", "-s", "{s}"],
    ("run", "config"): ["-s", "{s}", "--config", "{f}"],
    ("report", "out"): ["-s", "{s}", "-o", "{f}"],
    ("label", "texts"): ["{f}", "-o", "{o}"],
    ("label", "out"): ["{t}", "-o", "{f}"],
    ("label", "labels"): ["{t}", "-o", "{o}", "--labels", "{f}", "--shots", "2", "--route", "fewshot"],
    ("label", "prompt"): ["{t}", "-o", "{o}", "--prompt", "{f}", "--route", "fewshot"],
    ("check visual", "table"): ["-s", "{s}", "--csv", "{f}"],
    ("compare", "labels"): ["template", "other", "-s", "{s}", "--labels", "{f}", "--no-meaning"],
    ("compare", "out"): ["template", "other", "-s", "{s}", "-o", "{f}", "--no-meaning"],
    ("import scripts", "path"): ["{f}", "--name", "x", "-s", "{s}"],
    ("import labels", "paths"): ["{f}", "-s", "{s}"],
    ("import corrections", "paths"): ["{f}", "--by", "anna", "-s", "{s}"],
    ("forget", "listed"): ["--missing-from", "{f}", "-s", "{s}", "--yes"],
    ("sheet", "out"): ["-o", "{f}", "-s", "{s}"],
    ("sheet", "pseudonyms"): ["-o", "{o}.csv", "--pseudonyms", "{f}", "-s", "{s}"],
    ("dossier", "out"): ["-o", "{f}", "-s", "{s}"],
    ("export", "pseudonyms"): ["fountain", "--pseudonyms", "{f}", "-s", "{s}"],
    ("report", "pseudonyms"): ["--pseudonyms", "{f}", "-s", "{s}"],
    ("label", "pseudonyms"): ["{t}", "-o", "{o}", "--pseudonyms", "{f}", "--profile", "demo"],
    ("estimate table", "pseudonyms"): [
        "--labels",
        "a.b",
        "--sample",
        "x",
        "-o",
        "{o}",
        "--pseudonyms",
        "{f}",
        "-s",
        "{s}",
    ],
    ("import labels", "pseudonyms"): ["{t}", "--annotator", "a", "--pseudonyms", "{f}", "-s", "{s}"],
    ("pseudonyms new", "keyfile"): ["{f}"],
    ("pseudonyms list", "keyfile"): ["{f}", "-o", "{o}", "-s", "{s}"],
    ("pseudonyms list", "out"): ["{t}", "-o", "{f}", "-s", "{s}"],
    ("methods", "bibtex"): ["--bibtex", "{f}", "-s", "{s}"],
    ("estimate table", "out"): ["--labels", "a.b", "--sample", "x", "-o", "{f}", "-s", "{s}"],
    ("export", "out"): ["fountain", "-o", "{f}", "-s", "{s}"],
    ("train", "sheets"): ["--labels", "{f}", "--texts", "{t}", "-o", "{o}"],
    ("train", "sources"): ["--labels", "{t}", "--texts", "{f}", "-o", "{o}"],
    ("train", "out"): ["--labels", "{t}", "--texts", "{t}", "-o", "{f}"],
    ("train", "auxiliary"): ["--labels", "{t}", "--texts", "{t}", "--auxiliary", "{f}", "-o", "{o}"],
    ("calibrate", "gold"): ["{f}", "-s", "{s}"],
    ("evaluate", "labels"): ["{t}", "--labels", "{f}"],
    ("evaluate", "texts"): ["{t}", "--labels", "{t}", "--texts", "{f}"],
    ("evaluate", "out"): ["{t}", "--labels", "{t}", "-o", "{f}"],
    ("models install", "source"): ["cpu", "--from", "{f}"],
    ("models pack", "archive"): ["{f}", "cpu"],
    ("models unpack", "archive"): ["{f}"],
}
"""A command line for each parameter that is a path; the test fails if one is missing."""

OTHERS = {
    "profile": ["status", "-s", "{s}"],  # the study names the pipe
    "route": ["evaluate", "{f}", "--labels", "{t}"],
    "model": ["models", "add", "{f}", "--role", "llm"],
    "study": ["status", "-s", "{f}"],
    "video": ["run", "-s", "{s}", "--until", "media"],
}
"""Paths that are no `click.Path`."""


def paths_of_commands() -> set[tuple[str, str]]:
    found = set()
    for full in all_commands():
        command: click.Command = cli.cli
        for name in full.split():
            command = command.get_command(click.Context(command), name)
        found |= {(full, p.name) for p in command.params if isinstance(p.type, click.Path)}
    return found


def test_no_path_is_missing():
    assert paths_of_commands() == set(WORDS)


@pytest.fixture(autouse=True)
def impatient():
    """Interrupt what waits for ever."""

    def late(*_):
        raise TimeoutError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    study = Study(tmp_path / "study", create=True)
    study.write("a", "post", Post(id="a"))
    for name in ("template", "other"):
        study.write("a", f"script.{name}", Script(name=name))
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "videos").mkdir()
    (tmp_path / "texts.csv").write_text("id,text\na,words\n")
    return {
        "f": tmp_path / "pipe.toml", "s": study.root, "v": tmp_path / "videos", "t": tmp_path / "texts.csv",
        "o": tmp_path / "out",
    }  # fmt: skip


@pytest.mark.parametrize("command", WORDS, ids=" ".join)
def test_a_pipe_is_refused(places, command, monkeypatch, tmp_path):
    monkeypatch.setenv("VALEX_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    words = [word.format(**places) for word in WORDS[command]]
    done = valex(*command[0].split(), *words)
    assert "it waits" not in done.stderr and "bug" not in done.stderr, done.stderr
    assert places["f"].is_fifo(), "it was replaced"
    assert done.returncode in (1, 2), done.stdout + done.stderr


@pytest.mark.parametrize("name", OTHERS)
def test_so_is_what_is_named_in_another_way(places, name, monkeypatch):
    if name == "profile":
        (places["s"] / "study.toml").write_text(f'profile = "{places["f"]}"\n')
    if name == "video":
        clip = places["v"] / "a.mp4"
        clip.write_bytes(b"no video")
        valex("run", places["v"], "-s", places["s"], "--until", "media")
        clip.unlink()
        os.mkfifo(clip)
    done = valex(*(word.format(**places) for word in OTHERS[name]))
    assert "it waits" not in done.stderr and "bug" not in done.stderr, done.stderr
    assert done.returncode in (1, 2), done.stdout + done.stderr


IN_STUDY = """posts/a/post.json posts/a/script.template.json failures/a.media.json study.toml intake.json sums.json
gold/x.csv logs/1.jsonl posts/a/edits.json posts/a/coding.anna.json left-out.json custody.jsonl samples/x.csv
review-plan.json"""


@pytest.mark.parametrize("place", IN_STUDY.split())
@pytest.mark.parametrize("words", [["status"], ["report"], ["forget", "a", "--yes"], ["export", "fountain"]])
def test_a_pipe_in_the_study(places, place, words):
    path = places["s"] / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    done = valex(*words, "-s", places["s"])
    assert "it waits" not in done.stderr and "bug" not in done.stderr, done.stderr


@pytest.mark.parametrize("place", ["pipe", "/dev/zero", "folder", "nothing"])
def test_no_checksum_waits(tmp_path, place):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(place)
    with pytest.raises(ValexError):
        sha256_of(tmp_path / "link")


@pytest.mark.parametrize(
    "rubbish", ["[" * 100_000, "[]", '{"%s": 1}', '{"%s": [1, 2]}', '{"%s": {"a": [1]}}', "\0", '{"%s": ["a", 2, 3]}']
)
def test_rubbish_in_a_cache_of_checksums_is_made_again(tmp_path, rubbish):
    video = tmp_path / "video"
    video.write_bytes(b"x")
    cache = tmp_path / "sums.json"
    cache.write_text(rubbish.replace("%s", str(video)))
    checksums = Checksums(cache)
    assert checksums(video) == sha256_of(video)
    checksums.save()
    assert sha256_of(video) in cache.read_text()


def test_a_pipe_in_the_place_of_a_model_is_a_wrong_model(tmp_path, monkeypatch):
    store = Store(tmp_path)
    manifest = next(m for m in store.manifests().values() if not m.shipped and len(m.files) == 1 and not m.on_server)
    (tmp_path / manifest.id).mkdir()
    os.mkfifo(tmp_path / manifest.id / manifest.files[0].name)
    assert store.verify()[manifest.id] is not None
