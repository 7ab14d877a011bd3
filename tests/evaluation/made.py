"""Made-up labels with the counts of the paper's sheet, and routes of a known quality."""

import numpy as np

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.evaluation.evaluate import EvaluatedRoute
from valex_local.schwartz import CIRCLE, Value

ITEMS = 888

# Present (dominant included) and conflicted of the released sheet, as the paper's table gives them.
COUNTS = {
    Value.SELF_DIRECTION_THOUGHT: (196, 12),
    Value.SELF_DIRECTION_ACTION: (227, 24),
    Value.STIMULATION: (224, 3),
    Value.HEDONISM: (154, 6),
    Value.ACHIEVEMENT: (306, 19),
    Value.POWER_RESOURCES: (178, 9),
    Value.POWER_DOMINANCE: (164, 45),
    Value.FACE: (73, 89),
    Value.SECURITY_PERSONAL: (83, 88),
    Value.SECURITY_SOCIETAL: (2, 9),
    Value.CONFORMITY_RULES: (13, 14),
    Value.CONFORMITY_INTERPERSONAL: (86, 125),
    Value.TRADITION: (31, 4),
    Value.HUMILITY: (55, 218),
    Value.BENEVOLENCE_DEPENDABILITY: (139, 41),
    Value.BENEVOLENCE_CARING: (186, 112),
    Value.UNIVERSALISM_CONCERN: (1, 0),
    Value.UNIVERSALISM_NATURE: (9, 1),
    Value.UNIVERSALISM_TOLERANCE: (5, 1),
}


def names(count=ITEMS):
    return tuple(f"user{i % 91}_{7300000000000000000 + i}" for i in range(count))


def matrix(holds, probabilities=None, ids=None):
    holds = np.asarray(holds, dtype=float)
    made = LabelMatrix.empty(ids or names(len(holds)))
    made.labels[:] = holds
    if probabilities is not None:
        made.probabilities[:] = probabilities
    return made


def paper_gold(seed=0):
    """Labels with exactly the paper's counts; no text shows a value as present and as conflicted."""
    generator = np.random.default_rng(seed)
    holds = np.zeros((ITEMS, len(CIRCLE), 2))
    for column, value in enumerate(CIRCLE):
        present, conflicted = COUNTS[value]
        order = generator.permutation(ITEMS)
        holds[order[:present], column, 0] = 1
        holds[order[present : present + conflicted], column, 1] = 1
    return matrix(holds)


def noisy(gold, signal, seed, *, polarities=(0, 1)):
    """A route whose probabilities follow the labels as strongly as `signal` says (0: not at all)."""
    generator = np.random.default_rng(seed)
    share = np.nan_to_num(gold.labels).mean(axis=0)
    logit = np.log((share + 0.01) / (1 - share)) + generator.normal(size=gold.labels.shape)
    probabilities = 1 / (1 + np.exp(-(logit + signal * (np.nan_to_num(gold.labels) - share))))
    holds = np.zeros_like(probabilities)
    for v, p in np.ndindex(*share.shape):
        holds[:, v, p] = probabilities[:, v, p] > np.quantile(probabilities[:, v, p], 1 - share[v, p])
    silent = [p for p in (0, 1) if p not in polarities]
    holds[..., silent] = probabilities[..., silent] = np.nan
    return matrix(holds, probabilities, gold.ids)


def route(name, *runs, baseline=False):
    return EvaluatedRoute(name, tuple(runs), baseline=baseline)
