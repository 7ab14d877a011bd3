"""Keyframes as a language model that sees is shown them."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from valex_local.errors import InputError
from valex_local.llm.base import Picture

_QUALITY = 90

T = TypeVar("T")


def spread(stills: Sequence[T], most: int) -> list[T]:
    """Return at most so many, evenly spread over all of them, the first and the last among them."""
    if len(stills) <= most:
        return list(stills)
    if most == 1:
        return [stills[len(stills) // 2]]
    return [stills[round(i * (len(stills) - 1) / (most - 1))] for i in range(most)]


def read_picture(path: Path, side: int) -> Picture:
    """Return a keyframe as JPEG, its longest side at most `side` pixels.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            small = image.convert("RGB")
    except OSError as error:
        raise InputError(
            "a keyframe cannot be read", path=path, hint="Make it again with: valex run -s STUDY --only media --redo"
        ) from error
    small.thumbnail((side, side))
    out = BytesIO()
    small.save(out, "JPEG", quality=_QUALITY)
    return Picture(out.getvalue())
