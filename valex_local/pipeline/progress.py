"""The protocol through which a run reports its progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a run."""

    def step(self, name: str, total: int) -> None:
        """Begin a step over `total` posts."""

    def advance(self, posts: int = 1) -> None:
        """Count posts of the step as done."""

    def say(self, text: str) -> None:
        """Show a message that the user must see now."""


class NullProgress:
    """A `Progress` that shows nothing."""

    def step(self, name: str, total: int) -> None:
        """Do nothing."""

    def advance(self, posts: int = 1) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""
