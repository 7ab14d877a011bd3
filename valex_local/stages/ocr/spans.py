"""Since when and until when each text that was read stood on the screen.

A reading tells what stood in a box at one moment. The strokes of the frames around tell how long: where the text stands
they correlate with those of the frame that was read; where another text stands, or none, bright and dark meet by chance
only and cancel out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from valex_local.stages.ocr.engines import Reading
from valex_local.stages.ocr.frame_selection import REFRESH
from valex_local.stages.ocr.similarity import same_place, same_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from valex_local.records import Box
    from valex_local.stages.ocr.frame_selection import SampledFrame

    Signed = NDArray[np.int8]

LASTING = 0.5
"""Correlation of strokes, of that of a text with itself, above which the text is there."""

FLICKER = 1
"""Frames in a row in which a text may fail to show (a flash, a blur) and be there still."""

FEW_STROKES = 12
"""A text with fewer stroke pixels than this on the map is too faint to be followed."""

EMPTY = 0.5
"""Where a caption still has to grow there are less strokes than this share of what will be there."""

GROWTH = 0.6
"""Most of a caption that comes at once as it grows; one that comes whole beside strokes of the scene does not grow."""


@dataclass(frozen=True)
class ReadingSpan:
    """A reading with the time in which its text stood there, seconds."""

    text: str
    box: Box
    confidence: float
    start: float
    end: float
    readings: int = 1


@dataclass(frozen=True)
class Followed:
    """The texts of a video, and how many frames were looked at and read."""

    spans: tuple[ReadingSpan, ...]
    seen: int
    read: int


@dataclass
class _Standing:
    """A reading that is followed: the indices of the frames that showed it so far."""

    reading: Reading
    strokes: Signed
    first: int
    last: int
    missed: int = 0
    parts: list[slice] = field(init=False)

    def __post_init__(self) -> None:
        # Parts as wide as half a letter is high, so that one is smaller than the shortest first word of a caption.
        height, width = self.strokes.shape
        step = max(4, height // 2)
        self.parts = [slice(left, left + step) for left in range(0, width, step)]

    @property
    def faint(self) -> bool:
        """Whether there is too little on the map to tell the text from nothing."""
        return bool(np.count_nonzero(self.strokes) < FEW_STROKES)

    def visible(self, strokes: Signed) -> bool:
        """Say whether the whole text shows."""
        there = _crop(strokes, self.reading.box)
        return there.shape == self.strokes.shape and self._shows(there, slice(None), FEW_STROKES)

    def grown(self, strokes: Signed) -> float:
        """Return how much of the text is there, from 0 to 1: it may begin with a part and grow."""
        there = _crop(strokes, self.reading.box)
        if there.shape != self.strokes.shape:
            return 0.0
        inked = [part for part in self.parts if np.count_nonzero(self.strokes[:, part]) >= FEW_STROKES // 2]
        shown = [self._shows(there, part, FEW_STROKES // 2) for part in inked]
        share = sum(shown) / max(1, len(shown))
        if self._shows(there, slice(None), FEW_STROKES):
            return max(share, 0.5)
        # It begins at one of its ends, at the right where that is the direction of writing, and the rest is empty.
        rest = [part for part, shows in zip(inked, shown, strict=True) if not shows]
        now = sum(np.count_nonzero(there[:, part]) for part in rest)
        later = sum(np.count_nonzero(self.strokes[:, part]) for part in rest)
        return share if any(shown[:2] + shown[-2:]) and now < EMPTY * later else 0.0

    def _shows(self, there: Signed, part: slice, fewest: int) -> bool:
        own = self.strokes[:, part]
        itself = np.count_nonzero(own)
        together = int(np.multiply(own, there[:, part], dtype=np.int32).sum())
        return bool(itself >= fewest and together >= LASTING * itself)


def follow(
    looks: Iterable[SampledFrame], read: Callable[[NDArray[np.uint8]], Sequence[Reading]], end: float
) -> Followed:
    """Read the frames that come with a picture and follow their texts to both sides.

    Parameters
    ----------
    looks : iterable of SampledFrame
        The frames looked at, in order of time; taken one by one, so memory does not grow with the video.
    read : callable
        Reads a picture of shape (height, width, 3).
    end : float
        End of the video, seconds.
    """
    times: list[float] = []
    past: deque[SampledFrame] = deque()
    standing: list[_Standing] = []
    gone: list[_Standing] = []
    pictures = 0
    for now, look in enumerate(looks):
        times.append(look.time)
        strokes = _signed(look)
        standing, left = _forward(standing, strokes, now)
        gone += left
        if look.picture is not None:
            pictures += 1
            found = [_Standing(r, _crop(strokes, r.box), now, now) for r in read(look.picture)]
            _backward(found, past)
            _bridge(standing, found)
            standing += found
        past.append(look)
        # What stood there longer ago has been read by then: no two reads lie further apart.
        while past[0].time < look.time - 2 * REFRESH:
            past.popleft()
    spans = tuple(_span(text, times, end) for text in gone + standing)
    return Followed(spans, len(times), pictures)


def _forward(standing: list[_Standing], strokes: Signed, now: int) -> tuple[list[_Standing], list[_Standing]]:
    """Take the next frame; return the texts that stand and those that are gone."""
    for text in standing:
        if text.faint:
            continue  # gone or not: the next reading tells
        if text.visible(strokes):
            text.last, text.missed = now, 0
        else:
            text.missed += 1
    return [t for t in standing if t.missed <= FLICKER], [t for t in standing if t.missed > FLICKER]


def _backward(found: list[_Standing], past: Sequence[SampledFrame]) -> None:
    """Find the first frame of texts that were read just now."""
    following = [_Backward(text) for text in found if not text.faint]
    for back, look in enumerate(reversed(past), 1):
        if not following:
            return
        strokes = _signed(look)
        following = [trace for trace in following if trace.step(strokes, back)]


@dataclass
class _Backward:
    """A reading that is followed back to its first frame: how much of it was there last, and since when it is not."""

    text: _Standing
    share: float = 1.0
    missed: int = 0

    def step(self, strokes: Signed, back: int) -> bool:
        """Take the frame `back` frames before the one that was read; return whether to go on."""
        share = self.text.grown(strokes)
        if share > 0 and share >= self.share - GROWTH:
            self.share, self.missed = min(share, self.share), 0
            self.text.first = self.text.last - back
        else:
            self.missed += 1
        return self.missed <= FLICKER


def _bridge(standing: list[_Standing], found: Sequence[_Standing]) -> None:
    """Let texts too faint to be followed stand from one reading to the next that finds them again, and no longer."""
    for text in standing:
        if text.faint:
            again = (f for f in found if same_place(f.reading.box, text.reading.box))
            text.last = next((f.first for f in again if same_text(f.reading.text, text.reading.text)), text.last)
            text.missed = FLICKER + 1


def _span(text: _Standing, times: Sequence[float], end: float) -> ReadingSpan:
    """Turn indices into seconds. A text comes and goes between two frames: half-way is the best guess."""
    first, last = text.first, text.last
    start = times[first] if first == 0 else (times[first - 1] + times[first]) / 2
    stop = max(end, times[last]) if last + 1 == len(times) else (times[last] + times[last + 1]) / 2
    return ReadingSpan(text.reading.text, text.reading.box, text.reading.confidence, start, max(start, stop))


def _signed(look: SampledFrame) -> Signed:
    """Return +1 for bright strokes, -1 for dark ones, else 0; shape (height, width)."""
    bright, dark = look.strokes().astype(np.int8)
    signed: Signed = bright - dark
    return signed


def _crop(strokes: Signed, box: Box) -> Signed:
    height, width = strokes.shape
    top, left = int(box.top * height), int(box.left * width)
    bottom, right = int(np.ceil((box.top + box.height) * height)), int(np.ceil((box.left + box.width) * width))
    return strokes[top : max(bottom, top + 1), left : max(right, left + 1)]
