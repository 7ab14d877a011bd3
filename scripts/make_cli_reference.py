"""Write docs/cli.md from the help pages of every command.

    python scripts/make_cli_reference.py
    python scripts/make_cli_reference.py --check

`--check` writes nothing and fails when the page is not what it would write; a test does the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from valex_local.cli import cli

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
WIDTH = 80
HEAD = """# Command line

The help page of every command, as `--help` prints it. `scripts/make_cli_reference.py` writes this page; do not edit it.
"""


def reference() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(f"## {name}\n\n```text\n{text}\n```\n" for name, text in pages(cli, "valex"))])


def pages(command: click.Command, name: str, above: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Yield the full name and the help page of a command and of its subcommands.

    Parameters
    ----------
    command : click.Command
        The command.
    name : str
        Its name.
    above : click.Context, optional
        Context of its group.

    Yields
    ------
    tuple of (str, str)
        Name and help page.
    """
    width = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, above, info_name=name, **command.context_settings | width)
    yield context.command_path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from pages(found, below, context)


def main() -> None:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is out of date")
    if not parser.parse_args().check:
        PAGE.write_text(reference(), "utf-8")
    elif not PAGE.is_file() or PAGE.read_text("utf-8") != reference():
        sys.exit(f"{PAGE} is not what the help pages say; run: python scripts/make_cli_reference.py")


if __name__ == "__main__":
    main()
