"""Which frames to read: each text once, just before it disappears.

OCR costs a hundred times more than decoding a frame. Whole frames change all the time, but burned-in text consists of
thin, high-contrast strokes that stay on their pixels while the background moves. So every sampled frame is reduced to a
map of strokes, and the selector tracks since when each stroke has been there. When strokes in the shape of a line of
text disappear that no read frame has shown, the frame before is read, the last one to show them; and so it is when one
letter of a line gives way to another, or a line that has been there for a while gets a further one. A caption that
grows word by word is then read once, when it is complete, and so is a static one.

How long something is there counts in seconds, not in frames: one frame of a slideshow may be shown for many of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from valex_local.stages.media.decode import Frame, iter_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Strokes = NDArray[np.bool_]
    Counts = NDArray[np.int64]

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

LETTER_EDGES = 8
"""Left edges of strokes in two cells, one above the other, from which they look like a letter."""

NEW_EDGES = 5
"""The fewest of these edges."""

CELLS_IN_LINE = 3
"""Adjacent cells that make a line of text."""

LINE_LOST = 0.3
"""Fraction of a line's edges that must disappear at once; a text that replaces another covers about half of them."""

STANDS = 0.18
"""Seconds that strokes must be there to be text. What is there for less is a flash, or a scene that moves."""

FLICKER = 0.25
"""Seconds for which strokes may be missing (a flash, a blur, coarse coding) without having been away."""

LETTER_STANDS = 0.5
"""Seconds that a letter must be there for its change to count: strokes of a slow scene also come and go singly."""

LETTER_LOST = 0.35
"""Fraction of a letter's edges that must disappear at once; a letter that replaces another covers part of them."""

LETTER_NEW = 0.15
"""Fraction of a letter's edges that no read frame shows, from which the letter was not read: 6 has most edges of 5."""

SETTLED = 0.8
"""Seconds after which a line that was not read is read before something is added to it.

Captions that grow word by word do so faster.
"""

REFRESH = 4.0
"""Seconds after which a frame is read in any case, to find text too faint for the map and text that always moves.

Faint text may be missed in some of these frames; a clip of ten seconds has two of them.
"""


@dataclass(frozen=True)
class SampledFrame:
    """A sampled frame: its packed stroke map and, if it is to be read, the picture.

    The video shows it from `time` to `until`, seconds; if that is before the next sampled frame, others come between.
    """

    time: float
    until: float
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
        self._time = self._until = -np.inf
        self._read = -np.inf
        self._born: NDArray[np.float32] = np.zeros((0, 0, 0), np.float32)
        self._strokes: Strokes = np.zeros((0, 0, 0), np.bool_)

    def push(self, time: float, until: float, strokes: Strokes) -> bool:
        """Add the next frame; return whether the frame before it is to be read.

        Parameters
        ----------
        time, until : float
            Seconds between which the frame is shown.
        strokes : Strokes
            Its strokes.

        Returns
        -------
        bool
            Whether the frame before it is to be read; False for the first frame.
        """
        before = self._strokes
        if before.shape != strokes.shape:
            # The first frame, or the size of the frames has changed: no stroke persists.
            due = before.size > 0
            before, self._born = np.zeros_like(strokes), np.full(strokes.shape, np.inf, np.float32)
        else:
            due = self._is_due(strokes) or time - max(self._read, 0.0) > REFRESH
        if due:
            self._read = self._time
        self._time, self._until, self._strokes = time, until, strokes
        self._born = np.where(strokes, np.where(before, self._born, np.float32(time)), np.float32(np.inf))
        return due

    def finish(self) -> bool:
        """Return whether the last frame is to be read."""
        return self._strokes.size > 0 and (self._read == -np.inf or self._is_due(np.zeros_like(self._strokes)))

    def _is_due(self, following: Strokes) -> bool:
        """Return whether the last frame shows text that was not read and is not as it was in the one that follows."""
        edges = _left_edges(self._strokes)
        stood = self._until - self._born
        there = edges & (stood >= STANDS)
        unread = there & (self._born > self._read)
        if _line_lost(_per_cell(unread), _per_cell(unread & ~following)):
            return True
        there &= stood >= LETTER_STANDS
        unread &= there
        lost, added = there & ~following, following & ~self._strokes
        settled = there & (stood >= SETTLED)
        return _letter_changed(*(_per_cell(marked) for marked in (there, unread, lost, settled, added)))


