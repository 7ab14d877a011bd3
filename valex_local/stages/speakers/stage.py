"""The speakers stage: turns audio into speakers.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from valex_local.errors import ValexError
from valex_local.records import SPEAKER, Media, Notice, Speakers, SpeakerSegment
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.speakers.engine import Turn, load_engine
from valex_local.stages.speech.vad import Voice, find_voice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VOICE = 0.5
"""Probability from which sound counts as a voice."""
UNSURE = 0.75
"""Below this confidence, who speaks is a guess."""
WORTH_SAYING = 1.0
"""Seconds of guesses that deserve a notice."""


@dataclass(frozen=True)
class SpeakerTrack:
    """The sound of a post, and where a voice is in it; `missing` is the reason why there is none to look at."""

    samples: NDArray[np.float32] | None = None
    voice: Voice = field(default_factory=Voice)
    missing: str | None = None


class SpeakersStage:
    """Finds who speaks when. Reads `media.audio` and its audio file; without a model it records that it was skipped."""

    batch_size = 1

    def __init__(self, context: Context) -> None:
        model = context.models.get("speaker")
        self._engine = None if model is None else load_engine(model, context.device, context.settings.speakers)

    def prepare(self, item: Item) -> SpeakerTrack:
        """Return the sound of a post, with the voice in it located."""
        from valex_local.stages.media.audio import load_audio

        audio = item.get("media", Media).audio
        if self._engine is None:
            return SpeakerTrack(missing="no model for the role speaker")
        if audio is None:
            return SpeakerTrack(missing="the video has no audio track")
        samples = load_audio(item.folder / audio.file)
        return SpeakerTrack(samples, find_voice(samples, threshold=VOICE))

    def __call__(self, batch: Sequence[SpeakerTrack]) -> list[Output | ValexError]:
        """Return who speaks when in each post."""
        return [Output(self._found(track)) for track in batch]

    def _found(self, track: SpeakerTrack) -> Speakers:
        if self._engine is None or track.samples is None:
            return Speakers(skipped=track.missing)
        segments = in_order(self._engine.find(track.samples, track.voice))
        return Speakers(segments=segments, notices=tuple(_notices(segments)))

    def close(self) -> None:
        """Free the model."""
        if self._engine is not None:
            self._engine.close()


def in_order(turns: Sequence[Turn]) -> tuple[SpeakerSegment, ...]:
    """Return turns as segments, with the voices numbered in the order in which they are first heard."""
    by_start = sorted(turns, key=lambda turn: (turn.start, turn.end))
    number = {voice: n for n, voice in enumerate(dict.fromkeys(turn.voice for turn in by_start), 1)}
    return tuple(
        SpeakerSegment(
            speaker=f"{SPEAKER} {number[turn.voice]}",
            start=turn.start,
            end=turn.end,
            confidence=turn.confidence if len(number) > 1 else None,
        )
        for turn in by_start
    )


def _notices(segments: Sequence[SpeakerSegment]) -> Iterator[Notice]:
    unsure = sum(s.end - s.start for s in segments if s.confidence is not None and s.confidence < UNSURE)
    if unsure >= WORTH_SAYING:
        yield Notice(code="speakers-unsure", text=f"Who speaks is a guess for {unsure:.1f} seconds")
