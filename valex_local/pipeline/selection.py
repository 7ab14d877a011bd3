"""Which part of a run to do: stages, posts, and what to do again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from valex_local.errors import ConfigError
from valex_local.pipeline.plan import Step, plan
from valex_local.pipeline.status import StepState, StepStatus
from valex_local.settings import Settings


@dataclass(frozen=True)
class Selection:
    """Which part of a run to do.

    Attributes
    ----------
    until, only : str, optional
        Name of a stage: stop after it, or do nothing else.
    shard : tuple of int, optional
        ``(i, N)``: the i-th of N parts of the posts, counted from 1.
    redo : bool
        Whether to make outdated records again.
    retry : bool
        Whether to try again what failed before.
    dry : bool
        Whether to only report what is due.
    """

    until: str | None = None
    only: str | None = None
    shard: tuple[int, int] | None = None
    redo: bool = False
    retry: bool = False
    dry: bool = False

    @property
    def whole(self) -> bool:
        """Whether all stages are selected."""
        return self.until is None and self.only is None

    @property
    def first(self) -> bool:
        """Whether it writes what is about no single post; of several shards, only one may."""
        return self.shard is None or self.shard[0] == 1

    def steps(self, settings: Settings) -> tuple[Step, ...]:
        """Return the selected steps.

        Raises
        ------
        ConfigError
            There is no stage of that name, or both `until` and `only` are set.
        """
        if self.until is not None and self.only is not None:
            raise ConfigError("--until and --only cannot be used together", hint="Give one of them")
        steps = plan(settings)
        names = list(dict.fromkeys(step.spec.name for step in steps))
        for name in (self.until, self.only):
            if name is not None and name not in names:
                raise ConfigError(f"there is no stage {name!r}", hint=f"The stages are: {', '.join(names)}")
        if self.only is not None:
            return tuple(step for step in steps if step.spec.name == self.only)
        last = names.index(self.until) if self.until is not None else len(names)
        return tuple(step for step in steps if names.index(step.spec.name) <= last)

    def holds(self, post_id: str) -> bool:
        """Return whether the post belongs to the shard; this depends only on its id, so all machines agree."""
        if self.shard is None:
            return True
        number, shards = self.shard
        return int(hashlib.sha256(post_id.encode()).hexdigest(), 16) % shards == number - 1

    def wants(self, status: StepStatus) -> bool:
        """Return whether a step with this status is to be done."""
        if status.state is StepState.FAILED:
            return self.retry
        return status.state in (StepState.MISSING, StepState.STALE, StepState.OUTDATED, StepState.WAITING)
