"""Summarise all posts for the study page, one post at a time, so that memory does not grow with their texts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from valex_local.files.text import one_line
from valex_local.records import (
    Failure,
    Intake,
    Labels,
    LabelSource,
    LeftOut,
    Notice,
    Record,
    Script,
    ScriptFigures,
    Sound,
)
from valex_local.rendering.lines import script_lines
from valex_local.report.counts import letters
from valex_local.report.gather import Gathered, Problem
from valex_local.report.histogram import Confidences
from valex_local.report.svg import cut
from valex_local.report.words import searched
from valex_local.states import StateSummary
from valex_local.study import LabelKey
from valex_local.study.retention import Due, describe_due

CAPTION = 120
"""Maximum length of a caption in the list of posts, in characters."""


@dataclass(frozen=True)
class PostEntry:
    """A post in the list of posts: what the list shows, its states by labels, and the words by which it is found."""

    post: str
    author: str | None
    caption: str
    states: dict[LabelKey, str]
    words: str
    failed: bool
    has_video: bool


class Made(NamedTuple):
    """The stage version and models that made a record; each model as ``role``, ``id@sha256``."""

    version: int
    models: tuple[tuple[str, str], ...]


@dataclass
class StepRecords:
    """The records of one kind over all posts.

    Attributes
    ----------
    records : int
        Number of records, without skipped ones.
    made : Counter of Made
        What made them; several if models were changed between runs.
    skipped : dict of str to list of str
        Posts that were skipped, by reason.
    """

    records: int = 0
    made: Counter[Made] = field(default_factory=Counter)
    skipped: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Remark:
    """A notice in records: its wordings with their counts, and the posts."""

    wordings: Counter[str] = field(default_factory=Counter)
    posts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return the most frequent wording."""
        return self.wordings.most_common(1)[0][0]


class Trouble(NamedTuple):
    """A failure or an unreadable record: the step, what happened, and what to do."""

    step: str
    what: str
    hint: str | None


@dataclass
class VariantFacts:
    """Counts over the scripts of one variant: scenes, lines, mumbled lines, and corrections of the language model."""

    scripts: int = 0
    scenes: int = 0
    lines: int = 0
    mumbled: int = 0
    figures: Counter[str] = field(default_factory=Counter)


@dataclass
class LabelSet:
    """The labels of one script and route: their sources, and whether any of them assesses conflict."""

    sources: Counter[LabelSource] = field(default_factory=Counter)
    conflicted: bool = False


