"""Commands that are killed while they write, and then called again.

``scripts/torture`` runs this and prints a table. A command is killed with SIGKILL just before one of the calls with
which it changes files, or at a random moment. Called again, it must leave what it leaves undisturbed, byte for byte,
and no file of the interrupted write. Logs, which tell of both calls, are not compared.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valex_local.study.lock import run_lock

CALLS = {
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "fcntl.flock"),
    *("open", "os.fsync"),
}
"""The calls before which a command is killed: audit events of Python, and fsync."""

POSTS = ("a", "b", "c")


@dataclass
class Scenario:
    """A command, and the files that are there before.

    Attributes
    ----------
    name : str
        What the table calls it.
    words : tuple of str
        The command line; the folder it works in is the current one.
    before : tuple of tuple of str
        Commands that make what is there before.
    """

    name: str
    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    calls: int = 0
    seconds: float = 0.0
    undisturbed: dict[str, bytes] = field(default_factory=dict)


_S = ("-s", "study")
_RUN = ("run", "videos", *_S, "--profile", "demo", "--until", "speech")
_SCRIPTS = ("import", "scripts", "scripts", "--name", "gemini", *_S)
_OTHER = ("import", "scripts", "others", "--name", "hand", *_S)
_LABELS = ("import", "labels", "labels.csv", "--annotator", "anna", *_S)
_CORRECT = ("correct", "usera", "S1", "--text", "It is right.", "--by", "anna", *_S)
_EXCLUDE = ("exclude", "usera", "userb", "--reason", "no consent", "--by", "anna", *_S)
_SAMPLE = ("sample", "one", "--size", "2", *_S)
_REPORT = ("report", *_S)
_EXPORT = ("export", "fountain", *_S)
_MADE = (_RUN, _SCRIPTS, _OTHER, _LABELS)

SCENARIOS = (
    Scenario("run", _RUN),
    Scenario("run --redo", (*_RUN, "--set", "speech.language=de", "--redo"), _MADE),
    Scenario("import scripts", _SCRIPTS, (_RUN,)),
    Scenario("import scripts, again", _SCRIPTS, (_RUN, ("import", "scripts", "others", "--name", "gemini", *_S))),
    Scenario("import scripts --new-posts", (*_SCRIPTS, "--new-posts")),
    Scenario("import labels", _LABELS, (_RUN,)),
    Scenario("import corrections", ("import", "corrections", "corrected", "--by", "anna", *_S), (_RUN,)),
    Scenario("correct", _CORRECT, (_RUN,)),
    Scenario("exclude", _EXCLUDE, (_RUN,)),
    Scenario("include", ("include", "usera", *_S), (_RUN, _EXCLUDE)),
    Scenario("sample", _SAMPLE, (_RUN,)),
    Scenario("sheet", ("sheet", "-o", "sheet.xlsx", *_S), (_RUN,)),
    Scenario("review plan", ("review", "plan", "--coders", "anna,ben", "--overlap", "0.5", *_S), (_RUN,)),
    Scenario("methods", ("methods", "--bibtex", "cite.bib", *_S), (_RUN,)),
    Scenario("report", _REPORT, _MADE),
    Scenario("report, again", _REPORT, (_RUN, _SCRIPTS, _REPORT, _OTHER)),
    Scenario("export fountain", _EXPORT, _MADE),
    Scenario("export fountain, again", _EXPORT, (*_MADE, _EXPORT)),
    Scenario("export text", ("export", "text", *_S), _MADE),
    Scenario("compare", ("compare", "gemini", "hand", *_S, "--no-meaning", "-o", "study/exports/compared"),
             (*_MADE, _EXPORT)),
    Scenario("forget", ("forget", "usera", *_S, "--yes"), (*_MADE, _REPORT, _EXPORT)),
    Scenario("models unpack", ("models", "unpack", "tiny.tar")),
    Scenario("models add", ("models", "add", "tiny", "--role", "sentence")),
    Scenario("models pack", ("models", "pack", "packed.tar", "tiny"), (("models", "unpack", "tiny.tar"),)),
    Scenario("models remove", ("models", "remove", "tiny", "--yes"), (("models", "unpack", "tiny.tar"),)),
)  # fmt: skip
"""Every command that writes and needs no real model."""

NOT_KILLED = {
    **dict.fromkeys(("agreement", "custody", "doctor", "models list", "models verify", "review status", "show",
                     "status"), "writes nothing"),
    **dict.fromkeys(("check visual", "estimate difference", "estimate prevalence", "estimate regression",
                     "estimate table"), "needs labels or CLIP; a table, written as others are"),
    **dict.fromkeys(("calibrate", "evaluate", "label"), "needs labels by a model; tests/test_bad_input.py kills `run`"),
    "dossier": "a folder that holds times, written as that of `compare` is",
    "expire": "removes as `forget` does",
    "pseudonyms list": "a table, written as others are",
    "pseudonyms new": "a random key; tests/privacy",
    "train": "tests/training",
    "models install": "verifies and copies as `models add` and `models unpack` do",
    "review start": "a server; tests/review",
}  # fmt: skip
"""Commands that are not killed here, and why."""

ONCE = ("forget", "include", "models remove", "review plan", "sheet")
"""Commands that refuse to be called again once they are done."""


# --- the process that is killed -------------------------------------------------------------------------------------


class Killer:
    """Kills this process before the nth call that changes a file under a folder; counts them without a number."""

    def __init__(self, folder: Path, number: int | None) -> None:
        self._folder, self._number, self.calls = str(folder), number, 0

    def __call__(self, event: str, facts: tuple[Any, ...]) -> None:
        if event in CALLS and self._concerns(event, facts):
            self.calls += 1
            if self.calls == self._number:
                os.kill(os.getpid(), signal.SIGKILL)

    def _concerns(self, event: str, facts: tuple[Any, ...]) -> bool:
        if event in ("fcntl.flock", "os.fsync"):
            return True
        if event == "open" and not int(facts[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return False
        path = facts[0]
        if not isinstance(path, (str, os.PathLike)):
            return event == "os.truncate"
        text = os.fspath(path)
        return isinstance(text, str) and (not os.path.isabs(text) or text.startswith(self._folder))


def start(words: tuple[str, ...], folder: Path, kill: int | None = None, count: Path | None = None) -> int:
    """Start a command in a process of its own, which is a copy of this one, and return its id.

    Parameters
    ----------
    words : tuple of str
        The command line.
    folder : Path
        The folder it works in.
    kill : int, optional
        The call before which it is killed.
    count : Path, optional
        A file into which it writes the number of calls.
    """
    process = os.fork()
    if process:
        return process
    status = 70
    try:
        status = _command(words, folder, kill, count)
    finally:
        os._exit(status)


def _command(words: tuple[str, ...], folder: Path, kill: int | None, count: Path | None) -> int:
    from valex_local import cli
    from valex_local.stages import registry
    from valex_local.system import network_guard

    os.chdir(folder)
    os.environ["VALEX_MODELS"] = str(folder / "models")
    printed = os.open(folder.with_name("printed"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    network_guard.enter = lambda **_: network_guard.current()
    registry.STAGES = _toy_stages()
    sys.argv = ["valex", *words]
    killer = Killer(folder, kill)
    real = os.fsync

    def fsync(descriptor: int) -> None:
        killer("os.fsync", (descriptor,))
        real(descriptor)

    os.fsync = fsync
    sys.addaudithook(killer)
    status = 0
    with contextlib.suppress(SystemExit):
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
    if count is not None:
        calls = killer.calls
        count.write_text(str(calls))
    return status


def _toy_stages() -> tuple[Any, ...]:
    from valex_local.records import Media, Transcript
    from valex_local.stages.registry import StageSpec
    from valex_local.stages.variants import media_settings, speech_settings

    reads = ("video", "media.duration")
    return (
        StageSpec("media", 1, Media, "media", "tests.toystages:ToyMedia", ("video",), media_settings),
        StageSpec("speech", 1, Transcript, "transcript", "tests.toystages:ToySpeech", reads, speech_settings),
    )


def finish(process: int) -> int | None:
    """Wait for a process and return its exit status, or None if it was killed."""
    _, status = os.waitpid(process, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


# --- what is there before -------------------------------------------------------------------------------------------


def make_inputs(folder: Path) -> None:
    """Make videos, scripts, labels and an archive of a model."""
    for name in ("videos", "scripts", "others", "corrected", "models"):
        (folder / name).mkdir(parents=True)
    for number, post in enumerate(POSTS):
        name = f"user{post}_730000000000000000{number}"
        (folder / "videos" / f"{name}.mp4").write_text(f"video {post}")
        (folder / "scripts" / f"{name}.txt").write_text(f'HER: "It is {post}."\n')
        (folder / "others" / f"{name}.txt").write_text(f'HIM: "It was {post}."\n\n[{post}]\n')
        (folder / "corrected" / f"{name}.speech.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\nIt is {post}.\n")
    rows = [f"user{post}_730000000000000000{number},Face,present" for number, post in enumerate(POSTS)]
    (folder / "labels.csv").write_text("\n".join(["post,value,state", *rows, ""]))
    _make_archive(folder)


def _make_archive(folder: Path) -> None:
    from tests.store.tiny import tensors
    from valex_local.store import Store, add, pack

    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "tiny")
        source.mkdir()
        (source / "config.json").write_text('{"architectures": []}')
        (source / "tokenizer.json").write_text("{}" * 100)
        (source / "model.safetensors").write_bytes(tensors(bytes(2000)))
        shutil.copytree(source, folder / "tiny")
        store = Store(Path(place, "store"))
        add(store, str(source), model_id="tiny", role="sentence", options={}, licence="none", origin=None, link=False)
        pack(store, folder / "tiny.tar", ["tiny"], wheels=False, say=lambda _: None)


_TIMES = re.compile(rb'"(?:on": "[^"]*"|key": "[0-9a-f]*"|forgotten": \[[^\]]*\])')


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder and their content, without locks, times, logs and keyed hashes."""
    return {
        str(path.relative_to(folder)): _TIMES.sub(b"", path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not {"logs", "custody.jsonl", ".sums.json"} & {*path.parts}
        and not path.name.startswith(".lock")
    }


def leftovers(folder: Path) -> list[str]:
    """Return the files and folders of interrupted writes."""
    names = (path for path in folder.rglob("*") if path.name.endswith(".part") or path.name.startswith(".staging"))
    return [str(path.relative_to(folder)) for path in names]


class Torture:
    """Kill commands in a folder.

    Parameters
    ----------
    place : Path
        A new folder.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._work = place / "work"
        make_inputs(place / "inputs")

    def prepare(self, scenario: Scenario) -> None:
        """Make what is there before a command, call it undisturbed, and count its calls."""
        before = self._before(scenario)
        before.parent.mkdir(exist_ok=True)
        shutil.copytree(self._place / "inputs", self._work)
        for words in scenario.before:
            self._check(scenario, finish(start(words, self._work)))
        self._work.rename(before)
        self._reset(scenario)
        started = time.perf_counter()
        self._check(scenario, finish(start(scenario.words, self._work, count=self._place / "count")))
        scenario.seconds = time.perf_counter() - started
        scenario.calls = int((self._place / "count").read_text())
        scenario.undisturbed = contents(self._work)
        shutil.rmtree(self._work)

    def kill_at(self, scenario: Scenario, call: int) -> list[str]:
        """Kill a command before a call, call it again, and return what is wrong afterwards."""
        self._reset(scenario)
        finish(start(scenario.words, self._work, kill=call))
        return self._again(scenario, f"{scenario.name}, killed at call {call}")

    def kill_after(self, scenario: Scenario, seconds: float) -> list[str]:
        """Kill a command after a time, call it again, and return what is wrong afterwards."""
        self._reset(scenario)
        process = start(scenario.words, self._work)
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
        finish(process)
        return self._again(scenario, f"{scenario.name}, killed after {seconds:.3f} s")

    def _again(self, scenario: Scenario, what: str) -> list[str]:
        status = finish(start(scenario.words, self._work))
        if status == 2 and scenario.name in ONCE and (study := self._work / "study").is_dir():
            with run_lock(study):  # what it left goes with the next command that writes
                pass
        found, expected = contents(self._work), scenario.undisturbed
        wrong = [f"{what}: left {name}" for name in leftovers(self._work)]
        for name in sorted({*found, *expected} - set(leftovers(self._work))):
            if found.get(name) != expected.get(name):
                kind = "missing" if name not in found else "new" if name not in expected else "different"
                wrong.append(f"{what}: {kind} {name}")
        if status not in (0, 1) and not (scenario.name in ONCE and status == 2):
            wrong.append(f"{what}: exit status {status}: {self._printed()}")
        return wrong

    def _before(self, scenario: Scenario) -> Path:
        return self._place / "before" / scenario.name.replace(" ", "-")

    def _reset(self, scenario: Scenario) -> None:
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._before(scenario), self._work, symlinks=True)

    def _check(self, scenario: Scenario, status: int | None) -> None:
        if status not in (0, 1):
            raise RuntimeError(f"{scenario.name} fails undisturbed ({status}): {self._printed()}")

    def _printed(self) -> str:
        return (self._place / "printed").read_text("utf-8", "replace")[-500:].strip()


def chosen(scenarios: list[Scenario], kills: int) -> Iterator[tuple[Scenario, int]]:
    """Yield a number of calls to kill at, spread evenly over all of all commands; each at most once."""
    all_calls = [(scenario, call) for scenario in scenarios for call in range(1, scenario.calls + 1)]
    kills = min(kills, len(all_calls))
    yield from (all_calls[number * len(all_calls) // kills] for number in range(kills))


def _warm_up() -> None:
    """Import what the commands import, once for all processes."""
    import valex_local.cli.compare
    import valex_local.cli.correct
    import valex_local.cli.exclude
    import valex_local.cli.export
    import valex_local.cli.forget
    import valex_local.cli.import_
    import valex_local.cli.import_corrections
    import valex_local.cli.include
    import valex_local.cli.methods
    import valex_local.cli.models
    import valex_local.cli.report
    import valex_local.cli.review
    import valex_local.cli.run
    import valex_local.cli.sample
    import valex_local.cli.sheet
    import valex_local.comparison.compare
    import valex_local.comparison.files
    import valex_local.exchange.export.run
    import valex_local.exchange.labels
    import valex_local.exchange.scripts
    import valex_local.pipeline.local_executor
    import valex_local.pipeline.run
    import valex_local.report
    import valex_local.store  # noqa: F401


def main(argv: list[str] | None = None) -> int:
    """Kill commands, read broken videos, print a table, and return whether something is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=250, help="kills at chosen calls")
    parser.add_argument("--moments", type=int, default=60, help="kills at random moments")
    parser.add_argument("--videos", type=int, default=200, help="broken videos to read")
    parser.add_argument("--only", help="a part of the names of the commands")
    options = parser.parse_args(argv)
    _warm_up()
    scenarios = [scenario for scenario in SCENARIOS if (options.only or "") in scenario.name]
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="torture-") as place:
        torture = Torture(Path(place))
        for scenario in scenarios:
            torture.prepare(scenario)
        done = {scenario.name: [0, 0, 0] for scenario in scenarios}

        def count(scenario: Scenario, kind: int, kill: Callable[[], list[str]]) -> None:
            found = kill()
            done[scenario.name][kind] += 1
            done[scenario.name][2] += bool(found)
            wrong.extend(found)

        for scenario, call in chosen(scenarios, options.kills):
            count(scenario, 0, lambda s=scenario, c=call: torture.kill_at(s, c))  # type: ignore[misc]
        rng = random.Random(0)
        for number in range(options.moments):
            scenario = scenarios[number % len(scenarios)]
            after = rng.uniform(0, scenario.seconds)
            count(scenario, 1, lambda s=scenario, t=after: torture.kill_after(s, t))  # type: ignore[misc]
        _print(scenarios, done, wrong)
    status = bool(wrong)
    if options.videos:
        command = [sys.executable, "-m", "tests.broken_videos", str(options.videos)]
        status |= bool(subprocess.run(command, check=False).returncode)
    return int(status)


def _print(scenarios: list[Scenario], done: dict[str, list[int]], wrong: list[str]) -> None:
    for line in wrong:
        print(line)
    print(f"{'command':<28}{'calls':>7}{'killed at a call':>18}{'at a moment':>13}{'wrong':>7}")
    for scenario in scenarios:
        at_call, at_moment, bad = done[scenario.name]
        print(f"{scenario.name:<28}{scenario.calls:>7}{at_call:>18}{at_moment:>13}{bad:>7}")
    sums = [sum(column) for column in zip(*done.values(), strict=True)]
    print(f"{'all':<28}{sum(s.calls for s in scenarios):>7}{sums[0]:>18}{sums[1]:>13}{sums[2]:>7}")


if __name__ == "__main__":
    sys.exit(main())
