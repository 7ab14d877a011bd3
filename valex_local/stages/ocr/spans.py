"""When each text that was read appeared on the screen and disappeared.

A reading shows which text was in a box at one moment. The strokes of the surrounding frames show how long: while the
text is there, they correlate with those of the frame that was read; if there is another text or none, bright and dark
strokes coincide at random and cancel out. Where two readings in one place differ, the strokes decide whether there is
one line, misread, or two; and those strokes alone that differ tell when the one gave way to the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from valex_local.stages.ocr.engines import Reading
from valex_local.stages.ocr.frame_selection import FLICKER, REFRESH, STANDS
from valex_local.stages.ocr.similarity import hull, same_place, same_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from valex_local.records import Box
    from valex_local.stages.ocr.frame_selection import SampledFrame, Strokes

    Signed = NDArray[np.int8]

LASTING = 0.5
"""Correlation of strokes, as a fraction of the text's correlation with itself, from which the text is there."""

CHANGED = 0.4
"""Strokes that differ where a letter is, as a fraction of those of an average letter, from which it is another one."""

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
    """A reading that is being tracked, with the indices of the first and last frame that showed it so far.

    `steady` are the strokes of the whole frame that was read, without those that come and go.
    """

    reading: Reading
    strokes: Signed
    steady: Signed
    read: int
    first: int = field(init=False)
    last: int = field(init=False)
    gone: bool = False
    parts: list[slice] = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.last = self.read
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
    seen = _Seen()
    visible: list[_TrackedText] = []
    gone: list[_TrackedText] = []
    pictures = 0
    for frame in frames:
        seen.add(frame)
        strokes = _signed(frame)
        _forward(visible, strokes, seen)
        if frame.picture is not None:
            pictures += 1
            steady = seen.steady()
            found = [_TrackedText(r, _crop(strokes, r.box), steady, seen.now) for r in read(frame.picture)]
            _backward(found, seen)
            _bridge(visible, found)
            _part([*visible, *(text for text in gone if text.last >= seen.oldest)], found, seen)
            visible += found
        gone += [text for text in visible if text.gone]
        visible = [text for text in visible if not text.gone]
    spans = tuple(_span(text, seen, end) for text in gone + visible)
    return Followed(spans, len(seen.times), pictures)


@dataclass
class _Seen:
    """The frames so far: when each was shown, and the strokes of the latest."""

    times: list[float] = field(default_factory=list)
    until: list[float] = field(default_factory=list)
    latest: deque[SampledFrame] = field(default_factory=deque)

    @property
    def now(self) -> int:
        """Index of the last frame."""
        return len(self.times) - 1

    @property
    def oldest(self) -> int:
        """Index of the first frame whose strokes are kept."""
        return len(self.times) - len(self.latest)

    def add(self, frame: SampledFrame) -> None:
        """Add the next frame."""
        self.times.append(frame.time)
        self.until.append(frame.until)
        self.latest.append(frame)
        # Older frames are not needed: whatever they showed has been read by then.
        while self.latest[0].until < frame.time - 2 * REFRESH:
            self.latest.popleft()

    def back(self, index: int = 0) -> Iterator[tuple[int, Signed]]:
        """Yield the frames before the last one, the latest first and down to an index, with their strokes."""
        for number, frame in zip(
            range(self.now - 1, index - 1, -1), islice(reversed(self.latest), 1, None), strict=False
        ):
            yield number, _signed(frame)

    def steady(self) -> Signed:
        """Return the strokes of the last frame that have been there for a while."""
        last = self.latest[-1]
        steady = last.strokes()
        for frame in islice(reversed(self.latest), 1, None):
            if frame.until <= last.until - STANDS or frame.shape != last.shape:
                break
            steady &= frame.strokes()
        return _with_signs(steady)


def _forward(visible: Sequence[_TrackedText], strokes: Signed, seen: _Seen) -> None:
    """Track texts in the next frame, and note which are gone."""
    for text in visible:
        if text.faint:
            continue  # the next reading decides whether it is gone
        if text.visible(strokes):
            text.last = seen.now
        else:
            text.gone = seen.until[-1] - seen.until[text.last] > FLICKER


def _backward(found: Sequence[_TrackedText], seen: _Seen) -> None:
    """Find the first frame of texts that were just read."""
    following = [_BackwardTrace(text) for text in found if not text.faint]
    for index, strokes in seen.back():
        following = [trace for trace in following if trace.step(strokes, index, seen)]
        if not following:
            return


