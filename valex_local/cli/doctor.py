"""`valex doctor`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._output import say_json, terminal
from valex_local.cli._settings import read_setting
from valex_local.errors import printable
from valex_local.files.text import counted
from valex_local.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from valex_local.doctor import DoctorReport

GOOD, LESS, BAD, PLAIN = "good", "less", "bad", "plain"
CheckLine = tuple[str, str, str]
"""A mark, a name, a text."""

_COLOURS = {GOOD: "green", LESS: "yellow", BAD: "red", PLAIN: "dim"}
_MARKS = {GOOD: "✓", LESS: "!", BAD: "✗", PLAIN: "·"}
_ASCII_MARKS = {GOOD: "+", LESS: "!", BAD: "x", PLAIN: "-"}


@click.command()
@click.option("--profile", default=Settings().profile, show_default=True, help="Profile to check for.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the run, such as --set models.llm=my-model (repeatable).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(profile: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Check this machine: hardware, libraries, models, and what keeps it offline.

    The exit status is 1 if a run with this profile and these settings would not work.
    """
    from valex_local.cli._progress import working
    from valex_local.doctor import examine
    from valex_local.settings import merge

    options: dict[str, Any] = {}
    for text in settings:
        options = merge(options, read_setting(text))
    with working("check", quiet=as_json):
        report = examine(profile, options)
    if as_json:
        say_json({**asdict(report), "ok": not report.troubles})
    else:
        _print(report)
    sys.exit(1 if report.troubles else 0)


def _print(report: DoctorReport) -> None:
    from rich.text import Text

    console = terminal()
    console.print(Text(f"valex_local {report.version}, profile {report.profile}", style="bold"))
    sections = {
        "Machine": _machine(report),
        "Offline": _offline(report),
        "Models": _models(report),
        "Libraries": _libraries(report),
    }
    for title, lines in sections.items():
        console.print()
        console.print(Text(title, style="bold cyan"))
        console.print(_table(console, lines))
    console.print()
    if report.troubles:
        console.print(
            Text(
                f"{counted(len(report.troubles), 'problem')} to fix before the profile {report.profile} works:",
                "bold red",
            )
        )
        console.print(_table(console, ((BAD, "", trouble) for trouble in report.troubles)))
    if report.notes:
        console.print(_table(console, ((LESS, "", note) for note in report.notes)))
    if not report.troubles:
        console.print(Text(f"Everything that the profile {report.profile} needs is here.", style="bold green"))


def _table(console: Console, lines: Iterator[CheckLine]) -> Table:
    from rich.table import Table
    from rich.text import Text

    marks = _ASCII_MARKS if console.options.ascii_only else _MARKS
    rows = list(lines)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    if any(name for _, name, _ in rows):
        table.add_column(no_wrap=True, min_width=23)
    table.add_column(overflow="fold")
    for mark, name, said in rows:
        cells = [Text(printable(cell)) for cell in (name, said)][-len(table.columns) + 1 :]
        table.add_row(Text(f"  {marks[mark]}", style=_COLOURS[mark]), *cells)
    return table


def _machine(report: DoctorReport) -> Iterator[CheckLine]:
    machine, device = report.machine, report.device
    quota = "" if machine.cpu_quota is None else f", {machine.cpu_quota:g} granted by the cgroup"
    yield PLAIN, "system", f"{machine.system}, Python {machine.python}"
    yield PLAIN, "processor", f"{machine.cpu}, {machine.cpus} CPUs{quota}"
    yield PLAIN, "memory", _bytes(machine.memory)
    for gpu in machine.gpus:
        capability, cuda = (f"{major}.{minor}" for major, minor in (gpu.capability, gpu.cuda))
        facts = f"{_bytes(gpu.memory)}, compute capability {capability}, driver {gpu.driver} (CUDA {cuda})"
        yield GOOD if device and device.kind == "cuda" else LESS, "GPU", f"{gpu.name}, {facts}"
    if not machine.gpus:
        yield PLAIN, "GPU", "none"
    if device is None:
        yield BAD, "computes on", "nothing: the requested device is not available"
    else:
        yield GOOD, "computes on", f"{device.kind}, {counted(device.threads, 'thread')}, {_bytes(device.memory)}"
    if machine.ffmpeg is None:
        yield BAD, "FFmpeg libraries", "not installed"
    else:
        yield GOOD, "FFmpeg libraries", machine.ffmpeg
    if machine.llama_cuda is not None:
        worse = LESS if machine.gpus else PLAIN
        yield (GOOD, "llama.cpp", "with CUDA") if machine.llama_cuda else (worse, "llama.cpp", "without CUDA")


def _offline(report: DoctorReport) -> Iterator[CheckLine]:
    layers = report.offline
    why = f" ({layers.why_not})" if layers.why_not else ""
    yield _mark(layers.environment), "environment", "libraries are set to offline, without proxies"
    yield _mark(layers.hook), "audit hook", "Python can reach loopback only"
    if layers.kernel:
        yield GOOD, "kernel", f"{layers.means}, for C libraries and programs too"
    else:
        yield LESS, "kernel", f"off{why}"


def _models(report: DoctorReport) -> Iterator[CheckLine]:
    store = report.store
    state = f"{_bytes(store.free)} free" + ("" if store.writable else ", not writable")
    yield (
        GOOD if store.exists else PLAIN,
        "store",
        f"{store.folder}{'' if store.exists else ' (does not exist yet)'}, {state}",
    )
    for model in report.models:
        if model.problem is None:
            size = "" if not model.size else f", {_bytes(model.size)}"
            state = "on a server of this machine" if model.on_server else "verified"
            yield GOOD, model.id, f"{model.role}, {state}{size}"
        else:
            used = "" if model.needed else ", no step of a run uses it"
            yield BAD if model.needed else PLAIN, model.id, f"{model.role}, not usable{used}"
    if store.others:
        yield PLAIN, "also here", ", ".join(store.others)


def _libraries(report: DoctorReport) -> Iterator[CheckLine]:
    for library in report.libraries:
        mark = BAD if library.problem else GOOD if library.version else PLAIN
        wanted = f" (wanted: {library.wanted})" if library.problem and library.wanted else ""
        yield mark, library.name, f"{library.version or 'not installed'}{wanted}, {library.purpose}"


def _mark(works: bool) -> str:
    return GOOD if works else BAD


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
