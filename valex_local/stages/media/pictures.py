"""Reading the pictures of photo posts, which are as untrusted as videos."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import InputError
from valex_local.files.text import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 120_000_000
"""Pixels of a picture that are decoded, those of the largest phone cameras (108 megapixels, 360 MB of memory)."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
"""Formats that are read. None of them can refer to another file."""


def open_picture(path: Path, max_side: int) -> Image:
    """Return a picture as it is displayed, RGB, upright, on white where it is transparent.

    Parameters
    ----------
    path : Path
        A picture in one of `FORMATS`; of an animation, the first frame is taken.
    max_side : int
        Longest side in pixels; larger pictures are scaled down to it.

    Raises
    ------
    InputError
        It is not such a picture, is damaged, or has more than `MAX_PIXELS`.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), open_regular(path) as file:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is below
            image = Image.open(file, formats=FORMATS)
            width, height = image.size
            if width * height > MAX_PIXELS:  # known from the head of the file, before anything is decoded
                raise InputError(f"the picture is too large ({width} x {height} pixels)", path=path)
            image.draft("RGB", (max_side, max_side))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
            return _on_white(upright)
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise InputError("this is not a picture that can be read", path=path) from error


def _on_white(image: Image) -> Image:
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    ground.alpha_composite(layer)
    return ground.convert("RGB")


def iter_pictures(paths: Sequence[Path], max_side: int) -> Iterator[tuple[int, Image | InputError]]:
    """Yield the number of each picture, counted from 0, with the picture or why it cannot be read, one at a time."""
    for number, path in enumerate(paths):
        try:
            yield number, open_picture(path, max_side)
        except InputError as error:
            yield number, error