def _part(others: Sequence[_TrackedText], found: Sequence[_TrackedText], seen: _Seen) -> None:
    """End texts that gave way to one just read in their place, and find out when."""
    for text in found:
        for earlier in others:
            if earlier.last < text.first or not same_place(earlier.reading.box, text.reading.box):
                continue
            if same_words(earlier.reading.text, text.reading.text) or not _differ(earlier, text):
                # One line, read again: what was there before it is settled.
                text.first = max(text.first, earlier.first)
            else:
                change = _change(earlier, text, seen)
                earlier.last, earlier.gone = min(earlier.last, max(change - 1, earlier.first)), True
                text.first = max(text.first, change)


def _differ(earlier: _TrackedText, later: _TrackedText) -> bool:
    """Return whether some letter of one text has other strokes than the other text has there."""
    import cv2

    if earlier.steady.shape != later.steady.shape or earlier.faint or later.faint:
        return True  # only the words can tell
    one, other = _pair(earlier, later)
    height = min(earlier.strokes.shape[0], later.strokes.shape[0])
    letter = (max(3, height // 2), max(3, height))
    differing, inked = (
        cv2.boxFilter(marked.astype(np.float32), -1, letter, normalize=False, borderType=cv2.BORDER_CONSTANT)
        for marked in (one != other, (one != 0) | (other != 0))
    )
    return bool(differing.max() >= CHANGED * inked[inked > 0].mean()) if inked.any() else True


def _change(earlier: _TrackedText, later: _TrackedText, seen: _Seen) -> int:
    """Return the index of the first frame that is more like the later text than like the earlier one.

    A matched filter over the strokes that differ, and of all indices the one that parts the frames best.
    """
    one, other = (text.astype(np.int32) for text in _pair(earlier, later))
    middle = ((one * one).sum() - (other * other).sum()) / 2
    box = hull(earlier.reading.box, later.reading.box)
    best = gain = 0.0
    change = later.read
    for index, strokes in seen.back(earlier.read + 1):
        there = _crop(strokes, box)
        if there.shape != one.shape:
            break
        gain += middle - float(((one - other) * there).sum())  # above 0: more like the later one
        if gain > best:
            best, change = gain, index
    return change


def _pair(earlier: _TrackedText, later: _TrackedText) -> tuple[Signed, Signed]:
    """Return the steady strokes of two texts where either of them is."""
    box = hull(earlier.reading.box, later.reading.box)
    return _crop(earlier.steady, box), _crop(later.steady, box)


@dataclass
class _BackwardTrace:
    """A text that is tracked back to its first frame, with the fraction of it that was there last."""

    text: _TrackedText
    share: float = 1.0

    def step(self, strokes: Signed, index: int, seen: _Seen) -> bool:
        """Track the text in an earlier frame; return whether to continue."""
        share = self.text.grown(strokes)
        if share > 0 and share >= self.share - GROWTH:
            self.share, self.text.first = min(share, self.share), index
            return True
        return seen.times[self.text.first] - seen.times[index] <= FLICKER


def _bridge(visible: Sequence[_TrackedText], found: Sequence[_TrackedText]) -> None:
    """Extend texts too faint to be tracked to the next reading, if it finds them again; otherwise end them."""
    for text in visible:
        if text.faint:
            again = (f for f in found if same_place(f.reading.box, text.reading.box))
            text.last = next((f.first for f in again if same_words(f.reading.text, text.reading.text)), text.last)
            text.gone = True


def _span(text: _TrackedText, seen: _Seen, end: float) -> ReadingSpan:
    """Return the span of a text in seconds.

    Between the last frame without it and the first with it there may be frames that were not sampled; halfway through
    them is the best guess, which is exact where there are none.
    """
    first, last = text.first, text.last
    start = seen.times[first] if first == 0 else (seen.until[first - 1] + seen.times[first]) / 2
    stop = max(end, seen.times[-1]) if last == seen.now else (seen.until[last] + seen.times[last + 1]) / 2
    return ReadingSpan(text.reading.text, text.reading.box, text.reading.confidence, start, max(start, stop))


def _signed(frame: SampledFrame) -> Signed:
    return _with_signs(frame.strokes())


def _with_signs(strokes: Strokes) -> Signed:
    """Return +1 for bright strokes, -1 for dark ones, else 0; shape (height, width)."""
    bright, dark = strokes.astype(np.int8)
    signed: Signed = bright - dark
    return signed


def _crop(strokes: Signed, box: Box) -> Signed:
    height, width = strokes.shape
    top, left = int(box.top * height), int(box.left * width)
    bottom, right = int(np.ceil((box.top + box.height) * height)), int(np.ceil((box.left + box.width) * width))
    return strokes[top : max(bottom, top + 1), left : max(right, left + 1)]
