"""How a run tells what it is doing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears how a run goes on."""

    def step(self, name: str, total: int) -> None:
        """Hear that a sweep over `total` posts begins."""

    def advance(self, posts: int = 1) -> None:
        """Hear that posts of the sweep are done."""

    def say(self, text: str) -> None:
        """Hear what a user must know now."""


class NullProgress:
    """A progress that shows nothing."""

    def step(self, name: str, total: int) -> None:
        """Show nothing."""

    def advance(self, posts: int = 1) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""
