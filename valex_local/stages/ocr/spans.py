"""When each text that was read appeared on the screen and disappeared.

A reading shows which text was in a box at one moment. The strokes of the surrounding frames show how long: while the
text is there, they correlate with those of the frame that was read; if there is another text or none, bright and dark
strokes coincide at random and cancel out.
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
"""Correlation of strokes, as a fraction of the text's correlation with itself, from which the text is there."""

FLICKER = 1
"""Consecutive frames in which a text may not show (a flash, a blur) without being gone."""

FEW_STROKES = 12
"""A text with fewer stroke pixels than this on the map is too faint to be tracked."""

EMPTY = 0.5
"""The part of a caption that has not yet appeared has fewer strokes than this fraction of its final ones."""

GROWTH = 0.6
"""Largest part of a growing caption that may appear at once; if more appears, it came as a whole and does not grow."""


@dataclass(frozen=True)
class ReadingSpan:
    """A reading with the time in which its text was visible, seconds."""

    text: str
    box: Box
    confidence: float
    start: float
    end: float
    readings: int = 1


@dataclass(frozen=True)
class Followed:
    """The texts of a video, and how many frames were sampled (`seen`) and read."""

    spans: tuple[ReadingSpan, ...]
    seen: int
    read: int


@dataclass
class _TrackedText:
    """A reading that is being tracked, with the indices of the first and last frame that showed it so far."""

    reading: Reading
    strokes: Signed
    first: int
    last: int
    missed: int = 0
    parts: list[slice] = field(init=False)

    def __post_init__(self) -> None:
        # Parts half as wide as a letter is high, so that a part is smaller than the shortest first word of a caption.
        height, width = self.strokes.shape
        step = max(4, height // 2)
        self.parts = [slice(left, left + step) for left in range(0, width, step)]

    @property
    def faint(self) -> bool:
        """Whether the text has too few strokes to be distinguished from none."""
        return bool(np.count_nonzero(self.strokes) < FEW_STROKES)

    def visible(self, strokes: Signed) -> bool:
        """Return whether the whole text is visible."""
        there = _crop(strokes, self.reading.box)
        return there.shape == self.strokes.shape and self._shows(there, slice(None), FEW_STROKES)

    def grown(self, strokes: Signed) -> float:
        """Return the fraction of the text that is there, from 0 to 1: it may begin with a part and grow."""
        there = _crop(strokes, self.reading.box)
        if there.shape != self.strokes.shape:
            return 0.0
        inked = [part for part in self.parts if np.count_nonzero(self.strokes[:, part]) >= FEW_STROKES // 2]
        shown = [self._shows(there, part, FEW_STROKES // 2) for part in inked]
        share = sum(shown) / max(1, len(shown))
        if self._shows(there, slice(None), FEW_STROKES):
            return max(share, 0.5)
        # It begins at one of its ends, depending on the direction of writing, and the rest is empty.
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
    frames: Iterable[SampledFrame], read: Callable[[NDArray[np.uint8]], Sequence[Reading]], end: float
) -> Followed:
    """Return the texts of a video: frames with a picture are read, and their texts tracked forward and backward.

    Parameters
    ----------
    frames : iterable of SampledFrame
        The sampled frames, in order of time; consumed one by one, so memory does not grow with the video.
    read : callable
        Returns the readings of a picture of shape (height, width, 3).
    end : float
        End of the video, seconds.

    Returns
    -------
    Followed
        The texts with their times, and the numbers of frames.
    """
    times: list[float] = []
    past: deque[SampledFrame] = deque()
    visible: list[_TrackedText] = []
    gone: list[_TrackedText] = []
    pictures = 0
    for now, frame in enumerate(frames):
        times.append(frame.time)
        strokes = _signed(frame)
        visible, left = _forward(visible, strokes, now)
        gone += left
        if frame.picture is not None:
            pictures += 1
            found = [_TrackedText(r, _crop(strokes, r.box), now, now) for r in read(frame.picture)]
            _backward(found, past)
            _bridge(visible, found)
            visible += found
        past.append(frame)
        # Older frames are not needed: whatever they showed has been read by then.
        while past[0].time < frame.time - 2 * REFRESH:
            past.popleft()
    spans = tuple(_span(text, times, end) for text in gone + visible)
    return Followed(spans, len(times), pictures)


def _forward(visible: list[_TrackedText], strokes: Signed, now: int) -> tuple[list[_TrackedText], list[_TrackedText]]:
    """Track texts in the next frame; return those that are still visible and those that are gone."""
    for text in visible:
        if text.faint:
            continue  # the next reading decides whether it is gone
        if text.visible(strokes):
            text.last, text.missed = now, 0
        else:
            text.missed += 1
    return [t for t in visible if t.missed <= FLICKER], [t for t in visible if t.missed > FLICKER]


def _backward(found: list[_TrackedText], past: Sequence[SampledFrame]) -> None:
    """Find the first frame of texts that were just read."""
    following = [_BackwardTrace(text) for text in found if not text.faint]
    for back, frame in enumerate(reversed(past), 1):
        if not following:
            return
        strokes = _signed(frame)
        following = [trace for trace in following if trace.step(strokes, back)]


@dataclass
class _BackwardTrace:
    """A text that is tracked back to its first frame: the fraction that was there last, and the frames missed since."""

    text: _TrackedText
    share: float = 1.0
    missed: int = 0

    def step(self, strokes: Signed, back: int) -> bool:
        """Track the text in the frame `back` frames before the one that was read; return whether to continue."""
        share = self.text.grown(strokes)
        if share > 0 and share >= self.share - GROWTH:
            self.share, self.missed = min(share, self.share), 0
            self.text.first = self.text.last - back
        else:
            self.missed += 1
        return self.missed <= FLICKER


def _bridge(visible: list[_TrackedText], found: Sequence[_TrackedText]) -> None:
    """Extend texts too faint to be tracked to the next reading, if it finds them again; otherwise end them."""
    for text in visible:
        if text.faint:
            again = (f for f in found if same_place(f.reading.box, text.reading.box))
            text.last = next((f.first for f in again if same_text(f.reading.text, text.reading.text)), text.last)
            text.missed = FLICKER + 1


def _span(text: _TrackedText, times: Sequence[float], end: float) -> ReadingSpan:
    """Return the span of a text in seconds. It appears and disappears between two frames; halfway is the best guess."""
    first, last = text.first, text.last
    start = times[first] if first == 0 else (times[first - 1] + times[first]) / 2
    stop = max(end, times[last]) if last + 1 == len(times) else (times[last] + times[last + 1]) / 2
    return ReadingSpan(text.reading.text, text.reading.box, text.reading.confidence, start, max(start, stop))


def _signed(frame: SampledFrame) -> Signed:
    """Return +1 for bright strokes, -1 for dark ones, else 0; shape (height, width)."""
    bright, dark = frame.strokes().astype(np.int8)
    signed: Signed = bright - dark
    return signed


def _crop(strokes: Signed, box: Box) -> Signed:
    height, width = strokes.shape
    top, left = int(box.top * height), int(box.left * width)
    bottom, right = int(np.ceil((box.top + box.height) * height)), int(np.ceil((box.left + box.width) * width))
    return strokes[top : max(bottom, top + 1), left : max(right, left + 1)]
