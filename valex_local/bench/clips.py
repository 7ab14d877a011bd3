"""Clips to measure with, made here: a moving background, captions that come and go, voices spoken by flite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shown:
    """A caption of a clip, seconds from its start."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Clip:
    """A clip made here, and what is in it.

    Attributes
    ----------
    path : Path
        The video file.
    said : str
        All that is spoken in it.
    shown : tuple of Shown
        Its captions.
    cuts : tuple of float
        When its background changes, seconds.
    """

    path: Path
    said: str
    shown: tuple[Shown, ...]
    cuts: tuple[float, ...]


def make_clip(path: Path, seconds: float, *, seed: int = 0) -> Clip:
    """Make a clip of so many seconds; the same seed makes the same clip."""
    raise NotImplementedError