@dataclass
class Overview:
    """A summary of the posts of a study.

    Attributes
    ----------
    states : dict of LabelKey to StateSummary
        How the states of each set of labels were drawn.
    rows : list of PostEntry
        One for each post.
    steps : dict of str to StepRecords
        By stem, such as ``transcript`` or ``labels.template.encoder``.
    notices : dict of (str, str) to Remark
        Notices with their posts, by stem and code.
    of_no_post : list of Notice
        What the last search for posts left out.
    doubtful : int
        Number of posts with notices that may change what they mean.
    troubles : dict of Trouble to list of str
        Failures with their posts, including files that never became posts.
    labels, writers : dict
        By label key and by script variant.
    speech, screen_text : Confidences
        Of segments, as the exponential of their mean log-probability, and of text tracks.
    dropped : Counter of str
        Segments of discarded speech, by reason.
    sounds, languages : Counter of str
        Posts by kind of sound and by language spoken.
    seconds : float
        Total duration of the videos, in seconds.
    """

    states: dict[LabelKey, StateSummary] = field(default_factory=dict)
    rows: list[PostEntry] = field(default_factory=list)
    steps: dict[str, StepRecords] = field(default_factory=dict)
    notices: dict[tuple[str, str], Remark] = field(default_factory=dict)
    of_no_post: list[Notice] = field(default_factory=list)
    doubtful: int = 0
    troubles: dict[Trouble, list[str]] = field(default_factory=dict)
    labels: dict[LabelKey, LabelSet] = field(default_factory=dict)
    writers: dict[str, VariantFacts] = field(default_factory=dict)
    speech: Confidences = field(default_factory=Confidences)
    screen_text: Confidences = field(default_factory=Confidences)
    dropped: Counter[str] = field(default_factory=Counter)
    sounds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, gathered: Gathered, *, has_video: bool) -> None:
        """Add a post; `has_video` says whether its video file exists."""
        text = gathered.post.text
        self._add_notices(gathered.id, "post", gathered.post)
        for stem, record in gathered.records.items():
            self._add_record(gathered.id, stem, record)
        self.doubtful += gathered.doubtful
        self._add_perception(gathered)
        for name, script in gathered.scripts.items():
            _add_script(self.writers.setdefault(name, VariantFacts()), script)
        for failure in gathered.failures:
            self.add_failure(failure)
        for problem in gathered.problems:
            self._add_trouble(unreadable(problem), gathered.id)
        self.rows.append(
            PostEntry(
                post=gathered.id,
                author=one_line(text.author or "") or None,
                caption=cut(one_line(text.caption or ""), CAPTION),
                states={key: states for key, labels in gathered.labels.items() if (states := letters(labels.values))},
                words=searched(gathered),
                failed=bool(gathered.failures or gathered.problems),
                has_video=has_video,
            )
        )

    def add_failure(self, failure: Failure) -> None:
        """Add a failure."""
        self._add_trouble(Trouble(failure.stage, failure.what, failure.hint), failure.post)

    def _add_trouble(self, trouble: Trouble, post: str) -> None:
        self.troubles.setdefault(trouble, []).append(post)

    def _add_record(self, post: str, stem: str, record: Record) -> None:
        step = self.steps.setdefault(stem, StepRecords())
        if record.skipped is not None:
            step.skipped.setdefault(record.skipped, []).append(post)
        else:
            step.records += 1
            if record.made_by is not None:
                step.made[Made(record.made_by.version, tuple(sorted(record.made_by.models.items())))] += 1
        self._add_notices(post, stem, record)
        if isinstance(record, Labels) and record.values:
            found = self.labels.setdefault(LabelKey.of(stem), LabelSet())
            found.sources[record.source] += 1
            found.conflicted |= any(label.conflicted is not None for label in record.values)

    def _add_notices(self, post: str, stem: str, record: Record) -> None:
        for notice in record.notices:
            remark = self.notices.setdefault((stem, notice.code), Remark())
            remark.wordings[notice.text] += 1
            if remark.posts[-1:] != [post]:
                remark.posts.append(post)

    def add_intake(self, intake: Intake) -> None:
        """Add what the last search for posts left out."""
        rows = [Notice(code="unmatched", text=f"no post matches: {row}") for row in intake.unmatched]
        self.of_no_post += [*intake.notices, *rows]

    def add_excluded(self, left_out: LeftOut) -> None:
        """Add which posts people excluded, and why."""
        for post_id, one in sorted(left_out.excluded.items()):
            self.of_no_post.append(
                Notice(code="excluded", text=f"{post_id}: {one.reason} ({one.by}, {one.on:%Y-%m-%d})")
            )

    def add_due(self, due: Sequence[Due]) -> None:
        """Add that posts may not be kept any longer."""
        self.of_no_post += [Notice(code="due", text=text) for text in describe_due(due)]

    def _add_perception(self, gathered: Gathered) -> None:
        if gathered.media is not None:
            self.seconds += gathered.media.duration
        if gathered.screen_text is not None:
            read = (track for track in gathered.screen_text.tracks if track.left_out is None)
            self.screen_text.add(track.confidence for track in read)
        transcript = gathered.transcript
        if transcript is not None:
            found = (segment.avg_logprob for segment in transcript.segments)
            self.speech.add(min(1.0, math.exp(mean)) for mean in found if mean is not None)
            self.dropped.update(segment.reason for segment in transcript.dropped)
            self.sounds[describe_sound(transcript.sound)] += 1
            if transcript.language and transcript.segments:
                self.languages[transcript.language] += 1


def unreadable(problem: Problem) -> Trouble:
    """Return the entry for a record that could not be read."""
    return Trouble(f"{problem.stem}.json", problem.what, problem.hint)


def describe_sound(sound: Sound) -> str:
    """Return the kind of sound in a few words."""
    if not sound.has_sound:
        return "silent"
    if sound.has_speech:
        return "speech"
    return "sung words" if sound.has_verbal_sound else "sound without words"


def _add_script(writer: VariantFacts, script: Script) -> None:
    if script.skipped is not None:
        return
    writer.scripts += 1
    writer.scenes += len(script.scenes)
    dialogue = [line for line in script_lines(script) if line.kind == "dialogue"]
    writer.lines += len(dialogue)
    writer.mumbled += sum(line.mumbled for line in dialogue)
    writer.figures.update({name: getattr(script.figures, name) for name in ScriptFigures.model_fields})
