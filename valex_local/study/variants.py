"""Variants: which scripts and labels a post can have, and the order in which they are listed."""

from __future__ import annotations

from typing import NamedTuple, Self

WRITTEN = ("local", "template")
"""Scripts that a run writes, in the order in which one is shown; those from elsewhere come after them."""


def script_rank(name: str) -> tuple[int, str]:
    """Return what script variants are sorted by: those of `WRITTEN` first, in its order, then the others by name."""
    return (WRITTEN.index(name) if name in WRITTEN else len(WRITTEN), name)


class LabelKey(NamedTuple):
    """Which labels: the script they are of (``video`` for the video itself) and the route that gave them."""

    script: str
    route: str

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the key that is written ``<script>.<route>``, also with ``labels.`` before it."""
        script, _, route = name.removeprefix("labels.").rpartition(".")
        return cls(script, route)

    def __str__(self) -> str:
        return f"{self.script}.{self.route}"

    @property
    def stem(self) -> str:
        """The stem of the record."""
        return f"labels.{self}"

    @property
    def title(self) -> str:
        """The key as people read it."""
        return f"{self.script} · {self.route}"
