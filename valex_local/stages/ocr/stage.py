"""The ocr stage: look at a video, read where its text may have changed, follow each text over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import ValexError
from valex_local.records import Media, ScreenText
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.ocr.engines import Reading, load_engine
from valex_local.stages.ocr.frame_selection import SampledFrame, looks
from valex_local.stages.ocr.similarity import plain
from valex_local.stages.ocr.spans import follow
from valex_local.stages.ocr.tracks import merge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURES_AHEAD = 24
"""Pictures of a video that are decoded and kept before reading begins (3 MB each, at most).

The others are decoded beside the reading, no more than so many ahead.
"""

LOOKS_AHEAD = 1200
"""Frames that are looked at before reading begins: 30 kB each."""

SHORT = 2
"""Readings of so few characters are often no text at all: a stick is read as 1, a wheel as O."""

SHORT_CONFIDENCE = 0.9
"""Least confidence of a short reading. Real ones have 0.99."""


@dataclass(frozen=True)
class FrameStream:
    """A video as it is looked at, once, and its end, seconds; None where it has no picture track."""

    looks: Iterator[SampledFrame] | None
    end: float = 0.0


class OcrStage:
    """On-screen text of a video as tracks."""

    batch_size = 1

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.ocr
        self._engine = load_engine(context.models["ocr"], self._settings, context.device)

    def prepare(self, item: Item) -> FrameStream:
        """Look at the video in one sparse pass.

        Raises
        ------
        InputError
            The video cannot be opened any more.
        """
        media = item.get("media", Media)
        if media.video is None or item.post.video is None:
            return FrameStream(None)
        coming = looks(Path(item.post.video.path), self._settings.fps)
        return FrameStream(chain(_some(coming), _beside(coming)), media.duration)

    def __call__(self, batch: Sequence[FrameStream]) -> Sequence[Output | ValexError]:
        """Read the frames due and follow their texts."""
        return [self._output(watched) for watched in batch]

    def close(self) -> None:
        """Free the models."""
        self._engine.close()

    def _output(self, watched: FrameStream) -> Output | ValexError:
        if watched.looks is None:
            return Output(ScreenText(skipped="no picture track"))
        try:
            followed = follow(watched.looks, self._read, watched.end)
        except ValexError as error:
            return error
        tracks = merge(followed.spans, 1 / self._settings.fps)
        return Output(ScreenText(tracks=tracks, frames_seen=followed.seen, frames_read=followed.read))

    def _read(self, picture: NDArray[np.uint8]) -> list[Reading]:
        """Return the readings that count."""
        return [reading for reading in self._engine.read(picture) if self._counts(reading)]

    def _counts(self, reading: Reading) -> bool:
        least = self._settings.min_confidence
        if len(plain(reading.text)) <= SHORT:
            least = max(least, SHORT_CONFIDENCE)
        return reading.confidence >= least and any(c.isalnum() for c in reading.text)


def _some(coming: Iterator[SampledFrame]) -> list[SampledFrame]:
    """Take as many looks as may be kept in memory."""
    taken: list[SampledFrame] = []
    pictures = 0
    while len(taken) < LOOKS_AHEAD and pictures < PICTURES_AHEAD and (look := next(coming, None)) is not None:
        taken.append(look)
        pictures += look.picture is not None
    return taken


def _beside(coming: Iterator[SampledFrame]) -> Iterator[SampledFrame]:
    """Yield what is still to come, looked at in a thread of its own while the looks before are used."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="look")
    try:
        ahead = deque(pool.submit(next, coming, None) for _ in range(PICTURES_AHEAD))
        while (look := ahead.popleft().result()) is not None:
            ahead.append(pool.submit(next, coming, None))
            yield look
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
