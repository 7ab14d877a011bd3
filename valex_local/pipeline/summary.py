"""The status of a study, and what a run did."""

from __future__ import annotations

from dataclasses import dataclass, field

from valex_local.records import Failure


@dataclass
class StepCount:
    """How many posts are in each state for one step; `written` counts the records this run wrote."""

    step: str
    written: int = 0
    current: int = 0
    failed: int = 0
    blocked: int = 0
    due: int = 0
    outdated: int = 0


@dataclass
class Summary:
    """The status of a study, and what a run did.

    Attributes
    ----------
    study : str
        The folder.
    posts : int
        Number of posts in the study, or in the shard if one was selected.
    steps : list of StepCount
        One for each step.
    skipped, degraded : dict of str to int
        ``step: reason`` to the number of posts.
    failures : list of Failure
        Everything that could not be done, including in earlier runs.
    unmatched : list of str
        Rows of the table of post texts that match no video.
    models : dict of str to str
        Role to id of the model.
    offline : str
        Which layers of the network guard were active.
    notes : list of str
        What else the user should know, such as an unused GPU.
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
