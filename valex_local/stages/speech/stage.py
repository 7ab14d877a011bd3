"""The speech stage: turns audio into transcript.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from valex_local.errors import ConfigError, ValexError
from valex_local.records import DroppedSegment, Media, Notice, Segment, Transcript, Word
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.speech.engine import RawSegment, SpeechTask, load_engine
from valex_local.stages.speech.filters import facts, reason_to_drop
from valex_local.stages.speech.languages import ENOUGH_VOICE, languages, main_language, pieces_to_detect
from valex_local.stages.speech.sentences import sentences
from valex_local.stages.speech.vad import SAMPLE_RATE, AudioPiece, Voice, find_voice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SpeechTrack:
    """The audio of a post, ready to be recognised.

    Attributes
    ----------
    samples : ndarray of float32, shape (n,), or None
        16 kHz mono; None if there is nothing to recognise.
    voice : Voice
        Where there is a voice.
    pieces : tuple of AudioPiece
        The pieces to recognise.
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

    def samples_of(self, piece: AudioPiece) -> NDArray[np.float32]:
        """Return the samples of a piece."""
        if self.samples is None:
            raise ValueError("a track without samples has no pieces")
        return self.samples[round(piece.start * SAMPLE_RATE) : round(piece.end * SAMPLE_RATE)]


@dataclass
class TranscriptBuilder:
    """Collects the segments of a track for its transcript.

    Attributes
    ----------
    due : tuple of AudioPiece
        The pieces to recognise next.
    main : str or None
        The main language, once known.
    probability : float or None
        Its probability; None if the user set the language.
    """

    track: SpeechTrack
    due: tuple[AudioPiece, ...]
    main: str | None = None
    probability: float | None = None
    _segments: list[tuple[str, list[RawSegment]]] = field(default_factory=list)

    def add(self, piece: AudioPiece, language: str, segments: Sequence[RawSegment]) -> None:
        """Add the segments of a piece.

        Parameters
        ----------
        piece : AudioPiece
            The piece.
        language : str
            The language it was recognised in.
        segments : sequence of RawSegment
            Its segments, with times relative to the piece.
        """
        self._segments.append((language, sentences([_placed(segment, piece) for segment in segments])))

    def pieces_left(self) -> tuple[AudioPiece, ...]:
        """Return the pieces with a voice in which nothing was recognised.

        Whisper stops recognising where the language changes. The rest is worth another attempt only if it is long
        enough to detect a language.
        """
        covered = ((segment.start, segment.end) for _, segments in self._segments for segment in segments)
        return self.track.voice.without(covered).pieces(self.track.duration, shortest=ENOUGH_VOICE, margin=0.0)

    def lines(self) -> list[tuple[str, RawSegment]]:
        """Return all segments with the language they were recognised in, in order of time."""
        lines = [(language, segment) for language, segments in self._segments for segment in segments]
        return sorted(lines, key=lambda line: (line[1].start, line[1].end))

    def notices(self, kept_in: set[str]) -> tuple[Notice, ...]:
        """Return notices on what is doubtful, given the languages of the kept segments."""
        found = []
        others = ", ".join(sorted(kept_in - {self.main}))
        if others:
            text = f"Mostly {self.main}; parts were recognised as {others}"
            found.append(Notice(code="several-languages", text=text))
        if kept_in and self.probability is not None and self.probability < 0.5:
            text = f"The language is a guess: {self.main} with probability {self.probability:.2f}"
            found.append(Notice(code="language-unsure", text=text))
        lost = sum(piece.voiced for piece in self.pieces_left())
        if lost:
            text = f"For {lost:.0f} seconds there is a voice, but no words were recognised"
            found.append(Notice(code="voice-without-words", text=text))
        return tuple(found)


