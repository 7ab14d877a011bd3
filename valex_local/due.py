"""What is due: derived from fingerprints, never from a flag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from valex_local.records import Post
from valex_local.stages import Step, fingerprint, record_kind, stems_read
from valex_local.study import Study

if TYPE_CHECKING:
    from valex_local.store import StoredModel


class State(StrEnum):
    """Where one step of one post stands."""

    CURRENT = "current"
    MISSING = "missing"
    STALE = "stale"  # something it read has changed: made again without asking
    OUTDATED = "outdated"  # its settings, model or stage have changed: made again only when asked to
    FAILED = "failed"
    WAITING = "waiting"  # a record it reads is itself due
    BLOCKED = "blocked"  # a record it reads cannot be had


@dataclass(frozen=True)
class Verdict:
    """Where one step of one post stands, and why.

    Attributes
    ----------
    state : State
        The standing.
    fingerprint : str
        What a run would give the record now; empty while it waits or is blocked.
    differences : tuple of str
        For outdated records: each setting, model or version that differs, as ``name: old -> new``.
    skipped : str or None
        Why a current record was skipped, if it was.
    notices : tuple of str
        What a current record's notices say.
    """

    state: State
    fingerprint: str = ""
    differences: tuple[str, ...] = ()
    skipped: str | None = None
    notices: tuple[str, ...] = ()


class Examiner:
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
        self._steps = steps
        self._made_by = {step.name: step.made_by(models).model_dump(mode="json") for step in steps}

    def examine(self, post_id: str, post: Post | None = None) -> dict[str, Verdict]:
        """Return the verdict on every step of a post: as the study holds it, or as it would be given `post`.

        Records that none of the steps makes are taken as they are.
        """
        told = (post or self._study.post(post_id)).model_dump(mode="json")
        made_here = {step.stem for step in self._steps}
        records: dict[str, Any] = {}
        states: dict[str, State] = {}
        verdicts: dict[str, Verdict] = {}
        for step in self._steps:
            stems = stems_read(step.reads)
            for stem in stems:
                if stem not in made_here and stem not in records:
                    records[stem] = self._study.read_raw(post_id, stem, record_kind(stem))
            records[step.stem] = self._study.read_raw(post_id, step.stem, step.spec.record)
            verdict = self._judge(post_id, step, told, records, [states[s] for s in stems if s in states])
            verdicts[step.name] = verdict
            states[step.stem] = verdict.state
        return verdicts

    def _judge(
        self, post_id: str, step: Step, post: dict[str, Any], records: dict[str, Any], upstream: Sequence[State]
    ) -> Verdict:
        if State.FAILED in upstream or State.BLOCKED in upstream:
            return Verdict(State.BLOCKED)
        waiting = any(state is not State.CURRENT for state in upstream)
        if not waiting and any(records[stem] is None for stem in stems_read(step.reads)):
            return Verdict(State.BLOCKED)
        made_by = self._made_by[step.name]
        now = "" if waiting else fingerprint(made_by, step.reads, post, records)
        record = records[step.stem]
        differences = tuple(_differences(record["made_by"], made_by)) if record and record.get("made_by") else ()
        if now and self._failed_before(post_id, step, now):
            return Verdict(State.FAILED, now)
        if record is None:
            return Verdict(State.WAITING if waiting else State.MISSING, now)
        if differences and record.get("skipped") is None:
            return Verdict(State.OUTDATED, now, differences)
        if waiting:
            return Verdict(State.WAITING)
        if record.get("fingerprint") != now:
            return Verdict(State.STALE, now)
        notices = tuple(notice["text"] for notice in record.get("notices", ()))
        return Verdict(State.CURRENT, now, skipped=record.get("skipped"), notices=notices)

    def _failed_before(self, post_id: str, step: Step, now: str) -> bool:
        failure = self._study.failure(post_id, step.name)
        return failure is not None and failure.fingerprint == now


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
