"""Print a comparison on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valex_local.comparison.results import Comparison
from valex_local.comparison.tables import blocks, notes
from valex_local.evaluation.render import print_block, print_notes

if TYPE_CHECKING:
    from rich.console import Console


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print the tables and notes of a comparison, each table in the widest form that fits the console."""
    for block in blocks(comparison):
        print_block(console, block)
    print_notes(console, notes(comparison))
