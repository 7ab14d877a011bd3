"""Results of a comparison as records, from which its tables, files and pages are made.

A figure that is not assessed is None, never 0: for example without speech recognition, or with a denominator of 0.
"""

from __future__ import annotations

from valex_local.evaluation.agreement import Agreement
from valex_local.evaluation.bootstrap import RESAMPLES, Difference
from valex_local.evaluation.figures import Estimate, Figure, Share
from valex_local.evaluation.results import Evaluation, UncountedTexts
from valex_local.records import CleanText, Part
from valex_local.schwartz import State, Value


class Measures(Part):
    """The figures of one script of a post.

    Attributes
    ----------
    speech_kept : float or None
        Share of the recognised words that its speech has in the same order.
    speech_added : float or None
        Share of the words in its speech that were not recognised there.
    text_kept : float or None
        Share of the recognised screen texts that it has, without those that repeat speech.
    text_added : float or None
        Share of its screen texts that were not recognised.
    text_words_added : float or None
        Share of the words in its screen texts that were not recognised: words of added texts that are in no recognised
        text.
    order_in_time : float or None
        Kendall's tau of its order and the times at which its lines were recognised.
    speakers, telling_speakers : int, float or None
        Number of distinct speaker names, and the share of them that are more specific than ``SPEAKER``.
    speech_lines, speech_words, text_lines, action_words, headings : int
        Number of each.
    actions_match : float or None
        Mean percentile of its action lines among the reference lines, from its grounding record.
    keyframes_spoken : float or None
        Share of the keyframes that it mentions, from its grounding record.
    things_not_found : float or None
        Share of the things that its action lines name that no detector found in their keyframes, of the known kinds.
    """

    speech_kept: Share | None = None
    speech_added: Share | None = None
    text_kept: Share | None = None
    text_added: Share | None = None
    text_words_added: Share | None = None
    order_in_time: Figure | None = None
    speakers: int
    telling_speakers: Share | None = None
    speech_lines: int
    speech_words: int
    text_lines: int
    action_words: int
    headings: int
    actions_match: Share | None = None
    keyframes_spoken: Share | None = None
    things_not_found: Share | None = None


class Shared(Part):
    """What the two scripts of a post have in common.

    Attributes
    ----------
    speech_shared : float or None
        Share of the words of speech in either script that are in both, in the same order.
    text_shared : float or None
        Share of the screen texts in either script that are in both.
    order : float or None
        Kendall's tau of the lines of speech and screen text that are in both.
    matched_lines : int
        Number of those lines.
    similarity : float or None
        Cosine similarity of the two scripts' vectors from a sentence encoder.
    """

    speech_shared: Share | None = None
    text_shared: Share | None = None
    order: Figure | None = None
    matched_lines: int
    similarity: Figure | None = None


class Change(Part):
    """A value that has different states in the two scripts."""

    value: Value
    first: State
    second: State


class PostLabels(Part):
    """The labels of the two scripts of a post by one route.

    `assessed` is the number of values that are assessed for both scripts, `agreeing` the share of them with the same
    state in both.
    """

    route: str
    assessed: int
    agreeing: Share | None
    changes: tuple[Change, ...]


class PostComparison(Part):
    """The comparison of the two scripts of one post. `missing` lists the evidence that is unknown."""

    post: CleanText
    author: CleanText | None = None
    first: Measures
    second: Measures
    shared: Shared
    labels: tuple[PostLabels, ...] = ()
    missing: tuple[CleanText, ...] = ()


class FigureRow(Part):
    """A figure of each script, averaged over the posts that have it for both, and the difference first minus second."""

    name: str
    posts: int
    first: Estimate | None = None
    second: Estimate | None = None
    difference: Difference | None = None


class SharedRow(Part):
    """A figure of both scripts together, averaged over the posts that have it."""

    name: str
    posts: int
    mean: Estimate | None = None


class ChangeCount(Part):
    """The number of posts in which a value has one state in the first script and another in the second."""

    value: Value
    first: State
    second: State
    posts: int


class RouteComparison(Part):
    """The labels of both scripts by one route.

    Attributes
    ----------
    posts : int
        Number of posts in which the route labels both scripts.
    agreeing : Estimate or None
        Share of values with the same state in both scripts, averaged over posts.
    agreement : Agreement or None
        Agreement by value; None if the libraries for it are not installed.
    changes : tuple of ChangeCount
        The states that differ, in the order of the circle.
    """

    route: str
    posts: int
    agreeing: Estimate | None = None
    agreement: Agreement | None = None
    changes: tuple[ChangeCount, ...] = ()


class Comparison(Part):
    """All results of a comparison.

    Attributes
    ----------
    first, second : str
        The names of the variants.
    posts : tuple of PostComparison
        The posts that have both.
    rows, shared : tuple of FigureRow, tuple of SharedRow
        Figures over these posts.
    routes : tuple of RouteComparison
        The labels of both scripts, for every route that labels both.
    gold : Evaluation or None
        Evaluation of both scripts' labels by gold labels, if there are any.
    left_out : tuple of UncountedTexts
        Posts that are left out of the comparison, or of some of its figures, and why.
    groups, grouped_by
        Number of groups that were resampled, and what they are; None if single posts were.
    """

    first: str
    second: str
    posts: tuple[PostComparison, ...]
    rows: tuple[FigureRow, ...] = ()
    shared: tuple[SharedRow, ...] = ()
    routes: tuple[RouteComparison, ...] = ()
    gold: Evaluation | None = None
    groups: int | None = None
    grouped_by: str | None = None
    resamples: int = RESAMPLES
    seed: int = 0
    left_out: tuple[UncountedTexts, ...] = ()
    notices: tuple[CleanText, ...] = ()

    def to_json(self) -> str:
        """Return the comparison as indented JSON that ends in a newline."""
        return self.model_dump_json(indent=1) + "\n"
