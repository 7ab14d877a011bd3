"""Names of the variants of scripts and labels, and the order in which they are listed."""

from __future__ import annotations

from typing import NamedTuple, Self

WRITTEN = ("local", "template")
"""Scripts that a run writes, in order of preference; imported scripts come after them."""


def script_rank(name: str) -> tuple[int, str]:
    """Return a sort key for script variants: those in `WRITTEN` first, in that order, then the others by name."""
    return (WRITTEN.index(name) if name in WRITTEN else len(WRITTEN), name)


class LabelKey(NamedTuple):
    """The name of a set of labels: the script (``video`` for the video itself) and the route that gave them."""

    script: str
    route: str

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the key for a name ``<script>.<route>``, with or without the prefix ``labels.``."""
        script, _, route = name.removeprefix("labels.").rpartition(".")
        return cls(script, route)

    def __str__(self) -> str:
        return f"{self.script}.{self.route}"

    @property
    def stem(self) -> str:
        """Return the stem of the record."""
        return f"labels.{self}"

    @property
    def title(self) -> str:
        """Return the key in the form shown to readers."""
        return f"{self.script} · {self.route}"
