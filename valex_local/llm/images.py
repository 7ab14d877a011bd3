"""Keyframes read as images, and encoded for language models that take images."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from valex_local.errors import InputError, ModelError
from valex_local.llm.base import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

_QUALITY = 90

T = TypeVar("T")


def spread(stills: Sequence[T], most: int) -> list[T]:
    """Return at most `most` of the stills, spread evenly and including the first and the last."""
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
    small = read_keyframe(path)
    small.thumbnail((side, side))
    out = BytesIO()
    small.save(out, "JPEG", quality=_QUALITY)
    return Picture(out.getvalue())


def read_keyframe(path: Path) -> Image:
    """Return a keyframe as an RGB image.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        return _rgb(path)
    except ValueError as error:
        hint = "Make it again with: valex run -s STUDY --only media --redo"
        raise InputError("a keyframe cannot be read", path=path, hint=hint) from error


def open_picture(picture: Picture) -> Image:
    """Return a picture as an RGB image.

    Raises
    ------
    ModelError
        It is not a JPEG or PNG file, or not a whole one.
    """
    try:
        return _rgb(BytesIO(picture.data))
    except ValueError as error:
        raise ModelError(f"a picture for the language model cannot be read ({error})") from error


def plain_picture(colour: str, side: int) -> Picture:
    """Return a square picture of one colour, to test whether a model can distinguish pictures."""
    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "PNG")
    return Picture(out.getvalue())


def _rgb(file: Path | BytesIO) -> Image:
    """Return the image in a file; raise ValueError if it is not one."""
    from PIL import Image

    try:
        # Only these formats: the file may come from anywhere, and Pillow would try all its decoders on it.
        with Image.open(file, formats=("JPEG", "PNG")) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error
