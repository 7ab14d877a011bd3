"""Voice activity detection, and how a track is cut into pieces for the speech engine.

Whisper invents words, or loops for minutes, over audio without a voice; so it is only given the stretches in which
Silero's voice detector (its weights are part of the faster-whisper package) finds one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16000
SHORTEST_PAUSE = 0.2
"""Seconds. A shorter pause is taken as part of the voice around it."""
SHORTEST_STRETCH = 0.1
"""Seconds. A shorter stretch is a click, not a voice."""
SHORTEST_PIECE = 0.5
"""Seconds of voice. A shorter one on its own is as often a sound effect, which Whisper hears as "Go!", as a shout."""
LONGEST_PIECE = 28.0
"""Seconds without the margins; with them a piece must fit Whisper's window of 30 seconds."""
LONGEST_GAP = 3.0
"""Seconds without a voice within a piece: each piece costs a whole window, but longer gaps invite invented words."""
MARGIN = 0.4
"""Seconds kept before and after the voice, for soft onsets and ends."""


@dataclass(frozen=True)
class AudioPiece:
    """A part of the track to recognise, [start, end) in seconds, and the seconds of voice in it."""

    start: float
    end: float
    voiced: float


@dataclass(frozen=True)
class Voice:
    """The stretches of a track with a voice: (start, end) in seconds, ordered and without overlap."""

    stretches: tuple[tuple[float, float], ...] = ()

    @property
    def total(self) -> float:
        """Number of seconds with a voice."""
        return sum(end - start for start, end in self.stretches)

    def seconds(self, start: float, end: float) -> float:
        """Return the number of seconds with a voice in [start, end)."""
        return sum(max(0.0, min(end, b) - max(start, a)) for a, b in self.stretches)

    def share(self, start: float, end: float) -> float:
        """Return the fraction of [start, end) with a voice; 0 for an empty stretch."""
        return min(1.0, self.seconds(start, end) / (end - start)) if end > start else 0.0

    def without(self, spans: Iterable[tuple[float, float]]) -> Voice:
        """Return the voice outside the given spans of time."""
        left = list(self.stretches)
        for start, end in spans:
            left = [part for a, b in left for part in ((a, min(b, start)), (max(a, end), b)) if part[0] < part[1]]
        return Voice(tuple(left))

    def within(self, start: float, end: float) -> Voice:
        """Return the voice within [start, end)."""
        return Voice(tuple((max(a, start), min(b, end)) for a, b in self.stretches if a < end and b > start))

    def pieces(
        self,
        duration: float,
        *,
        shortest: float = SHORTEST_PIECE,
        longest: float = LONGEST_PIECE,
        margin: float = MARGIN,
    ) -> tuple[AudioPiece, ...]:
        """Return the pieces to recognise, ordered and without overlap.

        Parameters
        ----------
        duration : float
            Length of the track, seconds.
        shortest : float
            Pieces with less voice than this are left out, seconds.
        longest : float
            Stretches are joined up to this length, without the margins, seconds.
        margin : float
            How far a piece extends beyond its voice, seconds; at most halfway to the next piece.

        Returns
        -------
        tuple of AudioPiece
            The pieces.
        """
        spans = list(self._spans(longest))
        # A margin extends at most halfway to the neighbour.
        middles = [0.0, *((a[1] + b[0]) / 2 for a, b in pairwise(spans)), duration]
        found = []
        for (start, end), before, after in zip(spans, middles, middles[1:], strict=False):
            voiced = self.seconds(start, end)
            if voiced >= shortest:
                found.append(AudioPiece(max(before, start - margin), min(after, end + margin), voiced))
        return tuple(found)

    def _spans(self, longest: float) -> Iterator[tuple[float, float]]:
        """Yield stretches joined over short gaps, as long as the result fits a window."""
        span: tuple[float, float] | None = None
        for start, end in self.stretches:
            if span is None:
                span = (start, end)
            elif start - span[1] <= LONGEST_GAP and end - span[0] <= longest:
                span = (span[0], end)
            else:
                yield span
                span = (start, end)
        if span is not None:
            yield span


def find_voice(samples: NDArray[np.float32], *, threshold: float) -> Voice:
    """Return the stretches in which the voice detector finds a voice.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        16 kHz mono.
    threshold : float
        Probability above which 32 ms of audio count as voice.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        threshold=threshold,
        min_speech_duration_ms=round(1000 * SHORTEST_STRETCH),
        min_silence_duration_ms=round(1000 * SHORTEST_PAUSE),
        max_speech_duration_s=LONGEST_PIECE,
        speech_pad_ms=0,
    )
    found = get_speech_timestamps(samples, options, sampling_rate=SAMPLE_RATE)
    return Voice(tuple((f["start"] / SAMPLE_RATE, f["end"] / SAMPLE_RATE) for f in found))
