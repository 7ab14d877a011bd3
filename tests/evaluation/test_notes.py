"""Notes on figures that could fool: perfect baselines, and averages that rest on single texts."""

import numpy as np

from tests.evaluation.made import matrix, noisy
from valex_local.evaluation.evaluate import EvaluatedRoute, evaluate
from valex_local.evaluation.notes import notes


def evaluated(holds):
    gold = matrix(holds)
    route = EvaluatedRoute("good", (noisy(gold, 3, 0),))
    return notes(evaluate(gold, [route], min_support=1, resamples=0))


def test_a_perfect_baseline_and_few_labels_are_flagged():
    holds = np.full((30, 19, 2), np.nan)
    holds[:, :, 1] = 0
    holds[:3, 0, 0] = 1
    holds[:9, 1, 0] = 1
    said = " ".join(evaluated(holds))
    assert "a baseline with F1 1.00" in said
    assert "--blank absent" in said
    assert "present: fewer than 5 gold labels for" in said
    assert "(3), but" in said
    assert "(9)" not in said


def test_ordinary_labels_are_not_flagged():
    holds = np.zeros((30, 19, 2))
    holds[:9, :, 0] = 1
    holds[10:19, :, 1] = 1
    said = " ".join(evaluated(holds))
    assert "F1 1.00" not in said
    assert "fewer than 5" not in said
