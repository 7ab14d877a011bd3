"""The command line: one file per command, imported only when the command is called."""

from __future__ import annotations

import atexit
import gc
import io
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from itertools import takewhile
from keyword import iskeyword

import click

from valex_local import __version__
from valex_local.cli._interrupt import INTERRUPTED, answered
from valex_local.cli._output import drop_output, flush, is_output_lost, library_messages, open_streams, say, say_text
from valex_local.errors import ValexError
from valex_local.system import network_guard

# Commands and what they do; spelled out here so that `valex --help` imports none of them.
COMMANDS = {
    "run": "Process videos into a study: do every step that is due.",
    "status": "Show how far a study is.",
    "show": "Show scripts and labels of posts.",
    "report": "Write web pages about a study.",
    "methods": "Describe a study for a paper.",
    "label": "Label the scripts of a study, or other texts.",
    "check": "Check scripts against their videos.",
    "compare": "Compare two scripts of every post.",
    "import": "Import scripts, labels and corrections into a study.",
    "export": "Export a study for other tools.",
    "sample": "Draw posts to code, with known probabilities.",
    "sheet": "Write an empty sheet to code posts in.",
    "pseudonyms": "Make keys for pseudonyms; undo them.",
    "review": "Code the values of posts in a browser.",
    "correct": "Correct lines and speakers of a post.",
    "exclude": "Leave posts out of a study, with a reason.",
    "include": "Take posts into a study again.",
    "custody": "Show what came, left and was erased.",
    "dossier": "Write a dossier on data protection.",
    "forget": "Delete every trace of posts from a study.",
    "expire": "Delete posts that may not be kept longer.",
    "train": "Train and test a label model.",
    "evaluate": "Compare labels with gold labels and baselines.",
    "agreement": "Show how far coders and models agree.",
    "estimate": "Estimate shares and differences that hold.",
    "calibrate": "Fit the states of a study to gold labels.",
    "models": "Manage the models on this machine.",
    "doctor": "Check this machine: hardware, models, offline guard.",
}
# Commands that fetch packages from the Python registry, and the option with which they do. No other command may reach
# a network.
ONLINE: dict[tuple[str, ...], str] = {("models", "install"): "", ("models", "pack"): "--wheels"}
# Commands that go on where they were interrupted; all others start again.
CONTINUE = frozenset(
    {"run", "label", "import", "forget", "expire", "train", "models install", "models remove", "review start"}
)
# Commands that a browser must reach: they enter the kernel's layer themselves, once they listen.
LISTEN = frozenset({("review", "start")})
# Leaves out the kernel's layer of the network guard, which blocks the machine's own loopback too. It must be given with
# each command: a profile or a study that names a server does not weaken anybody's guard.
LOOPBACK = "--loopback"


class LazyGroup(click.Group):
    """A group that imports a command only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command = getattr(import_module(f"valex_local.cli.{name}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="valex")
@click.option("--debug", is_flag=True, help="Show a traceback when something goes wrong.")
@click.option(
    LOOPBACK,
    is_flag=True,
    expose_value=False,
    help="Keep this machine's loopback reachable, for a language model on a local server. The kernel then does not cut "
    "C libraries off from the network.",
)
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Label short videos with human values. No data leaves this machine."""
    ctx.obj = {"debug": debug}


def main() -> None:
    """Run ``valex``; the exit status is 0 for success, 1 if some posts failed, 2 if nothing could be done."""
    call(cli, "valex")


def call(command: click.Command, name: str) -> None:
    """Run a command under the network guard; turn an error into one line and an exit status.

    Parameters
    ----------
    command : click.Command
        The command; it reads `sys.argv`.
    name : str
        What the user typed to call it.
    """
    open_streams()
    # Without this the interpreter spends a second at exit looking for garbage among the objects of torch.
    atexit.register(gc.freeze)
    with library_messages():
        status = _call(command, name)
    if status:
        sys.exit(status)


def _call(command: click.Command, name: str) -> int:
    """Run a command and return its exit status."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    words = tuple(a for a in arguments if not a.startswith("-"))[:2]
    try:
        if not _is_online(words, arguments):
            alone = LOOPBACK not in takewhile(lambda a: a.startswith("-"), arguments)
            network_guard.enter(kernel=alone and words not in LISTEN)
        try:
            with answered():  # after the guard, which must not meet a second thread
                command.main(prog_name=name, standalone_mode=False)
        finally:
            flush()
        return 0
    except SystemExit as end:
        return int(end.code or 0)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(file=text)
        say_text(text.getvalue(), err=True)
    except (KeyboardInterrupt, click.Abort) as error:
        say(f"valex: interrupted. {_kept(words, error)}", err=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a traceback reaches a user only with --debug
        if isinstance(error, OSError) and is_output_lost(error):
            drop_output()
            if isinstance(error, BrokenPipeError):  # the reader has seen enough, as `head` has
                return 1
        if debug:
            say_text(traceback.format_exc(), err=True)
        say(f"valex: {_explain(error)}", err=True)
    return 2


def _is_online(words: tuple[str, ...], arguments: Sequence[str]) -> bool:
    option = ONLINE.get(words)
    return option is not None and (not option or option in arguments)


def _kept(words: tuple[str, ...], error: BaseException) -> str:
    """Return what is kept after an interrupt: what the command says itself, or what holds for all of its kind."""
    said = str(error.__cause__ or error)
    if said:
        return said
    if CONTINUE.isdisjoint({" ".join(words[:1]), " ".join(words)}):
        return "Nothing was finished; the same command starts from the beginning"
    return "Finished work is kept; the same command continues from here"


def _explain(error: Exception) -> str:
    match error:
        case ValexError():
            return str(error)
        case OSError() if is_output_lost(error):
            return f"the output cannot be printed ({error.strerror}). What was written to files is complete"
        case MemoryError():
            return "there is not enough memory for this. Close other programs, or run it on a larger machine"
    what = f"unexpected {type(error).__name__}: {error}"
    return f"{what}. This is a bug in valex_local: please report it with the output of --debug"
