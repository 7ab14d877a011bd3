"""What of the recognised text counts, and the three facts that follow.

A segment is kept when it passes every threshold of the settings: no-speech probability, mean log-probability,
compression ratio, and the share of its time in which the voice detector heard a voice. There is no list of words that
Whisper is known to invent: people do say "thank you". The default for the mean log-probability, -0.8, is stricter than
the -1.0 below which Whisper tries again: here nothing is tried again, and words made up over loud song came at -0.98.

- `has_sound`: the track is louder than `silence_db`.
- `has_verbal_sound`: at least one segment was kept: words were heard, spoken or sung.
- `has_speech`: over the time of all kept segments together, the voice detector heard a voice for at least
  `min_speech_voice` of it. The detector hears a speaker almost all the time and loses a singer behind a band again
  and again, so words with little voice count as verbal but not as spoken.

Limits: clear singing without a band looks like speech to the detector and counts as spoken; singing it does not hear at
all is never recognised and leaves `has_verbal_sound` false; speech under loud music may count as sung.
"""

from __future__ import annotations

from collections.abc import Sequence

from valex_local.records import Segment, Sound
from valex_local.settings import SpeechSettings
from valex_local.stages.speech.engine import RawSegment


def objection(heard: RawSegment, voice: float, settings: SpeechSettings) -> str | None:
    """Return why recognised text does not count, or None where it does.

    Parameters
    ----------
    heard : RawSegment
        What the recogniser returned.
    voice : float
        Share of its time with a voice.
    settings : SpeechSettings
        The thresholds; a figure that equals its threshold passes.
    """
    against = []
    if not any(c.isalnum() for c in heard.text):
        against.append("no words")
    if voice < settings.min_voice:
        against.append(f"share of voice {voice:.2f} below {settings.min_voice:g}")
    if heard.no_speech_probability > settings.max_no_speech:
        against.append(f"no-speech probability {heard.no_speech_probability:.2f} above {settings.max_no_speech:g}")
    if heard.avg_logprob < settings.min_avg_logprob:
        against.append(f"mean log-probability {heard.avg_logprob:.2f} below {settings.min_avg_logprob:g}")
    if heard.compression_ratio > settings.max_compression:
        against.append(f"compression ratio {heard.compression_ratio:.1f} above {settings.max_compression:g}")
    return "; ".join(against) or None


def facts(*, has_sound: bool, kept: Sequence[Segment], settings: SpeechSettings) -> Sound:
    """Return the three facts, from the segments kept."""
    seconds = sum(segment.end - segment.start for segment in kept)
    voiced = sum(segment.voice * (segment.end - segment.start) for segment in kept)
    # The comparison is free of division, so that a single segment at the threshold passes.
    spoken = seconds > 0 and voiced >= settings.min_speech_voice * seconds
    return Sound(has_sound=has_sound, has_verbal_sound=bool(kept), has_speech=spoken)
