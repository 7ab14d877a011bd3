"""Label sheets and texts for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.schwartz import CIRCLE, Value

N1, N2, N3 = "7301234567890123456", "7301234567890123457", "7301234567890123458"
"""TikTok numbers."""

AUTHORS_HEAD = [
    "Self_Direction_Thought", "Self_Direction_Action", "Stimulation", "Hedonism", "Achievement", "Power_Resources",
    "Power_dominance", "Face", "Security_Personal", "Security_Social", "Conformity_Rules", "Conformity_Interpersonal",
    "Tradition", "Humility", "Benevolence_Dependability", "Benevolence_Care", "Universalism_Concern",
    "Universalism_Nature", "Universalism_Tolerance",
]  # fmt: skip
"""The values as the authors' sheet names and orders them."""


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return path


def place(value: Value) -> int:
    return CIRCLE.index(value)


def holds(matrix: LabelMatrix, name: str, value: Value) -> tuple[float, float]:
    present, conflicted = matrix.labels[matrix.ids.index(name), place(value)]
    return float(present), float(conflicted)


def matrix(**labels: dict[Value, tuple[float, float]]) -> LabelMatrix:
    """Return a matrix with the labels given, (present, conflicted) by text and value."""
    made = LabelMatrix.empty(labels)
    for row, values in enumerate(labels.values()):
        for value, pair in values.items():
            made.labels[row, place(value)] = pair
    return made


def equal(one: LabelMatrix, other: LabelMatrix) -> bool:
    return one.ids == other.ids and all(
        np.array_equal(a, b, equal_nan=True)
        for a, b in (
            (one.labels, other.labels),
            (one.probabilities, other.probabilities),
            (one.dominant, other.dominant),
        )
    )


@st.composite
def any_matrix(draw: st.DrawFn, ids: st.SearchStrategy[list[str]]) -> LabelMatrix:
    """Draw matrices of every kind: each polarity assessed or not, with a probability or without."""
    made = LabelMatrix.empty(draw(ids))
    seed = draw(st.integers(0, 2**32 - 1))
    scored = draw(st.sampled_from([0.0, 0.5, 1.0]))
    random = np.random.default_rng(seed)
    made.labels[:] = random.choice([0.0, 1.0, np.nan], made.labels.shape)
    probabilities = random.choice([0.0, 1.0, 0.12345678, 0.5, 1e-6], made.labels.shape)
    made.probabilities[:] = np.where(random.random(made.labels.shape) < scored, probabilities, np.nan)
    made.probabilities[np.isnan(made.labels)] = np.nan
    made.dominant[:] = (random.random(made.dominant.shape) < 0.3) & (made.labels[..., 0] == 1)
    return made
