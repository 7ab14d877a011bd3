"""The protocol of executors, which compute the steps of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from valex_local.pipeline.plan import Step


@dataclass(frozen=True)
class Job:
    """A post that is due, and the fingerprint of the record to be written."""

    post_id: str
    fingerprint: str


class Executor(Protocol):
    """Computes the records of one step for many posts and writes them into the study.

    A post that cannot be done is recorded as a failure; the others continue.
    """

    def execute(self, step: Step, jobs: Sequence[Job]) -> int:
        """Compute a step for every job and return how many records were written.

        Parameters
        ----------
        step : Step
            The step, with its stage and the settings it reads.
        jobs : sequence of Job
            The posts that are due, each with the fingerprint of the record to be written.

        Raises
        ------
        StudyError
            Records cannot be written (a full disk).
        """

    def close(self) -> None:
        """Free the models that stayed in memory."""
