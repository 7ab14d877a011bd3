"""Which frames to read: each text once, just before it disappears.

OCR costs a hundred times more than decoding a frame. Whole frames change all the time, but burned-in text consists of
thin, high-contrast strokes that stay on their pixels while the background moves. So every sampled frame is reduced to a
map of strokes, and the selector tracks since when each stroke has been there. When strokes in the shape of a line of
text disappear that no read frame has shown, the frame before is read, the last one to show them. A caption that grows
word by word is then read once, when it is complete, and so is a static one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from valex_local.stages.media.decode import iter_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Strokes = NDArray[np.bool_]

READ_SIDE = 1280
"""Longest side of the frames that are read, pixels; small captions are still 20 pixels high."""

MAP_SIDE = 480
"""Longest side of the stroke map, pixels."""

STROKE = 9
"""Side of the morphological kernel, pixels: thinner lines are strokes. Covers letters up to a tenth of the height."""

CONTRAST = 40
"""Contrast of a stroke with its surroundings, levels of 255."""

CELL = 8
"""Side of the cells in which strokes are counted, map pixels."""

CELL_EDGES = 4
"""Left edges of strokes from which a cell looks like part of a letter."""

CELLS_IN_LINE = 3
"""Adjacent cells that make a line of text."""

LINE_LOST = 0.3
"""Fraction of a line's edges that must disappear at once; a text that replaces another covers about half of them."""

REFRESH = 4.0
"""Seconds after which a frame is read in any case, to find text too faint for the map and text that always moves.

Faint text may be missed in some of these frames; a clip of ten seconds has two of them.
"""


@dataclass(frozen=True)
class SampledFrame:
    """A sampled frame: its time in seconds, its packed stroke map and, if it is to be read, the picture."""

    time: float
    packed: NDArray[np.uint8]
    shape: tuple[int, int, int]
    picture: NDArray[np.uint8] | None

    def strokes(self) -> Strokes:
        """Return the stroke map, shape (2, height, width): bright strokes, dark strokes."""
        return unpack(self.packed, self.shape)


def unpack(packed: NDArray[np.uint8], shape: tuple[int, int, int]) -> Strokes:
    """Return the stroke map that `numpy.packbits` packed."""
    return np.unpackbits(packed, count=int(np.prod(shape))).reshape(shape).astype(np.bool_)


def find_strokes(rgb: NDArray[np.uint8]) -> Strokes:
    """Return the thin bright and thin dark strokes (white and black top-hat).

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        The frame.

    Returns
    -------
    ndarray of bool, shape (2, h, w)
        Bright strokes, dark strokes; the longer of h and w is at most `MAP_SIDE`.
    """
    import cv2

    height, width = rgb.shape[:2]
    shrink = min(1.0, MAP_SIDE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    kernel = np.ones((STROKE, STROKE), np.uint8)
    bright = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel) > CONTRAST
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, kernel) > CONTRAST
    return np.stack((bright, dark))


class FrameSelector:
    """Tracks the strokes of one video and selects the frames to read."""

    def __init__(self) -> None:
        self._now = -1
        self._read = -1
        self._read_time = 0.0
        self._born: NDArray[np.int32] = np.zeros((0, 0, 0), np.int32)
        self._strokes: Strokes = np.zeros((0, 0, 0), np.bool_)

    def push(self, time: float, strokes: Strokes) -> bool:
        """Add the next frame; return whether the frame before it is to be read."""
        before = self._strokes
        if before.shape != strokes.shape:
            # The first frame, or the size of the frames has changed: no stroke persists.
            due = self._now >= 0
            before, self._born = np.zeros_like(strokes), np.full(strokes.shape, -1, np.int32)
        else:
            fresh = self._fresh()
            due = _looks_like_text(fresh, fresh & ~strokes) or time - self._read_time > REFRESH
        if due:
            self._read, self._read_time = self._now, time
        self._now += 1
        self._born = np.where(strokes, np.where(before, self._born, np.int32(self._now)), np.int32(-1))
        self._strokes = strokes
        return due

    def finish(self) -> bool:
        """Return whether the last frame is to be read."""
        fresh = self._fresh()
        return self._now >= 0 and (self._read < 0 or _looks_like_text(fresh, fresh))

    def _fresh(self) -> Strokes:
        """Return left edges of strokes that are in the last two frames, and in no frame that was read."""
        edges = self._strokes.copy()
        edges[..., 1:] &= ~self._strokes[..., :-1]
        return edges & (self._born > self._read) & (self._born < self._now)


def _looks_like_text(edges: Strokes, lost: Strokes) -> bool:
    """Return whether adjacent cells full of edges, as the letters of a line make them, have lost many of them."""
    there, gone = _per_cell(edges), _per_cell(lost)
    full = there >= CELL_EDGES
    if full.shape[1] < CELLS_IN_LINE:
        return False
    side_by_side = [slice(i, full.shape[1] - CELLS_IN_LINE + 1 + i) for i in range(CELLS_IN_LINE)]
    line = np.logical_and.reduce([full[:, s] for s in side_by_side])
    there_in_line = sum(there[:, s] for s in side_by_side)
    gone_in_line = sum(gone[:, s] for s in side_by_side)
    return bool((line & (gone_in_line >= LINE_LOST * there_in_line)).any())


def _per_cell(strokes: Strokes) -> NDArray[np.int64]:
    """Return the number of marked pixels of both maps in each cell, including cells cut off by the border."""
    _, height, width = strokes.shape
    rows, columns = np.arange(0, height, CELL), np.arange(0, width, CELL)
    both: NDArray[np.int64] = strokes.sum(axis=0, dtype=np.int64)
    counts: NDArray[np.int64] = np.add.reduceat(np.add.reduceat(both, rows, axis=0), columns, axis=1)
    return counts


def sample_frames(path: Path, fps: float) -> Iterator[SampledFrame]:
    """Yield `fps` frames per second of a video, in one pass; those to be read come with their picture.

    Raises
    ------
    InputError
        The file cannot be opened as a video.
    """
    selector = FrameSelector()
    before: tuple[float, NDArray[np.uint8], Strokes] | None = None
    for frame in iter_frames(path, fps=fps, max_side=READ_SIDE):
        strokes = find_strokes(frame.rgb)
        due = selector.push(frame.time, strokes)
        if before is not None:
            yield _sampled(*before, due)
        before = (frame.time, frame.rgb, strokes)
    if before is not None:
        yield _sampled(*before, selector.finish())


def _sampled(time: float, rgb: NDArray[np.uint8], strokes: Strokes, due: bool) -> SampledFrame:
    shape = (strokes.shape[0], strokes.shape[1], strokes.shape[2])
    return SampledFrame(time, np.packbits(strokes), shape, rgb if due else None)
