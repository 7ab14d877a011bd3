"""What is due: derived from fingerprints, never from a flag."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from valex_local.files.checksums import canonical
from valex_local.pipeline.fingerprints import content, fingerprint_of
from valex_local.pipeline.plan import Step
from valex_local.posts.discover import STAGE as INTAKE
from valex_local.records import Failure, Post
from valex_local.stages.registry import record_type, stems_read
from valex_local.study import Study

if TYPE_CHECKING:
    from valex_local.store import StoredModel


class StepState(StrEnum):
    """Where one step of one post stands."""

    CURRENT = "current"
    MISSING = "missing"
    STALE = "stale"  # something it read has changed: made again without asking
    OUTDATED = "outdated"  # its settings, model or stage have changed: made again only when asked to
    FAILED = "failed"
    WAITING = "waiting"  # a record it reads is itself due
    BLOCKED = "blocked"  # a record it reads cannot be had


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Where one step of one post stands, and why.

    Attributes
    ----------
    state : StepState
        The standing.
    fingerprint : str
        What a run would give the record now; empty while it waits or is blocked, and where it is current.
    differences : tuple of str
        For outdated records: each setting, model or version that differs, as ``name: old -> new``.
    skipped : str or None
        Why a current record was skipped, if it was.
    notices : tuple of str
        What a current record's notices say.
    """

    state: StepState
    fingerprint: str = ""
    differences: tuple[str, ...] = ()
    skipped: str | None = None
    notices: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether it stands whatever becomes of the steps before: all that the step reads is current."""
        return self.state is StepState.CURRENT or self.fingerprint != ""


class StatusChecker:
    """Tells what is due in a study under given steps and models.

    Parameters
    ----------
    study : Study
        The study.
    steps : sequence of Step
        The steps in order.
    models : mapping of str to StoredModel
        The model of each role.
    """

    def __init__(self, study: Study, steps: Sequence[Step], models: Mapping[str, StoredModel]) -> None:
        self._study = study
        self._steps = [_Known(step, models) for step in steps]
        # Most verdicts are equal: each held once, those on a large study take little memory.
        self._given: dict[StepStatus, StepStatus] = {}

    def examine(self, post_ids: Iterable[str]) -> Iterator[tuple[str, dict[str, StepStatus]]]:
        """Yield each post with the verdict on every step, and on what was noticed when it was taken in."""
        return self._examine_all((post_id, self._study.post(post_id)) for post_id in post_ids)

    def examine_as(self, posts: Iterable[Post]) -> Iterator[tuple[str, dict[str, StepStatus]]]:
        """Yield the verdicts on posts as they would be if the study held them as they are given."""
        return self._examine_all((post.id, post) for post in posts)

    def _examine_all(self, posts: Iterable[tuple[str, Post]]) -> Iterator[tuple[str, dict[str, StepStatus]]]:
        failed = self._study.failed()
        for post_id, post in posts:
            yield post_id, self._examine(post_id, post, failed)

    def _examine(self, post_id: str, post: Post, failed: Collection[str]) -> dict[str, StepStatus]:
        """Return the verdicts on a post; records that none of the steps makes are taken as they are."""
        look = _Look(self._study, post_id, post)
        states: dict[str, StepState] = {}
        verdicts = {}
        if post.notices:
            verdicts[INTAKE] = StepStatus(StepState.CURRENT, notices=tuple(notice.text for notice in post.notices))
        for step in self._steps:
            named = f"{post_id}.{step.name}" in failed
            failure = self._study.failure(post_id, step.name) if named else None
            upstream = [states[stem] for stem in step.stems if stem in states]
            verdict = _judge(look, step, upstream, failure)
            verdicts[step.name] = verdict if verdict.fingerprint else self._given.setdefault(verdict, verdict)
            states[step.stem] = verdict.state
        return verdicts


class _Known:
    """What is known of a step for all posts."""

    def __init__(self, step: Step, models: Mapping[str, StoredModel]) -> None:
        self.name, self.stem, self.reads = step.name, step.stem, step.reads
        self.stems = stems_read(step.reads)
        self.kinds = {stem: record_type(stem) for stem in (*self.stems, step.stem)}
        self.made_by = step.made_by(models).model_dump(mode="json")
        self.made_by_text = canonical(self.made_by)


class _Look:
    """One post while it is looked at: each record is read once, and each content put into canonical form once."""

    def __init__(self, study: Study, post_id: str, post: Post) -> None:
        self._study = study
        self._post_id = post_id
        self._data = post.model_dump(mode="json")
        self._records: dict[str, dict[str, Any] | None] = {}
        self._texts: dict[str, bytes] = {}

    def record(self, step: _Known, stem: str) -> dict[str, Any] | None:
        """Return the record of a stem that the step makes or reads."""
        if stem not in self._records:
            self._records[stem] = self._study.read_raw(self._post_id, stem, step.kinds[stem])
        return self._records[stem]

    def fingerprint(self, step: _Known) -> str:
        """Return the fingerprint that a record made of what is there now would bear."""
        for name in step.reads:
            if name not in self._texts:
                self._texts[name] = canonical(content(name, self._data, self._records))
        return fingerprint_of(step.made_by_text, {name: self._texts[name] for name in step.reads})


def _judge(look: _Look, step: _Known, upstream: Sequence[StepState], failure: Failure | None) -> StepStatus:
    if StepState.FAILED in upstream or StepState.BLOCKED in upstream:
        return StepStatus(StepState.BLOCKED)
    waiting = any(state is not StepState.CURRENT for state in upstream)
    if not waiting and any(look.record(step, stem) is None for stem in step.stems):
        return StepStatus(StepState.BLOCKED)
    now = "" if waiting else look.fingerprint(step)
    if now and failure is not None and failure.fingerprint == now:
        return StepStatus(StepState.FAILED, now)
    record = look.record(step, step.stem)
    if record is None:
        return StepStatus(StepState.WAITING if waiting else StepState.MISSING, now)
    made_by = record.get("made_by")
    if made_by and made_by != step.made_by and record.get("skipped") is None:
        differences = tuple(_differences(made_by, step.made_by))
        if differences:
            return StepStatus(StepState.OUTDATED, now, differences)
    if waiting:
        return StepStatus(StepState.WAITING)
    if record.get("fingerprint") != now:
        return StepStatus(StepState.STALE, now)
    skipped, notices = record.get("skipped"), tuple(str(notice["text"]) for notice in record.get("notices", ()))
    return StepStatus(StepState.CURRENT, skipped=None if skipped is None else str(skipped), notices=notices)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Name what differs between two makings as a user would write it."""
    stage = new["stage"]
    if old.get("version") != new["version"]:
        yield f"version of {stage}: {old.get('version')} -> {new['version']}"
    yield from _changed(stage, old.get("settings") or {}, new["settings"])
    yield from _changed("model", old.get("models") or {}, new["models"])


def _changed(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _changed(f"{prefix}.{key}", before, after)
        elif before != after:
            yield f"{prefix}.{key}: {_short(before)} -> {_short(after)}"


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    name, at, digest = text.partition("@")
    return f"{name}@{digest[:8]}" if at and len(digest) == 64 else text[:40]
