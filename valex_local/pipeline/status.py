"""The status of every step of every post, derived from fingerprints."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from valex_local.files.checksums import canonical
from valex_local.pipeline.fingerprints import content, fingerprint_of, is_covered
from valex_local.pipeline.plan import Step
from valex_local.posts.discover import STAGE as INTAKE
from valex_local.records import Failure, Notice, Post, Record, Script
from valex_local.rendering.views import script_of
from valex_local.stages.registry import record_type, stems_read
from valex_local.study import Study

if TYPE_CHECKING:
    from valex_local.store import StoredModel


class StepState(StrEnum):
    """State of one step of one post."""

    CURRENT = "current"
    MISSING = "missing"
    STALE = "stale"  # something it reads has changed: made again without asking
    OUTDATED = "outdated"  # its settings, model or stage version have changed: made again only with --redo
    FAILED = "failed"
    WAITING = "waiting"  # a record it reads is due
    BLOCKED = "blocked"  # a record it reads cannot be made


@dataclass(frozen=True, slots=True)
class StepStatus:
    """State of one step of one post, and the reasons.

    Attributes
    ----------
    state : StepState
        The state.
    fingerprint : str
        The fingerprint that a run would give the record now; empty if the step is waiting, blocked or current.
    differences : tuple of str
        For outdated records: each setting, model or version that differs, as ``name: old -> new``.
    skipped : str or None
        Why the step was skipped, for a current record.
    notices : tuple of Notice
        The notices of a current record.
    may_change : bool
        Whether the record is current only until a step that is due finds something that it reads where it is there.
    """

    state: StepState
    fingerprint: str = ""
    differences: tuple[str, ...] = ()
    skipped: str | None = None
    notices: tuple[Notice, ...] = ()
    may_change: bool = False

    @property
    def settled(self) -> bool:
        """Whether earlier steps cannot change the status any more, because all that the step reads is current."""
        return not self.may_change and (self.state is StepState.CURRENT or self.fingerprint != "")


class StatusChecker:
    """Checks what is due in a study, given steps and models.

    Parameters
    ----------
    study : Study
        The study.
    steps : sequence of Step
        The steps, in order.
    models : mapping of str to StoredModel
        The models of the run; see `run_models`.
    """

    def __init__(self, study: Study, steps: Sequence[Step], models: Mapping[str, StoredModel]) -> None:
        self._study = study
        self._steps = [_StepFacts(step, models) for step in steps]
        # Most statuses are equal: sharing them saves memory in a large study.
        self._shared: dict[StepStatus, StepStatus] = {}

    def check(self, post_ids: Iterable[str]) -> Iterator[tuple[str, dict[str, StepStatus]]]:
        """Yield each post with the status of every step, and the notices from when it was added."""
        return self._check_all((post_id, self._study.post(post_id)) for post_id in post_ids)

    def check_as(self, posts: Iterable[Post]) -> Iterator[tuple[str, dict[str, StepStatus]]]:
        """Yield the same as `check`, with the given posts in place of those in the study."""
        return self._check_all((post.id, post) for post in posts)

    def _check_all(self, posts: Iterable[tuple[str, Post]]) -> Iterator[tuple[str, dict[str, StepStatus]]]:
        failed = self._study.failed()
        for post_id, post in posts:
            yield post_id, self._check(post_id, post, failed)

    def _check(self, post_id: str, post: Post, failed: Collection[str]) -> dict[str, StepStatus]:
        """Return the status of every step of a post, and of scripts that no step makes but that have notices."""
        records = _PostRecords(self._study, post_id, post)
        states: dict[str, StepState] = {}
        changing: set[str] = set()
        statuses = {}
        if post.notices:
            statuses[INTAKE] = StepStatus(StepState.CURRENT, notices=post.notices)
        for step in self._steps:
            named = f"{post_id}.{step.name}" in failed
            failure = self._study.failure(post_id, step.name) if named else None
            upstream = [states[of] for of in map(script_of, step.stems) if of in states]
            status = _status(records, step, upstream, failure)
            if any(states.get(stem) in _TO_BE_MADE for stem in step.optional) or not changing.isdisjoint(step.stems):
                status = _until_made(status)
            if status.may_change:
                changing.add(step.stem)
            statuses[step.name] = status if status.fingerprint else self._shared.setdefault(status, status)
            states[step.stem] = status.state
        for stem in (f"script.{name}" for name in self._study.script_variants(post_id)):
            if stem not in states and (notices := records.notices(stem, Script)):
                statuses[stem] = StepStatus(StepState.CURRENT, notices=notices)
        return statuses


class _StepFacts:
    """What is the same about a step for all posts."""

    def __init__(self, step: Step, models: Mapping[str, StoredModel]) -> None:
        self.name, self.stem, self.reads = step.name, step.stem, step.reads
        self.optional = stems_read([name for name in step.reads if name.endswith("?")])
        self.stems = tuple(stem for stem in stems_read(step.reads) if stem not in self.optional)
        self.kinds = {stem: record_type(stem) for stem in (*self.stems, *self.optional, step.stem)}
        self.made_by = step.made_by(models).model_dump(mode="json")
        self.made_by_text = canonical(self.made_by)


class _PostRecords:
    """The records of one post while it is checked: each is read once, and brought into canonical form once."""

    def __init__(self, study: Study, post_id: str, post: Post) -> None:
        self._study = study
        self._post_id = post_id
        self._data = post.model_dump(mode="json")
        self._records: dict[str, dict[str, Any] | None] = {}
        self._texts: dict[str, bytes | None] = {}

    def record(self, step: _StepFacts, stem: str) -> dict[str, Any] | None:
        """Return the record of a stem that the step writes or reads."""
        return self._record(stem, step.kinds[stem])

    def notices(self, stem: str, kind: type[Record]) -> tuple[Notice, ...]:
        """Return the notices of a record."""
        return _notices(self._record(stem, kind) or {})

    def _record(self, stem: str, kind: type[Record]) -> dict[str, Any] | None:
        if stem not in self._records:
            self._records[stem] = self._study.read_raw(self._post_id, stem, kind)
        return self._records[stem]

    def fingerprint(self, step: _StepFacts) -> str:
        """Return the fingerprint that the step's record would have if it were made now."""
        for stem in step.optional:
            self.record(step, stem)
        for name in step.reads:
            if name not in self._texts:
                found = content(name, self._data, self._records)
                self._texts[name] = canonical(found) if is_covered(name, found) else None
        inputs = {name: self._texts[name] for name in step.reads}
        return fingerprint_of(step.made_by_text, {name: text for name, text in inputs.items() if text is not None})


