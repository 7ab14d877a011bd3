"""The content of the study page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from valex_local.notices import kind_of
from valex_local.records import LabelSource
from valex_local.report.circle import count_circle
from valex_local.report.counts import (
    AuthorCount,
    ValueCount,
    ValuePair,
    count_authors,
    count_values,
    frequent_pairs,
    together,
)
from valex_local.report.gather import Order, step_name
from valex_local.report.histogram import Confidences, histogram
from valex_local.report.matrix import matrix
from valex_local.report.overview import Overview, PostEntry, Trouble, VariantFacts
from valex_local.report.svg import pole
from valex_local.report.views import split_model
from valex_local.schwartz import CIRCLE, Polarity, Value
from valex_local.states import StateSummary, values_not_validated
from valex_local.study import LabelKey

MOST_AUTHORS = 100
"""Maximum number of authors with a line of their own."""

MOST_PAIRS = 10

LOW = 0.5
"""Confidence below which speech and screen text count as doubtful."""

_FAILED, _NO_VIDEO = 1, 2


@dataclass(frozen=True)
class LabelSourceCount:
    """A source of labels, and the number of posts with labels from it."""

    source: LabelSource
    posts: int


@dataclass(frozen=True)
class LabelPanel:
    """The part of the study page about the labels of one script by one route."""

    key: LabelKey
    anchor: str
    posts: int
    sources: tuple[LabelSourceCount, ...]
    states: StateSummary
    conflicted: bool
    counts: tuple[ValueCount, ...]
    poles: tuple[str, ...]
    circle: Markup
    matrix: Markup
    pairs: tuple[ValuePair, ...]
    authors: tuple[AuthorCount, ...]

    @property
    def unvalidated(self) -> frozenset[Value]:
        """The values that gold labels did not suffice for, where the others are validated."""
        return values_not_validated(self.states.calibration)

    @property
    def dominance(self) -> bool:
        """Whether any value is dominant in any post."""
        return any(count.dominant for count in self.counts)

    @property
    def partial(self) -> bool:
        """Whether any value was not assessed in any post."""
        return any(count.not_assessed for count in self.counts)


@dataclass(frozen=True)
class StepView:
    """A step: the number of its records, skips and failures, and what made the records."""

    name: str
    records: int
    skipped: int
    failed: int
    makers: tuple[tuple[int, int, tuple[tuple[str, str, str], ...]], ...]


@dataclass(frozen=True)
class Reason:
    """A failure, skip or notice: the step, the text, what to do, and the posts.

    `title` is the heading of the kind of notice; `changes_meaning` says whether it may change what the posts mean.
    """

    step: str
    text: str
    posts: tuple[str, ...]
    hint: str | None = None
    wordings: int = 1
    title: str = ""
    changes_meaning: bool = False


@dataclass(frozen=True)
class Spread:
    """Confidences of recognised speech or text: their number, median, share below `LOW`, and histogram."""

    count: int
    median: float
    below: float
    picture: Markup


@dataclass(frozen=True)
class StudyView:
    """The content of the study page."""

    name: str
    posts: int
    pages: frozenset[str]
    videos: int
    labelled: int
    seconds: float
    authors: int
    sounds: tuple[tuple[str, int], ...]
    languages: tuple[tuple[str, int], ...]
    panels: tuple[LabelPanel, ...]
    speech: Spread | None
    dropped: tuple[tuple[str, int], ...]
    screen_text: Spread | None
    writers: tuple[tuple[str, VariantFacts], ...]
    steps: tuple[StepView, ...]
    troubles: tuple[Reason, ...]
    skipped: tuple[Reason, ...]
    notices: tuple[Reason, ...]
    doubtful: int

    @property
    def failed(self) -> int:
        """Return the number of posts with a failure."""
        return len({post for reason in self.troubles for post in reason.posts})


def study_view(overview: Overview, order: Order, name: str) -> StudyView:
    """Return the content of the study page.

    Parameters
    ----------
    overview : Overview
        The summary of all posts.
    order : Order
        The order of scripts and labels.
    name : str
        Name of the study.

    Returns
    -------
    StudyView
        The content, ready for the template.
    """
    keys = order.of_labels(overview.labels)
    rows = overview.rows
    return StudyView(
        name=name,
        posts=len(rows),
        pages=frozenset(row.post for row in rows),
        videos=sum(row.has_video for row in rows),
        labelled=sum(bool(row.states) for row in rows),
        seconds=overview.seconds,
        authors=len({row.author for row in rows} - {None}),
        sounds=tuple(overview.sounds.most_common()),
        languages=tuple(overview.languages.most_common()),
        panels=tuple(_panel(n, key, overview, rows) for n, key in enumerate(keys, 1)),
        speech=_spread(overview.speech, "speech segments"),
        dropped=tuple(overview.dropped.most_common()),
        screen_text=_spread(overview.screen_text, "on-screen texts"),
        writers=tuple((name, overview.writers[name]) for name in order.of_scripts(overview.writers)),
        steps=tuple(_steps(overview, order)),
        troubles=tuple(_troubles(overview)),
        skipped=tuple(_skipped(overview, order)),
        notices=tuple(sorted(_notices(overview, order), key=lambda reason: not reason.changes_meaning)),
        doubtful=overview.doubtful,
    )


def _panel(number: int, key: LabelKey, overview: Overview, rows: Sequence[PostEntry]) -> LabelPanel:
    labels = overview.labels[key]
    states = [row.states[key] for row in rows if key in row.states]
    counts = count_values(states)
    return LabelPanel(
        key=key,
        anchor=f"labels-{number}",
        posts=len(states),
        sources=tuple(LabelSourceCount(source, posts) for source, posts in labels.sources.most_common()),
        states=overview.states[key],
        conflicted=labels.conflicted,
        counts=counts,
        poles=tuple(map(pole, CIRCLE)),
        circle=count_circle(
            counts, len(states), conflicted=labels.conflicted, name=f"Number of posts with each value, {key.title}"
        ),
        matrix=matrix(
            together(states, Polarity.PRESENT),
            together(states, Polarity.CONFLICTED),
            name=f"Number of posts with two values together, {key.title}",
        ),
        pairs=frequent_pairs(states, MOST_PAIRS),
        authors=count_authors(((row.author, row.states.get(key, "")) for row in rows), MOST_AUTHORS),
    )


def _spread(confidences: Confidences, what: str) -> Spread | None:
    median = confidences.median
    if median is None:
        return None
    drawn = histogram(confidences, name=f"Confidence of {what}")
    return Spread(len(confidences), median, confidences.below(LOW), drawn)


# --- steps, failures, skips and notices ------------------------------------------------------------------------------


def _stems(overview: Overview, order: Order) -> list[str]:
    """Return the stems of all records, in the order in which a run makes them."""
    scripts = [f"script.{name}" for name in order.of_scripts(s[7:] for s in overview.steps if s.startswith("script."))]
    first = [
        stem for stem in ("media", "transcript", "speakers", "text", "captions", *scripts) if stem in overview.steps
    ]
    return [*first, *(stem for stem in overview.steps if stem not in first)]


def _steps(overview: Overview, order: Order) -> Iterator[StepView]:
    failed = Counter({step: 0 for step in map(step_name, overview.steps)})
    for trouble, posts in overview.troubles.items():
        failed[trouble.step] += len(posts)
    for stem in _stems(overview, order):
        step, name = overview.steps[stem], step_name(stem)
        makers = tuple(
            (records, made.version, tuple((role, *split_model(model)) for role, model in made.models))
            for made, records in step.made.most_common()
        )
        yield StepView(name, step.records, sum(map(len, step.skipped.values())), failed.pop(name, 0), makers)
    for name, count in failed.items():
        yield StepView(name, 0, 0, count, ())


def _troubles(overview: Overview) -> Iterator[Reason]:
    def first(pair: tuple[Trouble, list[str]]) -> tuple[str, int]:
        return pair[0].step, -len(pair[1])

    for trouble, posts in sorted(overview.troubles.items(), key=first):
        yield Reason(trouble.step, trouble.what, tuple(posts), trouble.hint)


def _skipped(overview: Overview, order: Order) -> Iterator[Reason]:
    for stem in _stems(overview, order):
        for text, posts in overview.steps[stem].skipped.items():
            yield Reason(step_name(stem), text, tuple(posts))


def _notices(overview: Overview, order: Order) -> Iterator[Reason]:
    for notice in overview.of_no_post:
        kind = kind_of(notice.code)
        yield Reason("intake", notice.text, (), title=kind.title, changes_meaning=kind.changes_meaning)
    places = {stem: place for place, stem in enumerate(["post", *_stems(overview, order)])}
    for stem, code in sorted(overview.notices, key=lambda key: places[key[0]]):
        remark, kind = overview.notices[stem, code], kind_of(code)
        yield Reason(
            step_name(stem),
            remark.text,
            tuple(remark.posts),
            wordings=len(remark.wordings),
            title=kind.title,
            changes_meaning=kind.changes_meaning,
        )


# --- the list of posts ---------------------------------------------------------------------------------------------


def posts_script(rows: Sequence[PostEntry], panels: Sequence[LabelPanel]) -> str:
    """Return the list of posts as a JavaScript file, which the study page loads."""
    data: dict[str, Any] = {
        "labels": [str(panel.key) for panel in panels],
        "values": [[str(value), pole(value)] for value in CIRCLE],
        "posts": [
            [
                row.post,
                row.author or "",
                row.caption,
                _FAILED * row.failed + _NO_VIDEO * (not row.has_video),
                [row.states.get(panel.key, "") for panel in panels],
            ]
            for row in rows
        ],
    }
    return _assigned("valexPosts", data)


def words_script(rows: Sequence[PostEntry]) -> str:
    """Return the search index, in the order of the list, as a JavaScript file, which the first search loads."""
    return _assigned("valexWords", [row.words for row in rows])


def _assigned(name: str, data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"globalThis.{name} = {text};\n"