class SpeechStage:
    """Recognises speech and drops unreliable segments.

    A track without a voice is never given to the engine. Reads `media.audio` and its audio file.
    """

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.speech
        self._task: SpeechTask = "translate" if self._settings.translate else "transcribe"
        self._engine = load_engine(context.models["asr"], context.device)
        self.batch_size = self._engine.batch_size
        if self._settings.language not in (None, *self._engine.languages):
            known = ", ".join(sorted(self._engine.languages))
            raise ConfigError(
                f"speech.language: {context.models['asr'].id} does not know {self._settings.language!r}",
                hint=f"It knows: {known}",
            )

    def prepare(self, item: Item) -> SpeechTrack:
        """Return the audio of a post, with the voice in it located."""
        from valex_local.stages.media.audio import load_audio

        audio = item.get("media", Media).audio
        if audio is None:
            return SpeechTrack(missing="the video has no audio track")
        if audio.rms_db < self._settings.silence_db:
            return SpeechTrack()
        samples = load_audio(item.folder / audio.file)
        voice = find_voice(samples, threshold=self._settings.voice_threshold)
        pieces = voice.pieces(len(samples) / SAMPLE_RATE)
        return SpeechTrack(samples, voice, pieces, has_sound=True)

    def __call__(self, batch: Sequence[SpeechTrack]) -> list[Output | ValexError]:
        """Return the transcripts; parts left without words by a change of language are recognised a second time."""
        builders = [TranscriptBuilder(track, track.pieces) for track in batch]
        self._recognise(builders)
        for builder in builders:
            builder.due = builder.pieces_left()
        self._recognise(builders)
        return [Output(self._transcript(builder)) for builder in builders]

    def close(self) -> None:
        """Free the model."""
        self._engine.close()

    def _recognise(self, builders: Sequence[TranscriptBuilder]) -> None:
        """Recognise the pieces that are due; pieces in one language go to the engine together."""
        jobs: dict[str, list[tuple[TranscriptBuilder, AudioPiece]]] = {}
        for builder in builders:
            for piece, language in zip(builder.due, self._languages(builder), strict=True):
                jobs.setdefault(language, []).append((builder, piece))
        for language, pieces in sorted(jobs.items()):
            samples = [builder.track.samples_of(piece) for builder, piece in pieces]
            found = self._engine.recognise(
                samples, language=language, task=self._task, beam_size=self._settings.beam_size
            )
            for (builder, piece), segments in zip(pieces, found, strict=True):
                builder.add(piece, language, segments)

    def _languages(self, builder: TranscriptBuilder) -> tuple[str, ...]:
        """Return the language of each piece that is due; the first call also sets that of the post."""
        pieces = builder.due
        if not pieces:
            return ()
        if self._settings.language is not None:
            builder.main = self._settings.language
            return (builder.main,) * len(pieces)
        detected = {i: self._engine.detect(builder.track.samples_of(pieces[i])) for i in pieces_to_detect(pieces)}
        if builder.main is None:
            builder.main, builder.probability = main_language(pieces, detected)
        return languages(len(pieces), detected, main=builder.main)

    def _transcript(self, builder: TranscriptBuilder) -> Transcript:
        track = builder.track
        kept: list[Segment] = []
        kept_in: set[str] = set()
        dropped: list[DroppedSegment] = []
        for language, raw in builder.lines():
            voice = track.voice.share(raw.start, raw.end)
            reason = reason_to_drop(raw, voice, self._settings)
            if reason is None:
                kept.append(_segment(raw, f"S{len(kept) + 1}", voice))
                kept_in.add(language)
            else:
                dropped.append(DroppedSegment(start=raw.start, end=raw.end, text=raw.text.strip(), reason=reason))
        return Transcript(
            skipped=track.missing,
            notices=builder.notices(kept_in),
            task=self._task,
            # If all words were dropped, their language would be one more invention.
            language=builder.main if kept else None,
            language_probability=builder.probability if kept else None,
            sound=facts(has_sound=track.has_sound, kept=kept, settings=self._settings),
            segments=tuple(kept),
            dropped=tuple(dropped),
        )


def _placed(segment: RawSegment, piece: AudioPiece) -> RawSegment:
    """Return a segment of a piece with its times relative to the whole track, none outside the piece."""

    def at(time: float) -> float:
        return min(max(piece.start + time, piece.start), piece.end)

    words = tuple(replace(word, start=at(word.start), end=at(max(word.start, word.end))) for word in segment.words)
    return replace(segment, start=at(segment.start), end=at(max(segment.start, segment.end)), words=words)


def _segment(raw: RawSegment, name: str, voice: float) -> Segment:
    return Segment(
        id=name,
        start=raw.start,
        end=raw.end,
        text=raw.text.strip(),
        words=tuple(
            Word(text=word.text, start=word.start, end=word.end, probability=min(1.0, max(0.0, word.probability)))
            for word in raw.words
        ),
        avg_logprob=raw.avg_logprob,
        no_speech_probability=min(1.0, max(0.0, raw.no_speech_probability)),
        compression_ratio=raw.compression_ratio,
        voice=voice,
    )
