"""Results of an evaluation as records, from which its tables, JSON and CSV are made."""

from __future__ import annotations

from valex_local.evaluation.agreement import Agreement
from valex_local.evaluation.bootstrap import RESAMPLES, Difference
from valex_local.evaluation.calibration import CalibrationFigures
from valex_local.evaluation.circle import BySupport, Confusion
from valex_local.evaluation.figures import Averages, ValueFigures
from valex_local.evaluation.support import MIN_SUPPORT
from valex_local.records import Part
from valex_local.schwartz import Polarity, Value


class RareValue(Part):
    """A value with too few gold positives for the averages."""

    value: Value
    support: int


class PolarityFigures(Part):
    """The figures of a route in one polarity.

    Attributes
    ----------
    averages : Averages or None
        None if the route assesses no value with enough support.
    values : tuple of ValueFigures
        The values that the route assesses, in the order of the circle.
    not_assessed : tuple of Value
        Values with enough support that the route does not assess, and that are not in its averages.
    unanswered : int
        Labels of single texts that the gold labels have and the route does not, among the values that it assesses.
    """

    polarity: Polarity
    averages: Averages | None
    values: tuple[ValueFigures, ...]
    not_assessed: tuple[Value, ...]
    unanswered: int
    calibration: CalibrationFigures | None
    confusion: tuple[Confusion, ...]
    by_support: BySupport


class RouteFigures(Part):
    """The figures of a route, averaged over its `runs`."""

    name: str
    baseline: bool
    runs: int
    about: str | None
    polarities: tuple[PolarityFigures, ...]

    def of(self, polarity: Polarity) -> PolarityFigures:
        """Return the figures of a polarity."""
        return self.polarities[list(Polarity).index(polarity)]


class Missing(Part):
    """A row of the table without figures, and why."""

    name: str
    why: str


class PairedDifference(Part):
    """The difference of `first` minus `second` in one polarity, on the items and values that both assess."""

    first: str
    second: str
    polarity: Polarity
    values: int
    weighted_f1: Difference
    macro_f1: Difference
    touche_f1: Difference


class UncountedTexts(Part):
    """Texts that are not counted, and why."""

    why: str
    texts: tuple[str, ...]


class Shrinking(Part):
    """The label sets that leave the fewest texts in common.

    Attributes
    ----------
    sets : tuple of str
        Their names, that with the fewest texts first.
    texts : tuple of int
        The texts with gold labels that each covers.
    gold : int
        The texts with gold labels.
    without : int
        The texts that would be in common without these sets.
    how : str
        What to add to the command, or to take from it, to leave them out.
    """

    sets: tuple[str, ...]
    texts: tuple[int, ...]
    gold: int
    without: int
    how: str


class PolaritySupport(Part):
    """The values in the averages of one polarity, and those that are too rare for them."""

    polarity: Polarity
    values: tuple[Value, ...]
    rare: tuple[RareValue, ...]


class Evaluation(Part):
    """All results of an evaluation.

    Attributes
    ----------
    items : int
        Number of texts: those that the gold labels and every route assess, so that all rows are about the same texts.
    groups : int or None
        Number of groups that were resampled; None if single texts were.
    grouped_by : str or None
        What the groups are.
    min_support : int
        Gold positives that a value needs to count in the averages of a polarity.
    min_support_given : str or None
        The same as it was given, if it was a share of the texts: ``"5%"``.
    shrinking : Shrinking or None
        The label sets without which more texts would be in common.
    own : tuple of Evaluation
        If there are such sets: each route alone, on all texts that it covers.
    also : tuple of Evaluation
        The same texts and routes, with averages over the values with another support.
    """

    items: int = 0
    groups: int | None = None
    grouped_by: str | None = None
    min_support: int = MIN_SUPPORT
    min_support_given: str | None = None
    resamples: int = RESAMPLES
    seed: int = 0
    support: tuple[PolaritySupport, ...] = ()
    routes: tuple[RouteFigures, ...] = ()
    missing: tuple[Missing, ...] = ()
    pairs: tuple[PairedDifference, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    left_out: tuple[UncountedTexts, ...] = ()
    shrinking: Shrinking | None = None
    own: tuple[Evaluation, ...] = ()
    also: tuple[Evaluation, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def support_words(self) -> str:
        """The support that a value needs, for readers: ``support of 45 or more, 5 % of the texts``."""
        share = self.min_support_given
        of_texts = "" if share is None else f", {share.removesuffix('%')} % of the texts"
        return f"support of {self.min_support:,} or more{of_texts}"

    def to_json(self) -> str:
        """Return the evaluation as indented JSON that ends in a newline."""
        return self.model_dump_json(indent=1) + "\n"
