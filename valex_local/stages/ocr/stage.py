"""The ocr stage: samples a video, reads frames where its text may have changed, and tracks each text over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import ValexError
from valex_local.records import Media, Notice, ScreenText
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.ocr.engines import Reading, load_engine
from valex_local.stages.ocr.frame_selection import SampledFrame, sample_frames
from valex_local.stages.ocr.left_out import left_out_notices, mark
from valex_local.stages.ocr.similarity import plain
from valex_local.stages.ocr.slides import read_slides
from valex_local.stages.ocr.spans import ReadingSpan, follow
from valex_local.stages.ocr.tracks import merge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURES_AHEAD = 24
"""Maximum number of pictures kept in memory before reading begins (at most 3 MB each).

The others are decoded while frames are read, at most this many ahead.
"""

FRAMES_AHEAD = 1200
"""Maximum number of frames sampled before reading begins (30 kB each)."""

SHORT = 2
"""Readings of at most this many characters are often not text: a stick is read as 1, a wheel as O."""

SHORT_CONFIDENCE = 0.9
"""Minimum confidence of a short reading. Real ones have 0.99."""

UNREAD_SECONDS = 1.0
"""Text that cannot be read gives a notice if it stands for at least this long in all."""


@dataclass(frozen=True)
class FrameStream:
    """What is read of a post.

    Attributes
    ----------
    frames : iterator of SampledFrame or None
        The sampled frames of the video; None if there is no video track.
    end : float
        Seconds of the post.
    pictures : tuple of Path
        The pictures of a photo post, in order.
    """

    frames: Iterator[SampledFrame] | None
    end: float = 0.0
    pictures: tuple[Path, ...] = ()


class OcrStage:
    """Finds the on-screen text of a video."""

    batch_size = 1

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.ocr
        self._engine = load_engine(context.models["ocr"], self._settings, context.device)

    def prepare(self, item: Item) -> FrameStream:
        """Return the frames of the video, sampled in one pass, or the pictures of a photo post.

        Raises
        ------
        InputError
            The video can no longer be opened.
        """
        media = item.get("media", Media)
        if item.post.pictures:
            return FrameStream(None, media.duration, tuple(Path(file.path) for file in item.post.pictures))
        if media.video is None or item.post.video is None:
            return FrameStream(None)
        frames = sample_frames(Path(item.post.video.path), self._settings.fps)
        return FrameStream(chain(_first(frames), _in_thread(frames)), media.duration)

    def __call__(self, batch: Sequence[FrameStream]) -> Sequence[Output | ValexError]:
        """Return the tracks of each post; this reads its frames or pictures."""
        return [self._output(stream) for stream in batch]

    def close(self) -> None:
        """Free the models."""
        self._engine.close()

    def _output(self, stream: FrameStream) -> Output | ValexError:
        try:
            if stream.pictures:
                followed = read_slides(stream.pictures, stream.end, self._read)
            elif stream.frames is None:
                return Output(ScreenText(skipped="no video track"))
            else:
                followed = follow(stream.frames, self._read, stream.end)
        except ValexError as error:
            return error
        tracks = mark(merge([span for span in followed.spans if span.text], 1 / self._settings.fps))
        unread = unread_notices([span for span in followed.spans if not span.text])
        notices = (*unread, *left_out_notices(tracks))
        return Output(ScreenText(tracks=tracks, frames_seen=followed.seen, frames_read=followed.read, notices=notices))

    def _read(self, picture: NDArray[np.uint8]) -> list[Reading]:
        """Return the readings that pass the filters."""
        return [reading for reading in self._engine.read(picture) if self._counts(reading)]

    def _counts(self, reading: Reading) -> bool:
        if not reading.text:
            return True  # text that cannot be read, which becomes a notice
        least = self._settings.min_confidence
        if len(plain(reading.text)) <= SHORT:
            least = max(least, SHORT_CONFIDENCE)
        return reading.confidence >= least and any(c.isalnum() for c in reading.text)


def unread_notices(spans: Sequence[ReadingSpan]) -> tuple[Notice, ...]:
    """Return a notice on the time in which text stood that cannot be read, if there is any."""
    seconds, until = 0.0, 0.0
    for span in sorted(spans, key=lambda s: s.start):
        seconds += max(0.0, span.end - max(span.start, until))
        until = max(until, span.end)
    if seconds < UNREAD_SECONDS:
        return ()
    first = min(span.start for span in spans)
    text = f"text was seen for {seconds:.1f} s, between {first:.1f} and {until:.1f} s, that the OCR model cannot read"
    return (Notice(code="text-not-read", text=text),)


def _first(frames: Iterator[SampledFrame]) -> list[SampledFrame]:
    """Return as many of the first frames as may be kept in memory."""
    taken: list[SampledFrame] = []
    pictures = 0
    while len(taken) < FRAMES_AHEAD and pictures < PICTURES_AHEAD and (frame := next(frames, None)) is not None:
        taken.append(frame)
        pictures += frame.picture is not None
    return taken


def _in_thread(frames: Iterator[SampledFrame]) -> Iterator[SampledFrame]:
    """Yield the remaining frames, sampled in a thread while the earlier ones are used."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="sample")
    try:
        ahead = deque(pool.submit(next, frames, None) for _ in range(PICTURES_AHEAD))
        while (frame := ahead.popleft().result()) is not None:
            ahead.append(pool.submit(next, frames, None))
            yield frame
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
