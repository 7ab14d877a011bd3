"""Which part of a run is wanted: stages, posts, and what to do again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from valex_local.errors import ConfigError
from valex_local.pipeline.plan import Step, plan
from valex_local.pipeline.status import StepState, StepStatus
from valex_local.settings import Settings


@dataclass(frozen=True)
class Selection:
    """Which part of a run is wanted.

    Attributes
    ----------
    until, only : str, optional
        Name of a stage: stop after it, or do nothing else.
    shard : tuple of int, optional
        ``(i, N)``: the i-th of N parts of the posts, from 1.
    redo : bool
        Make outdated records again.
    retry : bool
        Try again what failed before.
    dry : bool
        Only say what is due.
    """

    until: str | None = None
    only: str | None = None
    shard: tuple[int, int] | None = None
    redo: bool = False
    retry: bool = False
    dry: bool = False

    @property
    def whole(self) -> bool:
        """Whether all stages are wanted."""
        return self.until is None and self.only is None

    def steps(self, settings: Settings) -> tuple[Step, ...]:
        """Return the steps wanted.

        Raises
        ------
        ConfigError
            There is no stage of that name, or both are named.
        """
        if self.until is not None and self.only is not None:
            raise ConfigError("--until and --only exclude each other", hint="Give one of them")
        steps = plan(settings)
        names = list(dict.fromkeys(step.spec.name for step in steps))
        for name in (self.until, self.only):
            if name is not None and name not in names:
                raise ConfigError(f"there is no stage {name!r}", hint=f"Stages are: {', '.join(names)}")
        if self.only is not None:
            return tuple(step for step in steps if step.spec.name == self.only)
        last = names.index(self.until) if self.until is not None else len(names)
        return tuple(step for step in steps if names.index(step.spec.name) <= last)

    def holds(self, post_id: str) -> bool:
        """Whether the post belongs to the shard: by its id, so that every machine finds the same answer."""
        if self.shard is None:
            return True
        number, shards = self.shard
        return int(hashlib.sha256(post_id.encode()).hexdigest(), 16) % shards == number - 1

    def wants(self, verdict: StepStatus) -> bool:
        """Whether a step that stands so is to be done."""
        if verdict.state is StepState.FAILED:
            return self.retry
        return verdict.state in (StepState.MISSING, StepState.STALE, StepState.OUTDATED, StepState.WAITING)
