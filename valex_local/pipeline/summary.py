"""How a study stands, and what a run did to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from valex_local.records import Failure


@dataclass
class StepCount:
    """How one step stands over all posts; `written` counts the records this run made."""

    step: str
    written: int = 0
    current: int = 0
    failed: int = 0
    blocked: int = 0
    due: int = 0
    outdated: int = 0


@dataclass
class Summary:
    """How a study stands, and what a run did to it.

    Attributes
    ----------
    study : str
        The folder.
    posts : int
        Posts in the study (in the shard, where one was named).
    steps : list of StepCount
        One for each step.
    skipped, degraded : dict of str to int
        ``step: reason`` to the number of posts.
    failures : list of Failure
        All that could not be done, earlier runs included.
    unmatched : list of str
        Rows of the table of post texts that belong to no video.
    models : dict of str to str
        Role to id of the model.
    offline : str
        Which layers kept the machine to itself.
    notes : list of str
        What else a user must know, such as a GPU left unused.
    seconds : float
        Wall time of the run.
    """

    study: str
    posts: int = 0
    steps: list[StepCount] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    degraded: dict[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    offline: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures
