"""The baselines that need the texts, made where no model directory brings them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.texts import Text
from valex_local.errors import InputError
from valex_local.evaluation.baselines import FOLDS, Dictionary, TfIdf, out_of_fold
from valex_local.evaluation.evaluate import EvaluatedRoute
from valex_local.evaluation.figures import spoken, support
from valex_local.evaluation.results import Missing

ENGLISH = "en"
NEED_TEXTS = (Dictionary.name, TfIdf.name)

FEWEST_GROUPS = 3
"""Groups for TF-IDF: one is judged, one is learnt from, one shows where the thresholds must be."""


def make_baselines(
    names: Sequence[str],
    texts: Sequence[Text],
    gold: LabelMatrix,
    groups: Mapping[str, str] | None,
    *,
    min_support: int,
    seed: int,
) -> Iterator[EvaluatedRoute | Missing]:
    """Yield baselines of texts, or why they cannot be made.

    Parameters
    ----------
    names : sequence of str
        Which, of `NEED_TEXTS`.
    texts : sequence of Text, (N,)
        The texts, under the ids of their labels.
    gold : LabelMatrix, (N,)
        The labels of these texts.
    groups : mapping of str to str, optional
        The group of each text; folds never part one.
    min_support : int
        Gold positives with which a label is learnt.
    seed : int
        Of the folds.
    """
    for name in names:
        yield _dictionary(texts) if name == Dictionary.name else _tfidf(texts, gold, groups, min_support, seed)


def _dictionary(texts: Sequence[Text]) -> EvaluatedRoute | Missing:
    """Label each text by the dictionary of its language, English where that is not known."""
    ids = tuple(text.id for text in texts)
    answers = LabelMatrix.empty(ids)
    spoken_in = [text.language or ENGLISH for text in texts]
    for language in dict.fromkeys(spoken_in):
        rows = [row for row, each in enumerate(spoken_in) if each == language]
        try:
            baseline = Dictionary(language)
        except InputError as error:
            return Missing(name=Dictionary.name, why=f"{error.what}, which {len(rows)} texts are in")
        answers.labels[rows] = baseline.predict([texts[row].text for row in rows], [ids[row] for row in rows]).labels
    unknown = sum(text.language is None for text in texts)
    about = f"English is assumed for {unknown:,} texts whose language is not known" if unknown else None
    return EvaluatedRoute(Dictionary.name, (answers,), baseline=True, about=about)


def _tfidf(
    texts: Sequence[Text], gold: LabelMatrix, groups: Mapping[str, str] | None, min_support: int, seed: int
) -> EvaluatedRoute | Missing:
    """Label each text by a model of texts of other groups."""
    from valex_local.corpus.folds import grouped_folds

    # In brackets and with a line break, which no group holds: the id of a text may be the name of some group.
    grouped = [(groups or {}).get(text.id, f"({text.id})\n") for text in texts]
    if len(set(grouped)) < FEWEST_GROUPS:
        return Missing(name=TfIdf.name, why=f"it needs {FEWEST_GROUPS} groups: one to judge, the others to learn from")
    folds = min(FOLDS, len(set(grouped)))
    rare = support(gold.labels, spoken(gold.labels)) < min_support
    learnt = LabelMatrix(gold.ids, np.where(rare, np.nan, gold.labels), gold.probabilities, gold.dominant)
    fold = grouped_folds(learnt.labels.reshape(len(gold), -1), grouped, folds=folds, seed=seed)
    answers = out_of_fold(TfIdf, [text.text for text in texts], learnt, grouped, fold)
    return EvaluatedRoute(TfIdf.name, (answers,), baseline=True, about=f"out of fold, {folds} folds")