_TO_BE_MADE = frozenset({StepState.MISSING, StepState.STALE, StepState.OUTDATED, StepState.WAITING})


def _until_made(status: StepStatus) -> StepStatus:
    """Return a status as it is before a step is done that may change it: what is current stays so until then."""
    if status.state is StepState.CURRENT:
        return replace(status, may_change=True)
    return StepStatus(StepState.WAITING) if status.state in (StepState.MISSING, StepState.STALE) else status


def _status(
    records: _PostRecords, step: _StepFacts, upstream: Sequence[StepState], failure: Failure | None
) -> StepStatus:
    if StepState.FAILED in upstream or StepState.BLOCKED in upstream:
        return StepStatus(StepState.BLOCKED)
    waiting = any(state is not StepState.CURRENT for state in upstream)
    if not waiting and any(records.record(step, stem) is None for stem in step.stems):
        return StepStatus(StepState.BLOCKED)
    now = "" if waiting else records.fingerprint(step)
    if now and failure is not None and failure.fingerprint == now:
        return StepStatus(StepState.FAILED, now)
    record = records.record(step, step.stem)
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
    skipped = record.get("skipped")
    skipped = None if skipped is None else str(skipped)
    return StepStatus(StepState.CURRENT, skipped=skipped, notices=_notices(record))


def _notices(record: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Return the notices of a record that is plain data; they are not validated, for speed."""
    found = record.get("notices", ())
    return tuple(Notice.model_construct(code=str(notice["code"]), text=str(notice["text"])) for notice in found)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield the differences between two `made_by`, with settings named as a user would write them."""
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
