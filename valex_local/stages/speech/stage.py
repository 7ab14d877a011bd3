"""The speech stage: sound to transcript.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from valex_local.errors import ConfigError, ValexError
from valex_local.records import DroppedSegment, Media, Notice, Segment, Transcript, Word
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.speech.engine import RawSegment, Task, load_engine
from valex_local.stages.speech.filters import facts, objection
from valex_local.stages.speech.languages import ENOUGH_VOICE, languages, main_language, worth_asking
from valex_local.stages.speech.sentences import sentences
from valex_local.stages.speech.vad import SAMPLE_RATE, AudioPiece, Voice, find_voice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SpeechTrack:
    """The sound of a post, ready for the recogniser.

    Attributes
    ----------
    samples : ndarray of float32, shape (n,), or None
        16 kHz mono; None where there is nothing to recognise.
    voice : Voice
        Where there is a voice.
    pieces : tuple of AudioPiece
        What to recognise.
    has_sound : bool
        Whether the track is not silent.
    missing : str or None
        Why there is no track.
    """

    samples: NDArray[np.float32] | None = None
    voice: Voice = field(default_factory=Voice)
    pieces: tuple[AudioPiece, ...] = ()
    has_sound: bool = False
    missing: str | None = None

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return 0.0 if self.samples is None else len(self.samples) / SAMPLE_RATE

    def sound_of(self, piece: AudioPiece) -> NDArray[np.float32]:
        """Return the samples of a piece."""
        if self.samples is None:
            raise ValueError("a track without samples has no pieces")
        return self.samples[round(piece.start * SAMPLE_RATE) : round(piece.end * SAMPLE_RATE)]


@dataclass
class TranscriptBuilder:
    """A track on its way to a transcript.

    Attributes
    ----------
    due : tuple of AudioPiece
        What to recognise next.
    main : str or None
        The language of most of it, once known.
    probability : float or None
        Its probability; None where the user named it.
    """

    track: SpeechTrack
    due: tuple[AudioPiece, ...]
    main: str | None = None
    probability: float | None = None
    _heard: list[tuple[str, list[RawSegment]]] = field(default_factory=list)

    def add(self, piece: AudioPiece, language: str, heard: Sequence[RawSegment]) -> None:
        """Take what was heard in a piece."""
        self._heard.append((language, sentences([_placed(h, piece) for h in heard])))

    def left(self) -> tuple[AudioPiece, ...]:
        """Return the pieces in which there is a voice and nothing was heard.

        Whisper falls silent where the language changes. What follows is worth asking again only where it is long
        enough to tell a language.
        """
        covered = ((h.start, h.end) for _, heard in self._heard for h in heard)
        return self.track.voice.without(covered).pieces(self.track.duration, shortest=ENOUGH_VOICE, margin=0.0)

    def lines(self) -> list[tuple[str, RawSegment]]:
        """Return all that was heard with the language it was recognised in, in order of time."""
        lines = [(language, h) for language, heard in self._heard for h in heard]
        return sorted(lines, key=lambda line: (line[1].start, line[1].end))

    def notices(self, kept_in: set[str]) -> tuple[Notice, ...]:
        """Say what is doubtful, given the languages of the lines that count."""
        found = []
        others = ", ".join(sorted(kept_in - {self.main}))
        if others:
            text = f"Mostly {self.main}; parts were recognised as {others}"
            found.append(Notice(code="several-languages", text=text))
        if kept_in and self.probability is not None and self.probability < 0.5:
            text = f"The language is a guess: {self.main} with probability {self.probability:.2f}"
            found.append(Notice(code="language-unsure", text=text))
        lost = sum(piece.voiced for piece in self.left())
        if lost:
            text = f"For {lost:.0f} seconds there is a voice in which no words were recognised"
            found.append(Notice(code="voice-without-words", text=text))
        return tuple(found)


class SpeechStage:
    """Recognises what was said and decides what of it counts.

    A track without a voice is never given to the recogniser. Reads `media.audio` and its sound file.
    """

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.speech
        self._task: Task = "translate" if self._settings.translate else "transcribe"
        self._engine = load_engine(context.models["asr"], context.device)
        self.batch_size = self._engine.batch_size
        if self._settings.language not in (None, *self._engine.languages):
            known = ", ".join(sorted(self._engine.languages))
            raise ConfigError(
                f"speech.language: {context.models['asr'].id} does not know {self._settings.language!r}",
                hint=f"It knows: {known}",
            )

    def prepare(self, item: Item) -> SpeechTrack:
        """Read the sound of a post and find the voice in it."""
        from valex_local.stages.media.audio import load_audio

        audio = item.get("media", Media).audio
        if audio is None:
            return SpeechTrack(missing="the video has no sound track")
        if audio.rms_db < self._settings.silence_db:
            return SpeechTrack()
        samples = load_audio(item.folder / audio.file)
        voice = find_voice(samples, threshold=self._settings.voice_threshold)
        pieces = voice.pieces(len(samples) / SAMPLE_RATE)
        return SpeechTrack(samples, voice, pieces, has_sound=True)

    def __call__(self, batch: Sequence[SpeechTrack]) -> list[Output | ValexError]:
        """Recognise the tracks, then once more what a change of language left without words."""
        hearings = [TranscriptBuilder(track, track.pieces) for track in batch]
        self._hear(hearings)
        for hearing in hearings:
            hearing.due = hearing.left()
        self._hear(hearings)
        return [Output(self._transcript(hearing)) for hearing in hearings]

    def close(self) -> None:
        """Free the model."""
        self._engine.close()

    def _hear(self, hearings: Sequence[TranscriptBuilder]) -> None:
        """Recognise the pieces that are due; those in one language go to the recogniser together."""
        jobs: dict[str, list[tuple[TranscriptBuilder, AudioPiece]]] = {}
        for hearing in hearings:
            for piece, language in zip(hearing.due, self._languages(hearing), strict=True):
                jobs.setdefault(language, []).append((hearing, piece))
        for language, mine in sorted(jobs.items()):
            sounds = [hearing.track.sound_of(piece) for hearing, piece in mine]
            found = self._engine.recognise(
                sounds, language=language, task=self._task, beam_size=self._settings.beam_size
            )
            for (hearing, piece), results in zip(mine, found, strict=True):
                hearing.add(piece, language, results)

    def _languages(self, hearing: TranscriptBuilder) -> tuple[str, ...]:
        """Return the language of each piece that is due; the first time, settle that of the post too."""
        pieces = hearing.due
        if not pieces:
            return ()
        if self._settings.language is not None:
            hearing.main = self._settings.language
            return (hearing.main,) * len(pieces)
        detected = {i: self._engine.detect(hearing.track.sound_of(pieces[i])) for i in worth_asking(pieces)}
        if hearing.main is None:
            hearing.main, hearing.probability = main_language(pieces, detected)
        return languages(len(pieces), detected, main=hearing.main)

    def _transcript(self, hearing: TranscriptBuilder) -> Transcript:
        track = hearing.track
        kept: list[Segment] = []
        kept_in: set[str] = set()
        dropped: list[DroppedSegment] = []
        for language, h in hearing.lines():
            voice = track.voice.share(h.start, h.end)
            reason = objection(h, voice, self._settings)
            if reason is None:
                kept.append(_segment(h, f"S{len(kept) + 1}", voice))
                kept_in.add(language)
            else:
                dropped.append(DroppedSegment(start=h.start, end=h.end, text=h.text.strip(), reason=reason))
        return Transcript(
            skipped=track.missing,
            notices=hearing.notices(kept_in),
            task=self._task,
            # The language of words that do not count would be one more invention.
            language=hearing.main if kept else None,
            language_probability=hearing.probability if kept else None,
            sound=facts(has_sound=track.has_sound, kept=kept, settings=self._settings),
            segments=tuple(kept),
            dropped=tuple(dropped),
        )


def _placed(heard: RawSegment, piece: AudioPiece) -> RawSegment:
    """Return what was heard in a piece with its times on the whole track, none outside the piece."""

    def at(time: float) -> float:
        return min(max(piece.start + time, piece.start), piece.end)

    words = tuple(replace(word, start=at(word.start), end=at(max(word.start, word.end))) for word in heard.words)
    return replace(heard, start=at(heard.start), end=at(max(heard.start, heard.end)), words=words)


def _segment(heard: RawSegment, name: str, voice: float) -> Segment:
    return Segment(
        id=name,
        start=heard.start,
        end=heard.end,
        text=heard.text.strip(),
        words=tuple(
            Word(text=word.text, start=word.start, end=word.end, probability=min(1.0, max(0.0, word.probability)))
            for word in heard.words
        ),
        avg_logprob=heard.avg_logprob,
        no_speech_probability=min(1.0, max(0.0, heard.no_speech_probability)),
        compression_ratio=heard.compression_ratio,
        voice=voice,
    )
