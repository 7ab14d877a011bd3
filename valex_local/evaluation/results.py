"""What an evaluation finds out, as records: what its tables, its JSON and its CSV are made of."""

from __future__ import annotations

from valex_local.evaluation.agreement import Agreement
from valex_local.evaluation.bootstrap import RESAMPLES, Difference
from valex_local.evaluation.calibration import CalibrationFigures
from valex_local.evaluation.circle import BySupport, Confusion
from valex_local.evaluation.figures import MIN_SUPPORT, Averages, ValueFigures
from valex_local.records import Part
from valex_local.schwartz import Polarity, Value


class RareValue(Part):
    """A value with too few gold positives to count in the averages."""

    value: Value
    support: int


class PolarityFigures(Part):
    """What a route reached in one polarity.

    Attributes
    ----------
    averages : Averages or None
        None where the route assesses no value with enough support.
    values : tuple of ValueFigures
        The values that the route assesses, in circle order.
    not_assessed : tuple of Value
        Values with enough support that the route does not assess: they are in none of its averages.
    unanswered : int
        Items times values of which the gold labels speak and the route does not, among the values that it assesses.
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
    """What a route reached. Figures are means over its `runs`."""

    name: str
    baseline: bool
    runs: int
    about: str | None
    polarities: tuple[PolarityFigures, ...]

    def of(self, polarity: Polarity) -> PolarityFigures:
        """Return the figures of a polarity."""
        return self.polarities[list(Polarity).index(polarity)]


class Missing(Part):
    """A row that should stand in the table and does not, and why."""

    name: str
    why: str


class PairedDifference(Part):
    """How much `first` exceeds `second` in one polarity, on the items and values that both assess."""

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
    """What the gold labels hold of one polarity: values that are averaged over, and those seen too rarely."""

    polarity: Polarity
    values: tuple[Value, ...]
    rare: tuple[RareValue, ...]


class Evaluation(Part):
    """Everything that was found out.

    Attributes
    ----------
    items : int
        Texts counted: those of which the gold labels and every route speak, so that all rows tell of the same texts.
    groups : int or None
        Groups that were resampled; None where single texts were.
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
