"""The ocr stage: look at a video, read where its text may have changed, follow each text over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from valex_local.errors import ValexError
from valex_local.ocr.engines import load_engine
from valex_local.ocr.gate import Look, looks
from valex_local.ocr.tracks import find_span, merge
from valex_local.records import Media, ScreenText
from valex_local.stages import Context, Item, Output


@dataclass(frozen=True)
class Watched:
    """A video as it was looked at, and its end, seconds; no looks where it has no picture track."""

    looks: Sequence[Look]
    end: float
    has_picture: bool = True


class OcrStage:
    """On-screen text of a video as tracks."""

    batch_size = 1

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.ocr
        self._engine = load_engine(context.models["ocr"], self._settings, context.device)

    def prepare(self, item: Item) -> Watched:
        """Look at the video in one sparse pass.

        Raises
        ------
        InputError
            The video cannot be opened any more.
        """
        media = item.get("media", Media)
        if media.video is None or item.post.video is None:
            return Watched((), 0.0, has_picture=False)
        return Watched(list(looks(Path(item.post.video.path), self._settings.fps)), media.duration)

    def __call__(self, batch: Sequence[Watched]) -> Sequence[Output | ValexError]:
        """Read the frames due and follow their texts."""
        return [Output(self._read(watched)) for watched in batch]

    def close(self) -> None:
        """Free the models."""
        self._engine.close()

    def _read(self, watched: Watched) -> ScreenText:
        if not watched.has_picture:
            return ScreenText(skipped="no picture track")
        times = [look.time for look in watched.looks]
        maps = [look.strokes() for look in watched.looks]
        spans = []
        read = 0
        for at, look in enumerate(watched.looks):
            if look.picture is None:
                continue
            read += 1
            for reading in self._engine.read(look.picture):
                if reading.confidence >= self._settings.min_confidence and any(c.isalnum() for c in reading.text):
                    spans.append(find_span(reading, at, times, maps, max(watched.end, times[at])))
        return ScreenText(tracks=merge(spans, 1 / self._settings.fps), frames_seen=len(times), frames_read=read)
