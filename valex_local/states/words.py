"""What readers are told about states: how they were drawn, and what to make of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from valex_local.files.text import counted
from valex_local.records import Calibration, Labels, LabelSource
from valex_local.schwartz import CIRCLE, Polarity, State, Value
from valex_local.states.cutoffs import CAUTIOUS, RELATIVE_FROM, common

Unit = Literal["post", "text"]
"""What was labelled: the posts of a study, or texts without one."""


def advice(unit: Unit = "post") -> str:
    """Return what to do with states that are not validated, and what to do about it."""
    return (
        f"Use these states to find {unit}s worth a look; do not report in how many {unit}s a value is present. To be "
        f"able to report it: (1) choose {RELATIVE_FROM} {unit}s or more at random, and label them by hand, in a table "
        "or with valex export labelstudio; (2) valex evaluate says how often the states are right; (3) valex calibrate "
        "fits the cut-offs to your labels."
    )


_MORE = (
    "In how many posts a validated value is present may be reported, together with its figures from valex calibrate; "
    "do not report it of a value that is not validated. To validate more values, label more posts, chosen at random, "
    "until enough of them show these values, and run valex calibrate again."
)


def kind_of_states(calibration: Calibration, unit: Unit = "post") -> str:
    """Return how states were drawn and whether they are validated, in a few words that start with the kind."""
    return _drawn(calibration, unit) + ("" if calibration.kind == "validated" else "; not validated")


def not_validated(calibration: Calibration) -> tuple[str, ...]:
    """Return the values of a validated calibration that gold labels did not suffice for, each with its polarity."""
    found = (cutoff for cutoff in calibration.cutoffs if calibration.kind == "validated" and cutoff.support is None)
    return tuple(f"{cutoff.value} ({cutoff.polarity})" for cutoff in found)


def values_not_validated(calibration: Calibration) -> frozenset[Value]:
    """Return the values of a validated calibration that gold labels did not suffice for, in either polarity."""
    return frozenset(value for value in CIRCLE if kind_of_value(calibration, value) == "not validated")


def kind_of_value(calibration: Calibration, value: Value) -> str:
    """Return how the state of one value was drawn; ``not validated`` if gold labels did not suffice for it."""
    supports = [cutoff.support for cutoff in calibration.cutoffs if cutoff.value == value]
    lacking = not supports or None in supports
    return "not validated" if calibration.kind == "validated" and lacking else calibration.kind


def _lacking(calibration: Calibration) -> str:
    """Return the values of `not_validated` by polarity, or nothing."""
    values: dict[Polarity, list[str]] = {}
    for cutoff in calibration.cutoffs if not_validated(calibration) else ():
        if cutoff.support is None:
            values.setdefault(cutoff.polarity, []).append(cutoff.value)
    return "; ".join(f"{', '.join(names)} ({polarity})" for polarity, names in values.items())


def _drawn(calibration: Calibration, unit: Unit) -> str:
    posts = counted(len(calibration.posts), unit) + (" of this study" if unit == "post" else "")
    left = len(not_validated(calibration))
    posts += f", except {left} of {len(calibration.cutoffs)} cut-offs" if left else ""
    return {
        "validated": f"validated on {posts}",
        "relative": f"relative, where a value stands out among {posts}",
        "cautious": f"cautious, from a probability of {CAUTIOUS} on",
        "own domain": "own domain, from the thresholds of the model on",
        "answer": "answer, as the language model gave it",
    }[calibration.kind]


@dataclass(frozen=True)
class StateSummary:
    """How the states of one set of labels were drawn, over all posts that have them.

    Attributes
    ----------
    calibration : Calibration
        The calibration in force.
    source : LabelSource
        The label model.
    posts : int
        Number of posts with labels of this model.
    called : float
        Mean number of values per post that are present or conflicted.
    added : int
        Number of posts that were labelled after relative cut-offs were drawn.
    others : int
        Number of posts whose labels are by another model, so that their states are drawn differently.
    unit : {"post", "text"}
        What was labelled.
    """

    calibration: Calibration
    source: LabelSource
    posts: int
    called: float
    added: int = 0
    others: int = 0
    unit: Unit = "post"

    @classmethod
    def of(cls, labels: Iterable[tuple[str, Labels]], *, unit: Unit = "post") -> Self:
        """Return the summary of one set of labels, whose states are drawn.

        Parameters
        ----------
        labels : iterable of (str, Labels)
            Posts with their labels, at least one. If they are by several models, the summary is of the one with most.
        unit : {"post", "text"}
            What was labelled.
        """
        found: dict[str, _Tally] = {}
        for post, record in labels:
            if record.calibration is not None:
                tally = found.setdefault(record.model, _Tally(record.source, record.calibration))
                tally.add(post, record)
        first = max(found.values(), key=lambda tally: (tally.posts, tally.source.model))
        others = sum(tally.posts for tally in found.values()) - first.posts
        called = first.called / first.posts
        return cls(first.calibration, first.source, first.posts, called, first.added, others, unit)

    @property
    def validated(self) -> bool:
        """Whether the states were validated on gold labels of the study."""
        return self.calibration.kind == "validated"

    @property
    def kind(self) -> str:
        """Return how states were drawn, in a few words."""
        return kind_of_states(self.calibration, self.unit)

    @property
    def line(self) -> str:
        """Return the summary in one line."""
        source = self.source
        parts = [self.kind, f"{self.called:.1f} values called per {self.unit}"]
        parts += [f"by {source.model}, made for {source.domain}"]
        return "; ".join([*parts, *self.changes()])

    def changes(self) -> Iterator[str]:
        """Yield what changed since the cut-offs were drawn, and what is doubtful about them."""
        if self.added:
            which = f"{counted(self.added, self.unit)} added since the cut-offs were drawn"
            yield f"{which} (to include them: valex calibrate --relative)"
        if self.others:
            yield f"{counted(self.others, self.unit)} labelled by another model, with its own states"
        # Which values are not validated is said in full elsewhere.
        yield from (notice.text for notice in self.calibration.notices if notice.code != "values-not-validated")

    def sentences(self) -> Iterator[str]:
        """Yield what a reader must know, most important first."""
        found = Banner.of({"": self})
        yield from (f"States: {self.line}",) if found is None else found.lines()


def to_do(summaries: Mapping[str, StateSummary]) -> list[str]:
    """Return what to do about states that are not validated, and about single values that are not.

    Parameters
    ----------
    summaries : mapping of str to StateSummary
        The sets of labels by the name that readers see. A single one is not named.
    """
    partly = {name: values for name, found in summaries.items() if (values := _lacking(found.calibration))}
    lines = [
        f"Not validated{f' in {name}' if len(summaries) > 1 else ''}: {values}." for name, values in partly.items()
    ]
    if not all(summary.validated for summary in summaries.values()):
        return [*lines, advice()]
    return [*lines, _MORE] if partly else []


@dataclass(frozen=True)
class Banner:
    """What readers of states that are not validated must know.

    Attributes
    ----------
    title : str
        The warning.
    sets : tuple of (str, str)
        The name of each set of labels and what it is, briefly.
    remarks : tuple of str
        What the states mean and may be used for, and what they hide.
    advice : str
        What to do.
    """

    title: str
    sets: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    advice: str

    @classmethod
    def of(cls, summaries: Mapping[str, StateSummary]) -> Self | None:
        """Return the banner about all sets of labels that are not validated; None if there is none.

        Parameters
        ----------
        summaries : mapping of str to StateSummary
            The sets of labels by the name that readers see. A single one is not named.
        """
        named = [(name if len(summaries) > 1 else "", summary) for name, summary in summaries.items()]
        lacking = [(name, found) for name, found in named if not found.validated or not_validated(found.calibration)]
        if not lacking:
            return None
        unit = lacking[0][1].unit
        sets = tuple((name, _brief(summary)) for name, summary in lacking)
        remarks = [*(_meaning(summary) for _, summary in lacking), *(_hidden(found, name) for name, found in lacking)]
        meanings = tuple(dict.fromkeys(filter(None, remarks)))
        if all(summary.validated for _, summary in lacking):
            return cls("Some values are not validated: too few gold labels show them", sets, meanings, _MORE)
        which = "Some" if any(summary.validated for _, summary in named) else "These"
        title = f"{which} states are not validated: nobody has checked them by hand on {_place(unit)}"
        return cls(title, sets, meanings, advice(unit))

    def lines(self) -> Iterator[str]:
        """Yield the banner as lines of text."""
        yield f"{self.title}."
        yield from (f"{name}: {what}." if name else f"{what}." for name, what in self.sets)
        yield from (*self.remarks, self.advice)


@dataclass
class _Tally:
    """Counts over the labels of one model."""

    source: LabelSource
    calibration: Calibration
    posts: int = 0
    called: int = 0
    added: int = 0
    _drawn_from: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._drawn_from = frozenset(self.calibration.posts)

    def add(self, post: str, labels: Labels) -> None:
        self.posts += 1
        self.called += sum(label.state in (State.PRESENT, State.CONFLICTED) for label in labels.values)
        self.added += self.calibration.kind == "relative" and post not in self._drawn_from


def _place(unit: Unit) -> str:
    return "this study" if unit == "post" else "these texts"


def _brief(summary: StateSummary) -> str:
    source = summary.source
    what = "baseline" if source.baseline else "model"
    made = f"{source.model}, a {what} made for {source.domain}, gave each value a probability"
    called = f"on average {summary.called:.1f} values per {summary.unit} are called"
    return "; ".join([f"{made}. States are {_drawn(summary.calibration, summary.unit)}", called, *summary.changes()])


def _meaning(summary: StateSummary) -> str:
    """Return what "present" means by a kind of states, and why that is no count; of validated ones what is not."""
    unit, place, found = summary.unit, _place(summary.unit), summary.calibration
    if found.kind == "validated":
        return f"Not validated: {_lacking(found)}."
    if found.kind == "relative":
        others = f"the other {unit}s" + (f" of {place}" if unit == "post" else "")
        return (
            f'"Present" means that a value stands out in a {unit}, compared with {others}: its '
            f'probability is far above the usual one for this value (cut-offs drawn on {found.drawn}). "Absent" '
            "means below that cut-off: the value may still be there. The cut-offs are set so that few "
            f"{unit}s stand out, for a rare value as for a common one, so counts do not tell how common a value is."
        )
    if found.kind == "cautious":
        return (
            f'"Present" means a probability of {CAUTIOUS} or more, for every value. How often that is right for these '
            f"{unit}s is not known."
        )
    if found.kind == "own domain":
        return (
            '"Present" means a probability above the threshold of the model, which was chosen on '
            f"{summary.source.domain}. How often that is right for these {unit}s is not known, the less so if they are "
            "of another kind."
        )
    return f'"Present" means that the language model said so. How often that is right for these {unit}s is not known.'


def _hidden(summary: StateSummary, name: str) -> str:
    """Return a sentence about the values that are too common to stand out."""
    found = sorted(common(summary.calibration), key=lambda cutoff: -(cutoff.mean or 0))
    if not found:
        return ""
    where = f"{_place(summary.unit)}, by {name}" if name else _place(summary.unit)
    values = ", ".join(f"{cutoff.value} ({cutoff.polarity}, mean probability {cutoff.mean:.2f})" for cutoff in found)
    return f"Seem common in {where}, so most {summary.unit}s that have them are marked absent: {values}."
