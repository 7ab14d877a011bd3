"""The text on the pictures of a photo post: every picture is read, and its text stands as long as the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from valex_local.errors import InputError
from valex_local.stages.media.pictures import iter_pictures
from valex_local.stages.ocr.engines import Reading
from valex_local.stages.ocr.frame_selection import READ_SIDE
from valex_local.stages.ocr.spans import Followed, ReadingSpan

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_slides(
    paths: Sequence[Path], duration: float, read: Callable[[NDArray[np.uint8]], Sequence[Reading]]
) -> Followed:
    """Return the texts of the pictures, each with the time for which its picture is taken to be shown.

    Parameters
    ----------
    paths : sequence of Path
        The pictures, in the order in which they are shown.
    duration : float
        Seconds of the post, of which each picture has an equal part.
    read : callable
        Returns the readings in an RGB picture, uint8 of shape (height, width, 3).

    Returns
    -------
    Followed
        The texts; pictures that cannot be read have none, and the media record says which they are.
    """
    each = duration / len(paths)
    spans: list[ReadingSpan] = []
    pictures = 0
    for number, picture in iter_pictures(paths, READ_SIDE):
        if isinstance(picture, InputError):
            continue
        pictures += 1
        spans += (
            ReadingSpan(found.text, found.box, found.confidence, number * each, (number + 1) * each)
            for found in read(np.asarray(picture, dtype=np.uint8))
        )
    return Followed(tuple(spans), seen=pictures, read=pictures)
