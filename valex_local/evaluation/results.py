"""Results of an evaluation as records, from which its tables, JSON and CSV are made."""

from __future__ import annotations

from valex_local.evaluation.agreement import Agreement
from valex_local.evaluation.bootstrap import RESAMPLES, Difference
from valex_local.evaluation.calibration import CalibrationFigures
from valex_local.evaluation.circle import BySupport, Confusion
from valex_local.evaluation.figures import MIN_SUPPORT, Averages, ValueFigures
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
    """

    items: int = 0
    groups: int | None = None
    grouped_by: str | None = None
    min_support: int = MIN_SUPPORT
    resamples: int = RESAMPLES
    seed: int = 0
    support: tuple[PolaritySupport, ...] = ()
    routes: tuple[RouteFigures, ...] = ()
    missing: tuple[Missing, ...] = ()
    pairs: tuple[PairedDifference, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    left_out: tuple[UncountedTexts, ...] = ()
    notices: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the evaluation as indented JSON that ends in a newline."""
        return self.model_dump_json(indent=1) + "\n"
