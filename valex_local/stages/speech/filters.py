"""Which recognised segments are kept, and the three facts that follow from them.

A segment is kept if it passes every threshold of the settings: no-speech probability, mean log-probability, compression
ratio, and the fraction of its time in which the voice detector found a voice. There is no list of words that Whisper is
known to invent: people do say "thank you". The default for the mean log-probability, -0.8, is stricter than the -1.0
below which Whisper tries again: here nothing is tried again, and words invented over loud singing scored -0.98. The
compression ratio, which is that of a whole window, drops repeated words only if they were not really said:
``repetition.py``.

- `has_sound`: the track is louder than `silence_db`.
- `has_verbal_sound`: at least one segment was kept, so there are spoken or sung words.
- `has_speech`: the voice detector found a voice in at least `min_speech_voice` of the time of all kept segments
  together. It detects a speaker almost all the time but keeps losing a singer behind a band, so words with little voice
  count as verbal but not as spoken.

Limits: clear singing without a band looks like speech to the detector and counts as spoken; singing that the detector
misses is never recognised and leaves `has_verbal_sound` false; speech under loud music may count as sung.
"""

from __future__ import annotations

from collections.abc import Sequence

from valex_local.records import Segment, Sound
from valex_local.settings import SpeechSettings
from valex_local.stages.speech.engine import RawSegment


def reason_to_drop(segment: RawSegment, voice: float, settings: SpeechSettings) -> str | None:
    """Return why a segment is dropped, or None if it is kept.

    Parameters
    ----------
    segment : RawSegment
        The segment as recognised.
    voice : float
        Fraction of its time with a voice.
    settings : SpeechSettings
        The thresholds; a figure that equals its threshold passes.

    Returns
    -------
    str or None
        All reasons, separated by semicolons.
    """
    reasons = []
    if not any(c.isalnum() for c in segment.text):
        reasons.append("no words")
    if voice < settings.min_voice:
        reasons.append(f"share of voice {voice:.2f} below {settings.min_voice:g}")
    if segment.no_speech_probability is not None and segment.no_speech_probability > settings.max_no_speech:
        reasons.append(f"no-speech probability {segment.no_speech_probability:.2f} above {settings.max_no_speech:g}")
    if segment.avg_logprob < settings.min_avg_logprob:
        reasons.append(f"mean log-probability {segment.avg_logprob:.2f} below {settings.min_avg_logprob:g}")
    if segment.compression_ratio > settings.max_compression and not segment.said_again:
        reasons.append(f"compression ratio {segment.compression_ratio:.1f} above {settings.max_compression:g}")
    return "; ".join(reasons) or None


def facts(*, has_sound: bool, kept: Sequence[Segment], settings: SpeechSettings) -> Sound:
    """Return the three facts about the audio.

    Parameters
    ----------
    has_sound : bool
        Whether the track is not silent.
    kept : sequence of Segment
        The kept segments.
    settings : SpeechSettings
        The threshold for speech.

    Returns
    -------
    Sound
        The facts.
    """
    seconds = sum(segment.end - segment.start for segment in kept)
    voiced = sum((segment.voice or 0.0) * (segment.end - segment.start) for segment in kept)
    # No division, so that a single segment exactly at the threshold passes.
    spoken = seconds > 0 and voiced >= settings.min_speech_voice * seconds
    return Sound(has_sound=has_sound, has_verbal_sound=bool(kept), has_speech=spoken)
