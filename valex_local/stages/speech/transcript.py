"""Collects what was recognised in a track, and makes the transcript and its notices from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import exp
from typing import TYPE_CHECKING

from valex_local.records import DroppedSegment, Notice, Segment, Transcript, Word
from valex_local.settings import SpeechSettings
from valex_local.stages.speech.engine import RawSegment, SpeechTask
from valex_local.stages.speech.filters import facts, reason_to_drop
from valex_local.stages.speech.languages import AS_PROBABLE, ENOUGH_VOICE, IMPROBABLE, IMPROBABLE_WORDS, SURE
from valex_local.stages.speech.repetition import mark_refrains
from valex_local.stages.speech.sentences import sentences
from valex_local.stages.speech.vad import MARGIN, SAMPLE_RATE, AudioPiece, Voice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORTER_PIECE = 6.0
"""Seconds of the pieces in which sound under a repetition loop is recognised again."""


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
        return self.samples_between(piece.start, piece.end)

    def samples_between(self, start: float, end: float) -> NDArray[np.float32]:
        """Return the samples of [start, end), seconds."""
        if self.samples is None:
            raise ValueError("a track without samples has no pieces")
        return self.samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


@dataclass(frozen=True)
class Line:
    """A line with times in the whole track, the language it was recognised in, and whether it counts.

    Attributes
    ----------
    raw : RawSegment
        What was recognised.
    language : str
        Language code.
    voice : float
        Fraction of its time with a voice.
    reason : str or None
        Why it is dropped; None if it counts.
    """

    raw: RawSegment
    language: str
    voice: float
    reason: str | None

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.raw.end - self.raw.start

    @property
    def certainty(self) -> float:
        """Mean probability of its words, 0 if it is dropped; without words (a translation), that of its tokens."""
        if self.reason is not None:
            return 0.0
        words = self.raw.words
        return sum(w.probability for w in words) / len(words) if words else exp(self.raw.avg_logprob)


@dataclass(frozen=True)
class Recognised:
    """A piece that was recognised: its language, the probability of that (None if not detected), and its lines."""

    piece: AudioPiece
    language: str
    probability: float | None
    lines: tuple[Line, ...]

    @property
    def certainty(self) -> float:
        """Mean certainty of the lines, weighted by their length."""
        seconds = sum(line.seconds for line in self.lines)
        return sum(line.certainty * line.seconds for line in self.lines) / seconds if seconds else 0.0


@dataclass
class TranscriptBuilder:
    """Collects the lines of a track for its transcript.

    Attributes
    ----------
    due : tuple of AudioPiece
        The pieces to recognise next.
    main : str or None
        The main language, once known.
    probability : float or None
        Its probability; None if the user set the language.
    recognised, unchecked : list of Recognised
        All pieces, and those whose lines have not been checked yet.
    doubted : float
        Seconds whose words are kept though their language is probably another.
    """

    track: SpeechTrack
    settings: SpeechSettings
    due: tuple[AudioPiece, ...]
    main: str | None = None
    probability: float | None = None
    doubted: float = 0.0
    recognised: list[Recognised] = field(default_factory=list)
    unchecked: list[Recognised] = field(default_factory=list)
    _tried: set[AudioPiece] = field(default_factory=set)

    def add(self, recognised: Recognised) -> None:
        """Add a piece whose lines have not been checked yet."""
        self.recognised.append(recognised)
        self.unchecked.append(recognised)

    def take_unchecked(self) -> list[Recognised]:
        """Return the pieces added since the last call."""
        taken, self.unchecked = self.unchecked, []
        return taken

    def pieces_to_try(self) -> tuple[AudioPiece, ...]:
        """Return the pieces left without words that have not been tried yet."""
        left = tuple(piece for piece in self.pieces_left() if piece not in self._tried)
        self._tried.update(left)
        return left

    def read(
        self, piece: AudioPiece, language: str, probability: float | None, segments: Sequence[RawSegment]
    ) -> Recognised:
        """Return the lines of a piece, each with whether it counts.

        Parameters
        ----------
        piece : AudioPiece
            The piece.
        language : str
            The language it was recognised in.
        probability : float or None
            The probability of that language; None if it was not detected.
        segments : sequence of RawSegment
            Its segments, with times relative to the piece.

        Returns
        -------
        Recognised
            The piece with its lines.
        """
        raws = sentences([_placed(segment, piece) for segment in segments])
        lines = []
        for raw in mark_refrains(raws, max_compression=self.settings.max_compression):
            voice = self.track.voice.share(raw.start, raw.end)
            lines.append(Line(raw, language, voice, reason_to_drop(raw, voice, self.settings)))
        return Recognised(piece, language, probability, tuple(lines))

    def settle(self, first: Recognised, again: Recognised) -> None:
        """Keep the more probable of two readings of a stretch in doubt; drop its words if they are improbable.

        Parameters
        ----------
        first : Recognised
            The reading in the language of the piece around it; its probability is that within the stretch.
        again : Recognised
            The reading in a likelier language, or `first` if there is none.
        """
        # Words of one language are often as probable in the other's reading, which then only spells them differently.
        enough = AS_PROBABLE if (again.probability or 0.0) >= SURE else 1.0
        better = again if again.certainty > enough * first.certainty else first
        if (better.probability or 0.0) < IMPROBABLE and better.certainty < IMPROBABLE_WORDS:
            reason = f"improbable words, and {better.language} has a probability of {better.probability:.2f} only"
            lines = tuple(replace(line, reason=line.reason or reason) for line in better.lines)
            better = replace(better, lines=lines)
        elif better is first and again is not first:
            self.doubted += sum(line.seconds for line in first.lines if line.reason is None)
        self.put_instead(first.lines, better)

    def put_instead(self, old: Sequence[Line], new: Recognised) -> None:
        """Put a stretch with its new lines in the place of the old ones."""
        gone = {id(line) for line in old}
        for pieces in (self.recognised, self.unchecked):
            pieces[:] = [replace(r, lines=tuple(x for x in r.lines if id(x) not in gone)) for r in pieces]
        self.recognised.append(new)

    def pieces_left(self) -> tuple[AudioPiece, ...]:
        """Return the pieces with a voice in which nothing was recognised.

        Whisper stops recognising where the language changes. The rest is worth another attempt only if it is long
        enough to detect a language.
        """
        covered = ((line.raw.start, line.raw.end) for line in self.lines())
        return self.track.voice.without(covered).pieces(self.track.duration, shortest=ENOUGH_VOICE, margin=0.0)

    def lines(self) -> list[Line]:
        """Return all lines, in order of time."""
        lines = [line for recognised in self.recognised for line in recognised.lines]
        return sorted(lines, key=lambda line: (line.raw.start, line.raw.end))

    def stretches(self, recognised: Recognised, doubtful: Sequence[Line]) -> Iterator[tuple[AudioPiece, list[Line]]]:
        """Yield neighbouring doubtful lines of a piece, with the audio from the line before to the line after them."""
        doubted = {id(line) for line in doubtful}
        start = recognised.piece.start
        lines = recognised.lines
        groups = [(flag, list(group)) for flag, group in groupby(lines, key=lambda line: id(line) in doubted)]
        for i, (is_doubtful, group) in enumerate(groups):
            end = groups[i + 1][1][0].raw.start if i + 1 < len(groups) else recognised.piece.end
            if is_doubtful:
                first, last = group[0].raw.start, group[-1].raw.end
                begin, stop = min(first, max(start, first - MARGIN)), max(last, min(end, last + MARGIN))
                yield AudioPiece(begin, stop, self.track.voice.seconds(begin, stop)), group
            start = group[-1].raw.end

    def loops(self, recognised: Recognised) -> Iterator[Recognised]:
        """Yield the neighbouring lines of a piece that were dropped as a repetition loop, if there is enough voice."""
        lines = [line for line in recognised.lines if self._is_loop(line)]
        for piece, group in self.stretches(recognised, lines):
            if piece.voiced >= ENOUGH_VOICE:
                yield Recognised(piece, recognised.language, recognised.probability, tuple(group))

    def shorter_pieces(self, stretch: Recognised) -> tuple[AudioPiece, ...]:
        """Return the sound of a stretch in pieces cut at pauses; none if it has none."""
        voice = self.track.voice.within(stretch.piece.start, stretch.piece.end)
        pieces = voice.pieces(self.track.duration, longest=SHORTER_PIECE)
        return pieces if len(pieces) > 1 else ()

    def _is_loop(self, line: Line) -> bool:
        repeats = line.raw.compression_ratio > self.settings.max_compression
        return line.reason is not None and repeats and not line.raw.said_again

    def transcript(self, task: SpeechTask) -> Transcript:
        """Return the transcript."""
        lines = self.lines()
        kept = [line for line in lines if line.reason is None]
        main = self._main_of(kept)
        segments = tuple(
            _segment(line, f"S{i}", None if line.language == main else line.language) for i, line in enumerate(kept, 1)
        )
        probability = self.probability if main == self.main else self._probability_of(main)
        return Transcript(
            skipped=self.track.missing,
            notices=(
                *self._notices(kept, [line for line in lines if line.reason is not None], main, probability),
                *_without_times(kept, task),
            ),
            task=task,
            # If all words were dropped, their language would be one more invention.
            language=main if kept else None,
            language_probability=probability if kept else None,
            sound=facts(has_sound=self.track.has_sound, kept=segments, settings=self.settings),
            segments=segments,
            dropped=tuple(_dropped(line) for line in lines if line.reason is not None),
        )

    def _main_of(self, kept: Sequence[Line]) -> str | None:
        """Return the language of most of the time that counts; the one detected, if it has as much as another."""
        seconds = {self.main: 0.0}
        for line in kept:
            seconds[line.language] = seconds.get(line.language, 0.0) + line.seconds
        return max(seconds, key=lambda language: seconds[language])

    def _probability_of(self, language: str | None) -> float | None:
        """Return the mean probability of a language over the pieces that were recognised in it, weighted by voice."""
        found = [
            (r.probability, r.piece.voiced)
            for r in self.recognised
            if r.language == language and r.lines and r.probability is not None
        ]
        voiced = sum(seconds for _, seconds in found)
        return min(1.0, sum(p * seconds for p, seconds in found) / voiced) if voiced else None

    def _notices(
        self, kept: Sequence[Line], dropped: Sequence[Line], main: str | None, probability: float | None
    ) -> Iterator[Notice]:
        """Yield notices on what was dropped and on what is doubtful."""
        others = ", ".join(sorted({line.language for line in kept} - {main or ""}))
        if others:
            yield Notice(code="several-languages", text=f"Mostly {main}; parts were recognised as {others}")
        if kept and probability is not None and probability < 0.5:
            text = f"The language is a guess: {main} with probability {probability:.2f}"
            yield Notice(code="language-unsure", text=text)
        if self.doubted:
            text = (
                f"The words of {_seconds(self.doubted)} are probably in another language than they were recognised in"
            )
            yield Notice(code="language-unsure", text=text)
        if dropped:
            yield self._dropped_notice(kept, dropped)
        lost = sum(piece.voiced for piece in self.pieces_left())
        if lost:
            text = f"For {_seconds(lost)} there is a voice, but no words were recognised"
            yield Notice(code="voice-without-words", text=text)

    def _dropped_notice(self, kept: Sequence[Line], dropped: Sequence[Line]) -> Notice:
        whole = self.track.voice.without((line.raw.start, line.raw.end) for line in kept)
        rest = whole.without((line.raw.start, line.raw.end) for line in dropped)
        seconds = whole.total - rest.total
        lines, were = (f"{len(dropped)} lines", "were") if len(dropped) > 1 else ("1 line", "was")
        voice = (
            f"{_seconds(seconds)} of voice whose words do not count" if seconds >= 0.05 else "no voice is lost by it"
        )
        if not kept:
            return Notice(code="all-words-dropped", text=f"All that was recognised, {lines}, was dropped: {voice}")
        return Notice(code="words-dropped", text=f"{lines} of speech {were} dropped as unreliable: {voice}")


def _without_times(kept: Sequence[Line], task: SpeechTask) -> Iterator[Notice]:
    """Yield a notice on words without times, which no translation has."""
    lines = [line for line in kept if not line.raw.words]
    if lines and task == "transcribe":
        spoken = ", ".join(sorted({line.language for line in lines}))
        seconds = _seconds(sum(line.seconds for line in lines))
        text = f"The words in {seconds} of speech have no times of their own: the speech model has none for {spoken}"
        yield Notice(code="words-without-times", text=text)


def _placed(segment: RawSegment, piece: AudioPiece) -> RawSegment:
    """Return a segment of a piece with its times relative to the whole track, none outside the piece."""

    def at(time: float) -> float:
        return min(max(piece.start + time, piece.start), piece.end)

    words = tuple(replace(word, start=at(word.start), end=at(max(word.start, word.end))) for word in segment.words)
    return replace(segment, start=at(segment.start), end=at(max(segment.start, segment.end)), words=words)


def _segment(line: Line, name: str, language: str | None) -> Segment:
    raw = line.raw
    silence = raw.no_speech_probability
    return Segment(
        id=name,
        start=raw.start,
        end=raw.end,
        text=raw.text.strip(),
        language=language,
        words=tuple(
            Word(text=word.text, start=word.start, end=word.end, probability=min(1.0, max(0.0, word.probability)))
            for word in raw.words
        ),
        avg_logprob=raw.avg_logprob,
        no_speech_probability=None if silence is None else min(1.0, max(0.0, silence)),
        compression_ratio=raw.compression_ratio,
        voice=line.voice,
    )


def _dropped(line: Line) -> DroppedSegment:
    raw = line.raw
    return DroppedSegment(start=raw.start, end=raw.end, text=raw.text.strip(), reason=line.reason or "")


def _seconds(seconds: float) -> str:
    rounded = f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"
    return f"{rounded} seconds"
