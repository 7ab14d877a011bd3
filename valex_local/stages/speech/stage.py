"""The speech stage: turns audio into transcript.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from valex_local.errors import ConfigError, ValexError
from valex_local.records import Media
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.speech.engine import SpeechTask, load_engine
from valex_local.stages.speech.languages import (
    CERTAIN,
    ENOUGH_VOICE,
    IN_DOUBT,
    SHORT_AND_WEAK,
    SHORTEST_LINE,
    WEAK_WORDS,
    languages,
    likelier_language,
    main_language,
    pieces_to_detect,
)
from valex_local.stages.speech.transcript import Line, Recognised, SpeechTrack, TranscriptBuilder
from valex_local.stages.speech.vad import SAMPLE_RATE, AudioPiece, find_voice

MORE_ROUNDS = 2
"""How often what is left without words is tried again: words in a new language may again end too early."""


@dataclass(frozen=True)
class Job:
    """A piece to recognise.

    Attributes
    ----------
    builder : TranscriptBuilder
        Where its lines belong.
    piece : AudioPiece
        The piece.
    language : str
        The language to recognise it in.
    probability : float or None
        The probability of that language; None if it was not detected.
    instead_of : Recognised or None
        What it may replace.
    """

    builder: TranscriptBuilder
    piece: AudioPiece
    language: str
    probability: float | None
    instead_of: Recognised | None = None


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
        self._check_abilities(context.models["asr"].id)

    def _check_abilities(self, model: str) -> None:
        """Raise before the first post if the settings ask for what the engine cannot do."""
        if self._task == "translate" and not self._engine.translates:
            raise ConfigError(f"speech.translate: {model} does not translate", hint="Use Whisper large-v3")
        if self._settings.language is None and not self._engine.detects and len(self._engine.languages) > 1:
            raise ConfigError(
                f"{model} does not say which language it heard",
                hint="Set the language of the videos: --set speech.language=en",
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
        """Return the transcripts.

        What a change of language left without words is recognised again, and so are lines whose language is in doubt.
        """
        builders = [TranscriptBuilder(track, self._settings, track.pieces) for track in batch]
        self._recognise(builders)
        for _ in range(MORE_ROUNDS):
            for builder in builders:
                builder.due = builder.pieces_to_try()
            self._recognise(builders)
            self._recognise_loops(builders)
            self._recognise_doubtful(builders)
        return [Output(builder.transcript(self._task)) for builder in builders]

    def close(self) -> None:
        """Free the model."""
        self._engine.close()

    def _recognise(self, builders: Sequence[TranscriptBuilder]) -> None:
        """Recognise the pieces that are due; pieces in one language go to the engine together."""
        jobs: list[Job] = []
        for builder in builders:
            for piece, (language, probability) in zip(builder.due, self._languages(builder), strict=True):
                jobs.append(Job(builder, piece, language, probability))
        for job, found in self._done(jobs):
            job.builder.add(found)

    def _recognise_loops(self, builders: Sequence[TranscriptBuilder]) -> None:
        """Recognise the sound under repetition loops again in shorter pieces, which leave a loop no length to run."""
        jobs = [
            Job(builder, piece, recognised.language, recognised.probability, stretch)
            for builder in builders
            for recognised in builder.unchecked
            for stretch in builder.loops(recognised)
            for piece in builder.shorter_pieces(stretch)
        ]
        found: dict[int, tuple[Job, list[Line]]] = {}
        for job, again in self._done(jobs):
            found.setdefault(id(job.instead_of), (job, []))[1].extend(again.lines)
        for job, lines in found.values():
            if job.instead_of is not None and any(line.reason is None for line in lines):
                again = replace(job.instead_of, lines=tuple(lines))
                job.builder.put_instead(job.instead_of.lines, again)
                job.builder.unchecked.append(again)

    def _recognise_doubtful(self, builders: Sequence[TranscriptBuilder]) -> None:
        """Recognise neighbouring lines again that are probably in another language, and keep the likelier words."""
        if self._settings.language is not None or len(self._engine.languages) < 2:
            return
        jobs: list[Job] = []
        for builder in builders:
            for recognised in builder.take_unchecked():
                for piece, lines in builder.stretches(recognised, self._doubtful(builder, recognised)):
                    if piece.voiced < ENOUGH_VOICE:
                        continue
                    found = self._engine.detect(builder.track.samples_of(piece))
                    other = likelier_language(found, recognised.language)
                    stretch = Recognised(piece, recognised.language, found.get(recognised.language, 0.0), tuple(lines))
                    if other is None:
                        builder.settle(stretch, stretch)
                    else:
                        jobs.append(Job(builder, piece, other, found[other], stretch))
        for job, again in self._done(jobs):
            if job.instead_of is not None:
                job.builder.settle(job.instead_of, again)

    def _done(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Recognised]]:
        """Yield each job with what was recognised; jobs in one language go to the engine together."""
        for language in sorted({job.language for job in jobs}):
            group = [job for job in jobs if job.language == language]
            samples = [job.builder.track.samples_of(job.piece) for job in group]
            found = self._engine.recognise(
                samples, language=language, task=self._task, beam_size=self._settings.beam_size
            )
            for job, segments in zip(group, found, strict=True):
                yield job, job.builder.read(job.piece, language, job.probability, segments)

    def _languages(self, builder: TranscriptBuilder) -> list[tuple[str, float | None]]:
        """Return the language of each piece that is due, with its probability where it was detected.

        The first call also sets the language of the post.
        """
        pieces = builder.due
        if not pieces:
            return []
        if self._settings.language is not None:
            builder.main = self._settings.language
            return [(builder.main, None)] * len(pieces)
        detected = {i: self._engine.detect(builder.track.samples_of(pieces[i])) for i in pieces_to_detect(pieces)}
        if builder.main is None:
            builder.main, builder.probability = main_language(pieces, detected)
        chosen = languages(len(pieces), detected, main=builder.main)
        return [
            (language, detected[i].get(language, 0.0) if i in detected else None) for i, language in enumerate(chosen)
        ]

    def _doubtful(self, builder: TranscriptBuilder, recognised: Recognised) -> list[Line]:
        """Return the lines of a piece that were dropped or are probably not in its language."""
        if recognised.probability is None:
            return []
        certain = recognised.probability >= CERTAIN
        lines = recognised.lines
        doubted = [
            line.reason is not None
            or (not (certain and line.certainty >= WEAK_WORDS) and self._is_doubtful(builder, line))
            for line in lines
        ]
        for steps in (range(len(lines)), reversed(range(len(lines)))):
            for i in steps:
                short = lines[i].seconds < SHORTEST_LINE and lines[i].certainty < SHORT_AND_WEAK
                doubted[i] = doubted[i] or (short and any(doubted[max(0, i - 1) : i + 2]))
        return [line for line, doubt in zip(lines, doubted, strict=True) if doubt]

    def _is_doubtful(self, builder: TranscriptBuilder, line: Line) -> bool:
        if line.seconds < SHORTEST_LINE:
            return False
        found = self._engine.detect(builder.track.samples_between(line.raw.start, line.raw.end), brief=True)
        return found.get(line.language, 0.0) < IN_DOUBT