def _line_lost(unread: Counts, lost: Counts) -> bool:
    """Return whether adjacent cells full of unread edges, as the letters of a line make them, have lost many."""
    in_line, lost_in_line = (sum(_side_by_side(counts)) for counts in (unread, lost))
    return bool((_lines(unread) & (lost_in_line >= LINE_LOST * in_line)).any())


def _letter_changed(there: Counts, unread: Counts, lost: Counts, settled: Counts, added: Counts) -> bool:
    """Return whether a line with a letter that was not read has lost a letter, or got one after it had settled."""
    import cv2

    _, lines = cv2.connectedComponents(_beside_line(there).astype(np.uint8), connectivity=4)
    there, unread, lost, added = (_letters(counts) for counts in (there, unread, lost, added))
    new = (unread >= NEW_EDGES) & (unread >= LETTER_NEW * there)
    gone = (there >= LETTER_EDGES) & (lost >= LETTER_LOST * there)
    further = _beside_line(settled) & (added >= LETTER_EDGES)
    both = np.intersect1d(lines[new], lines[gone | further])
    return bool((both > 0).any())


def _left_edges(strokes: Strokes) -> Strokes:
    """Return the left edges of strokes."""
    edges = strokes.copy()
    edges[..., 1:] &= ~strokes[..., :-1]
    return edges


def _side_by_side(cells: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the first, second and third of each three adjacent cells of a row."""
    places = max(0, cells.shape[1] - CELLS_IN_LINE + 1)
    return [cells[:, i : i + places] for i in range(CELLS_IN_LINE)]


def _lines(counts: Counts) -> NDArray[np.bool_]:
    """Return where three adjacent cells are full of edges, as the letters of a line make them."""
    lines: NDArray[np.bool_] = np.logical_and.reduce(_side_by_side(counts >= CELL_EDGES))
    return lines


def _beside_line(counts: Counts) -> NDArray[np.bool_]:
    """Return the cells that are part of a line or beside it: up to three on, for the space between words."""
    rows, columns = counts.shape
    beside = np.zeros((rows + 2, columns + 6), np.bool_)
    line = _lines(counts)
    for down in range(3):
        for right in range(CELLS_IN_LINE + 6):
            beside[down : down + rows, right : right + line.shape[1]] |= line
    return beside[1:-1, 3:-3]


def _letters(counts: Counts) -> Counts:
    """Return the numbers of edges in each cell and the one below: a letter may stand on the border of two."""
    letters = counts.copy()
    letters[:-1] += counts[1:]
    return letters


def _per_cell(strokes: Strokes) -> Counts:
    """Return the number of marked pixels of both maps in each cell, including cells cut off by the border."""
    _, height, width = strokes.shape
    rows, columns = np.arange(0, height, CELL), np.arange(0, width, CELL)
    both: NDArray[np.int64] = strokes.sum(axis=0, dtype=np.int64)
    counts: Counts = np.add.reduceat(np.add.reduceat(both, rows, axis=0), columns, axis=1)
    return counts


def sample_frames(path: Path, fps: float) -> Iterator[SampledFrame]:
    """Yield `fps` frames per second of a video, in one pass; those to be read come with their picture.

    Raises
    ------
    InputError
        The file cannot be opened as a video.
    """
    selector = FrameSelector()
    before: tuple[Frame, Strokes] | None = None
    for frame, strokes in _without_flicker(iter_frames(path, fps=fps, max_side=READ_SIDE)):
        due = selector.push(frame.time, frame.until, strokes)
        if before is not None:
            yield _sampled(*before, due)
        before = frame, strokes
    if before is not None:
        yield _sampled(*before, selector.finish())


def _without_flicker(frames: Iterable[Frame]) -> Iterator[tuple[Frame, Strokes]]:
    """Yield the frames with their strokes; strokes that are missing for a moment in between are added."""
    earlier: Strokes | None = None
    last: tuple[Frame, Strokes] | None = None
    for frame in frames:
        strokes = find_strokes(frame.rgb)
        if last is not None:
            shown, between = last
            short = earlier is not None and frame.time - shown.time <= FLICKER
            if short and earlier is not None and earlier.shape == between.shape == strokes.shape:
                between = between | (earlier & strokes)
            yield shown, between
            earlier = between
        last = frame, strokes
    if last is not None:
        yield last


def _sampled(frame: Frame, strokes: Strokes, due: bool) -> SampledFrame:
    shape = (strokes.shape[0], strokes.shape[1], strokes.shape[2])
    return SampledFrame(frame.time, frame.until, np.packbits(strokes), shape, frame.rgb if due else None)
