"""States of values: which probability counts as present or conflicted, in one place for everything that reads labels.

A label record holds what a model found. Whether a value is called present is a claim about a study, and a cut-off that
is right for the texts of a model's training need not be right for others. A `valex_local.records.Calibration` holds the
cut-offs of one set of labels. There are five kinds:

own domain   the thresholds of the model, where the study's texts are of the kind that the model was trained on
relative     a value stands out among the study's own posts; for studies of `RELATIVE_FROM` posts or more
cautious     a probability of `CAUTIOUS` or more; for smaller studies
validated    calibrated on gold labels of the study
answer       the answers of a language model, as it gave them
"""

from __future__ import annotations

from valex_local.states.cutoffs import CAUTIOUS, RELATIVE_FROM, cautious, common, own_domain, relative
from valex_local.states.digits import cutoffs_in_digits, with_cutoff
from valex_local.states.draw import Unvalidated, as_answered, choose, draw, is_answer, is_for
from valex_local.states.evidence import about_evidence, shown_evidence
from valex_local.states.words import (
    Banner,
    StateSummary,
    Unit,
    advice,
    kind_of_states,
    kind_of_value,
    to_do,
    values_not_validated,
)

__all__ = [
    "CAUTIOUS",
    "RELATIVE_FROM",
    "Banner",
    "StateSummary",
    "Unit",
    "Unvalidated",
    "about_evidence",
    "advice",
    "as_answered",
    "cautious",
    "choose",
    "common",
    "cutoffs_in_digits",
    "draw",
    "is_answer",
    "is_for",
    "kind_of_states",
    "kind_of_value",
    "own_domain",
    "relative",
    "shown_evidence",
    "to_do",
    "values_not_validated",
    "with_cutoff",
]
