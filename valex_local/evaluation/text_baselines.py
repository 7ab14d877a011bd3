"""Make the baselines that need the texts, where no model directory contains them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.texts import Text
from valex_local.errors import InputError
from valex_local.evaluation.baselines import FOLDS, Dictionary, TfIdf, out_of_fold
from valex_local.evaluation.evaluate import EvaluatedRoute
from valex_local.evaluation.figures import all_assess, support
from valex_local.evaluation.results import Missing

ENGLISH = "en"
NEED_TEXTS = (Dictionary.name, TfIdf.name)

FEWEST_GROUPS = 3
"""Minimum number of groups for TF-IDF: one to test on, one to train on, one to tune the thresholds on."""


def make_baselines(
    names: Sequence[str],
    texts: Sequence[Text],
    gold: LabelMatrix,
    groups: Mapping[str, str] | None,
    *,
    min_support: int,
    seed: int,
) -> Iterator[EvaluatedRoute | Missing]:
    """Yield the labels of baselines, or why one cannot be made.

    Parameters
    ----------
    names : sequence of str
        The baselines, out of `NEED_TEXTS`.
    texts : sequence of Text, (N,)
        The texts, under the ids of their labels.
    gold : LabelMatrix, (N,)
        The labels of these texts.
    groups : mapping of str to str or None
        The group of each text; folds keep groups whole.
    min_support : int
        Gold positives that a value needs to be learnt.
    seed : int
        Seed of the folds.

    Yields
    ------
    EvaluatedRoute or Missing
        One for each name, in order.
    """
    for name in names:
        yield _dictionary(texts) if name == Dictionary.name else _tfidf(texts, gold, groups, min_support, seed)


def _dictionary(texts: Sequence[Text]) -> EvaluatedRoute | Missing:
    """Return labels of each text by the dictionary for its language, English if that is unknown."""
    ids = tuple(text.id for text in texts)
    matrix = LabelMatrix.empty(ids)
    languages = [text.language or ENGLISH for text in texts]
    for language in dict.fromkeys(languages):
        rows = [row for row, each in enumerate(languages) if each == language]
        try:
            baseline = Dictionary(language)
        except InputError as error:
            return Missing(name=Dictionary.name, why=f"{error.what}, the language of {len(rows)} texts")
        matrix.labels[rows] = baseline.predict([texts[row].text for row in rows], [ids[row] for row in rows]).labels
    unknown = sum(text.language is None for text in texts)
    about = f"English is assumed for {unknown:,} texts whose language is unknown" if unknown else None
    return EvaluatedRoute(Dictionary.name, (matrix,), baseline=True, about=about)


def _tfidf(
    texts: Sequence[Text], gold: LabelMatrix, groups: Mapping[str, str] | None, min_support: int, seed: int
) -> EvaluatedRoute | Missing:
    """Return labels of each text by a model trained on the texts of other groups."""
    from valex_local.corpus.folds import grouped_folds

    # In brackets and with a line break, which no group contains: the id of a text may equal the name of a group.
    grouped = [(groups or {}).get(text.id, f"({text.id})\n") for text in texts]
    if len(set(grouped)) < FEWEST_GROUPS:
        return Missing(name=TfIdf.name, why=f"it needs at least {FEWEST_GROUPS} groups to train, tune and test on")
    folds = min(FOLDS, len(set(grouped)))
    rare = support(gold.labels, all_assess(gold.labels)) < min_support
    learnt = LabelMatrix(gold.ids, np.where(rare, np.nan, gold.labels), gold.probabilities, gold.dominant)
    fold = grouped_folds(learnt.labels.reshape(len(gold), -1), grouped, folds=folds, seed=seed)
    predicted = out_of_fold(TfIdf, [text.text for text in texts], learnt, grouped, fold)
    return EvaluatedRoute(TfIdf.name, (predicted,), baseline=True, about=f"out of fold, {folds} folds")
