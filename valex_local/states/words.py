"""What readers are told about states: how they were drawn, and what to make of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from valex_local.files.text import counted
from valex_local.records import Calibration, Labels
from valex_local.schwartz import State
from valex_local.states.cutoffs import CAUTIOUS, RELATIVE_FROM, common


@dataclass(frozen=True)
class StateSummary:
    """How the states of one set of labels were drawn, over all posts that have them.

    Attributes
    ----------
    calibration : Calibration
        The calibration in force.
    model, domain : str
        The label model, and the kind of text that it was made for.
    posts : int
        Number of posts with these labels.
    called : float
        Mean number of values per post that are present or conflicted.
    """

    calibration: Calibration
    model: str
    domain: str
    posts: int
    called: float

    @classmethod
    def of(cls, calibration: Calibration, labels: Sequence[Labels]) -> Self:
        """Return the summary of the labels of one set with the calibration that drew their states.

        Parameters
        ----------
        calibration : Calibration
            The calibration.
        labels : sequence of Labels
            The labels, at least one and each with values.
        """
        source = labels[0].source
        called = sum(map(_called, labels)) / len(labels)
        return cls(calibration, source.model, source.domain, len(labels), called)

    @property
    def validated(self) -> bool:
        """Whether the states were validated on gold labels of the study."""
        return self.calibration.kind == "validated"

    @property
    def basis(self) -> str:
        """Say how states were drawn, as the end of a sentence that begins with "A value is called present"."""
        found = self.calibration
        if found.kind == "validated":
            return (
                f"by cut-offs that were fitted to the gold labels of {counted(len(found.posts), 'post')} of this study"
            )
        if found.kind == "relative":
            return (
                f"where its probability stands out among {counted(len(found.posts), 'post')} of this study "
                f"(drawn on {found.drawn})"
            )
        if found.kind == "cautious":
            return f"from a probability of {CAUTIOUS} on"
        if found.kind == "own domain":
            return "from the threshold of the model on"
        return "where the language model said so"

    def sentences(self) -> Iterator[str]:
        """Yield what a reader must know, most important first."""
        if not self.validated:
            yield "These states have not been validated on this study."
        yield f"The model {self.model} was made for {self.domain}."
        yield f"A value is called present {self.basis}: {self.called:.1f} values per post."
        if self.added > 0:
            yield f"{counted(self.added, 'post')} came later; renew with: valex calibrate --relative."
        for cutoff in common(self.calibration):
            yield (
                f"{cutoff.value} is {cutoff.polarity} in much of this study (mean probability "
                f"{cutoff.mean:.2f}): that a post has it is only said where it stands out."
            )
        if not self.validated:
            yield f"To validate them, label {RELATIVE_FROM} posts by hand, then run valex evaluate and valex calibrate."

    @property
    def added(self) -> int:
        """Number of posts that were labelled after relative cut-offs were drawn."""
        return self.posts - len(self.calibration.posts) if self.calibration.kind == "relative" else 0


def _called(labels: Labels) -> int:
    return sum(label.state in (State.PRESENT, State.CONFLICTED) for label in labels.values)
