"""What a comparison finds out, as records: what its tables, its files and its pages are made of.

Figures are None where they are not assessed, never 0: nobody listened, or there is nothing to divide by.
"""

from __future__ import annotations

from valex_local.evaluation.agreement import Agreement
from valex_local.evaluation.bootstrap import RESAMPLES, Difference
from valex_local.evaluation.figures import Estimate, Figure, Share
from valex_local.evaluation.results import Evaluation, UncountedTexts
from valex_local.records import Part, Text
from valex_local.schwartz import State, Value


class Measures(Part):
    """What one script of a post holds.

    Attributes
    ----------
    speech_kept : float or None
        Share of the words heard that its speech has in the same order.
    speech_added : float or None
        Share of the words of its speech that were not heard there.
    text_kept : float or None
        Share of the screen texts read that it has, those aside that repeat speech.
    text_added : float or None
        Share of its screen texts that were not read.
    text_words_added : float or None
        Share of the words of its screen texts that were not read: those of added texts that no text read has.
    order_in_time : float or None
        Kendall's tau of its order and the times at which its lines were heard and read.
    speakers, telling_speakers : int, float or None
        Distinct names, and the share of them that say more than ``SPEAKER``.
    speech_lines, speech_words, text_lines, action_words, headings : int
        What there is of each.
    actions_match : float or None
        Mean percentile of its action lines beside lines by chance, where there is a grounding record of it.
    keyframes_spoken : float or None
        Share of the keyframes that it speaks of, by that record.
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


class Shared(Part):
    """What the two scripts of a post have in common.

    Attributes
    ----------
    speech_shared : float or None
        Share of the words of speech of both that stand in both in one order.
    text_shared : float or None
        Share of the screen texts of both that stand in both.
    order : float or None
        Kendall's tau of the lines of speech and screen text that stand in both.
    matched_lines : int
        Number of those lines.
    similarity : float or None
        Cosine of the two scripts' vectors by a sentence encoder.
    """

    speech_shared: Share | None = None
    text_shared: Share | None = None
    order: Figure | None = None
    matched_lines: int
    similarity: Figure | None = None


class Change(Part):
    """A value that has one state by the first script and another by the second."""

    value: Value
    first: State
    second: State


class PostLabels(Part):
    """The labels of the two scripts of a post by one route.

    `agreeing` is the share of the `assessed` values, of which both say something, that have one state by both.
    """

    route: str
    assessed: int
    agreeing: Share | None
    changes: tuple[Change, ...]


class PostComparison(Part):
    """The two scripts of one post. `missing` says what of its evidence is not known."""

    post: Text
    author: Text | None = None
    first: Measures
    second: Measures
    shared: Shared
    labels: tuple[PostLabels, ...] = ()
    missing: tuple[Text, ...] = ()


class FigureRow(Part):
    """A figure of each script: means over the posts that have it for both, and first minus second."""

    name: str
    posts: int
    first: Estimate | None = None
    second: Estimate | None = None
    difference: Difference | None = None


class SharedRow(Part):
    """A figure of both scripts together: its mean over the posts that have it."""

    name: str
    posts: int
    mean: Estimate | None = None


class ChangeCount(Part):
    """How many posts have a value in one state by the first script and in another by the second."""

    value: Value
    first: State
    second: State
    posts: int


class RouteComparison(Part):
    """What a route makes of the two scripts.

    Attributes
    ----------
    posts : int
        Posts that the route labels by both scripts.
    agreeing : Estimate or None
        Mean over posts of the share of values that have one state by both.
    agreement : Agreement or None
        Agreement by value; None where its libraries are not installed.
    changes : tuple of ChangeCount
        The states that differ, in circle order.
    """

    route: str
    posts: int
    agreeing: Estimate | None = None
    agreement: Agreement | None = None
    changes: tuple[ChangeCount, ...] = ()


class Comparison(Part):
    """Everything that was found out.

    Attributes
    ----------
    first, second : str
        The variants.
    posts : tuple of PostComparison
        The posts that have both.
    rows, shared : tuple of FigureRow, tuple of SharedRow
        Figures over these posts.
    routes : tuple of RouteComparison
        What becomes of the labels, for every route that labels both.
    gold : Evaluation or None
        Both scripts' labels against gold labels, where there are any.
    left_out : tuple of UncountedTexts
        Posts that are not compared, or not in every respect, and why.
    groups, grouped_by
        Groups that were resampled and what they are; None where single posts were.
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
    notices: tuple[Text, ...] = ()

    def to_json(self) -> str:
        """Return the comparison as indented JSON that ends in a newline."""
        return self.model_dump_json(indent=1) + "\n"
