"""The status of a study, and what a run did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from valex_local.notices import kind_of
from valex_local.records import Failure, Notice

LEFT_OUT = "left-out"
"""Code of the notices about files that should be posts and are not; a run that has one is not complete."""


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


@dataclass(frozen=True)
class NoticeCount:
    """The notices of one kind in the records of one step.

    Attributes
    ----------
    step : str
        The step, or ``intake``.
    code : str
        The kind; see `valex_local.notices`.
    text : str
        The most frequent wording.
    wordings : int
        Number of different wordings.
    posts : int
        Number of posts; 0 for what is about no single post.
    changes_meaning : bool
        Whether the script or the labels may be different because of it.
    """

    step: str
    code: str
    text: str
    wordings: int = 1
    posts: int = 0
    changes_meaning: bool = True


def count_notices(found: Iterable[tuple[str, str, Notice]]) -> Iterator[NoticeCount]:
    """Yield a count for each step and kind of notice, in the order of the steps' first notices.

    Parameters
    ----------
    found : iterable of (str, str, Notice)
        Post, step and notice.

    Yields
    ------
    NoticeCount
        Those that may change what a post means first.
    """
    wordings: dict[tuple[str, str], Counter[str]] = {}
    posts: dict[tuple[str, str], set[str]] = {}
    for post, step, notice in found:
        wordings.setdefault((step, notice.code), Counter())[notice.text] += 1
        posts.setdefault((step, notice.code), set()).add(post)
    for step, code in sorted(wordings, key=lambda key: not kind_of(key[1]).changes_meaning):
        texts = wordings[step, code]
        (text, _), *_ = texts.most_common(1)
        yield NoticeCount(step, code, text, len(texts), len(posts[step, code]), kind_of(code).changes_meaning)


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
    skipped : dict of str to int
        ``step: reason`` to the number of posts.
    notices : list of NoticeCount
        What was dropped, merged, guessed, cut or not assessed.
    doubtful : int
        Number of posts with notices that may change what they mean.
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
    notices: list[NoticeCount] = field(default_factory=list)
    doubtful: int = 0
    failures: list[Failure] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    offline: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed and no file that should be a post was left out."""
        return not self.failures and not any(notice.code == LEFT_OUT for notice in self.notices)
