"""Read all records of a post, in the order in which its page shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from valex_local.errors import StudyError
from valex_local.notices import kind_of
from valex_local.records import (
    Captions,
    Failure,
    Grounding,
    Labels,
    Media,
    Post,
    Record,
    ScreenText,
    Script,
    Speakers,
    Transcript,
)
from valex_local.rendering.views import script_of
from valex_local.stages.variants import VIDEO
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.settings import resolve_settings
from valex_local.study.variants import LabelKey, script_rank

R = TypeVar("R", bound=Record)

PERCEPTION: dict[str, type[Record]] = {
    "media": Media,
    "transcript": Transcript,
    "speakers": Speakers,
    "text": ScreenText,
    "captions": Captions,
}
"""The records that come before scripts, by stem."""


_STEPS = {"post": "intake", "transcript": "speech", "text": "ocr", "captions": "vision"}


def step_name(stem: str) -> str:
    """Return the step that makes a record, as `valex status` names it."""
    return _STEPS.get(stem, stem)


@dataclass(frozen=True)
class Problem:
    """A record that could not be read: its stem, why, and what to do."""

    stem: str
    what: str
    hint: str | None


@dataclass(frozen=True)
class Gathered:
    """All records of one post.

    Attributes
    ----------
    id : str
        Its id: the name of its folder, even if a record in it has another one.
    post : Post
        The post.
    records : dict of str to Record
        Its other records by stem: perception, scripts, their grounding, labels, each in the order of `Order`.
    failures : tuple of Failure
        Steps that failed.
    problems : tuple of Problem
        Records that could not be read.
    """

    id: str
    post: Post
    records: dict[str, Record]
    failures: tuple[Failure, ...] = ()
    problems: tuple[Problem, ...] = ()

    def get(self, stem: str, kind: type[R]) -> R | None:
        """Return the record with this stem, or None."""
        record = self.records.get(stem)
        return record if isinstance(record, kind) else None

    @property
    def doubtful(self) -> bool:
        """Whether a notice may change what the post means."""
        records = (self.post, *self.records.values())
        return any(kind_of(notice.code).changes_meaning for record in records for notice in record.notices)

    @property
    def media(self) -> Media | None:
        """Return the facts about the video file."""
        return self.get("media", Media)

    @property
    def transcript(self) -> Transcript | None:
        """Return the recognised speech."""
        return self.get("transcript", Transcript)

    @property
    def speakers(self) -> Speakers | None:
        """Return who speaks when."""
        return self.get("speakers", Speakers)

    @property
    def screen_text(self) -> ScreenText | None:
        """Return the recognised on-screen text."""
        return self.get("text", ScreenText)

    @property
    def captions(self) -> Captions | None:
        """Return the tags and captions of keyframes."""
        return self.get("captions", Captions)

    @property
    def scripts(self) -> dict[str, Script]:
        """Return the scripts by variant."""
        return {stem.partition(".")[2]: r for stem, r in self.records.items() if isinstance(r, Script)}

    @property
    def labels(self) -> dict[LabelKey, Labels]:
        """Return the labels by script and route."""
        return {LabelKey.of(stem): r for stem, r in self.records.items() if isinstance(r, Labels)}


@dataclass(frozen=True)
class Order:
    """The order in which variants are listed; the first one that a post has is shown when its page opens.

    Attributes
    ----------
    scripts, routes : tuple of str
        Those in the study's settings, in that order. Others follow by name, imported scripts last.
    """

    scripts: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()

    @classmethod
    def of(cls, study: Study) -> Order:
        """Return the order given by a study's settings, which is also the order in which `Study.script` chooses."""
        settings = resolve_settings(Store(), study)
        return cls(scripts=tuple(settings.script.variants), routes=tuple(settings.labels.routes))

    def of_scripts(self, names: Iterable[str]) -> list[str]:
        """Return script variants in order."""
        return sorted(names, key=self._script_rank)

    def of_labels(self, keys: Iterable[LabelKey]) -> list[LabelKey]:
        """Return label keys in order: by script, those of the video itself last, then by route and model."""
        ranks = {k: (k.script == VIDEO, self._script_rank(k.script), self._route_rank(k.route), k.name) for k in keys}
        return sorted(ranks, key=lambda key: ranks[key])

    def _script_rank(self, name: str) -> tuple[int, tuple[int, str]]:
        return _rank(self.scripts, script_of(name)), script_rank(name)

    def _route_rank(self, name: str) -> tuple[int, str]:
        return _rank(self.routes, name), name


def _rank(named: Sequence[str], name: str) -> int:
    return named.index(name) if name in named else len(named)


class Reader:
    """Read the posts of a study one at a time.

    A record that cannot be read does not hide the others: it is listed among the problems of its post.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self.order = Order.of(study)
        failures: defaultdict[str, list[Failure]] = defaultdict(list)
        for failure in study.failures():
            failures[failure.post].append(failure)
        self.failures = {post: tuple(found) for post, found in failures.items()}

    def __call__(self, post_id: str) -> Gathered:
        """Return all records of a post."""
        problems: list[Problem] = []
        study, order = self._study, self.order
        post = self._try("post", lambda: study.read(post_id, "post", Post), problems) or Post(id=post_id)
        kinds: dict[str, type[Record]] = dict(PERCEPTION)
        variants = order.of_scripts(study.script_variants(post_id))
        kinds |= dict.fromkeys((f"script.{name}" for name in variants), Script)
        kinds |= dict.fromkeys((f"grounding.{name}" for name in variants), Grounding)
        reads: dict[str, Callable[[], Record | None]] = {
            stem: partial(study.read, post_id, stem, kind) for stem, kind in kinds.items()
        }
        for key in order.of_labels(study.label_keys(post_id)):
            reads[key.stem] = partial(study.labels_of, post_id, key)
        found = {stem: self._try(stem, read, problems) for stem, read in reads.items()}
        records = {stem: record for stem, record in found.items() if record is not None}
        return Gathered(post_id, post, records, self.failures.get(post_id, ()), tuple(problems))

    def _try(self, stem: str, read: Callable[[], R | None], problems: list[Problem]) -> R | None:
        """Return what `read` returns; None, and a problem, if the record cannot be read."""
        try:
            return read()
        except StudyError as error:
            problems.append(Problem(stem, error.what, error.hint))
            return None
