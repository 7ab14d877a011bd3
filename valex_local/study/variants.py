"""Names of the variants of scripts and labels, and the order in which they are listed."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

WRITTEN = ("local", "template")
"""Scripts that a run writes, in order of preference; imported scripts come after them."""

LONGEST_NAME = 64
"""Maximum length of the name of a model beside the study's own, in characters."""


def script_rank(name: str) -> tuple[int, str]:
    """Return a sort key for script variants: those in `WRITTEN` first, in that order, then the others by name."""
    return (WRITTEN.index(name) if name in WRITTEN else len(WRITTEN), name)


class LabelKey(NamedTuple):
    """The name of a set of labels.

    Attributes
    ----------
    script : str
        The script that was labelled (``video`` for the video itself).
    route : str
        The route that gave the labels.
    name : str
        The name of the model, where it is not the study's own for this route; empty otherwise.
    """

    script: str
    route: str
    name: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the key for ``<script>.<route>`` or ``<script>.<route>@<name>``, with or without ``labels.``."""
        script, _, by = text.removeprefix("labels.").rpartition(".")
        route, _, name = by.partition("@")
        return cls(script, route, name)

    def __str__(self) -> str:
        return f"{self.script}.{self.by}"

    @property
    def by(self) -> str:
        """Return who gave the labels: ``<route>`` or ``<route>@<name>``."""
        return labelled_by(self.route, self.name)

    @property
    def stem(self) -> str:
        """Return the stem of the record."""
        return f"labels.{self}"

    @property
    def title(self) -> str:
        """Return the key in the form shown to readers."""
        return " · ".join(filter(None, self))


def labelled_by(route: str, name: str = "") -> str:
    """Return what stands for a route and the name of its model in names of labels and in `labels.beside`."""
    return f"{route}@{name}" if name else route


def model_name(model: str) -> str:
    """Return a name for the labels of a model, made of its id or of the path of its folder; empty if none is left."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", model.rstrip("/").rpartition("/")[2]).strip("-")[:LONGEST_NAME]
