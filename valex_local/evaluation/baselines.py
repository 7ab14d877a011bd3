"""Baselines that any trained model must beat: always yes, majority, dictionary, TF-IDF with logistic regression.

A baseline is fitted on training texts only and then labels others. Training does this fold by fold; `out_of_fold` does
it for texts without a model directory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import Floats, LabelMatrix
from valex_local.errors import InputError
from valex_local.evaluation.thresholds import tune
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.system.imports import require_extra

FOLDS = 5
INNER_FOLDS = 3

_WORD = re.compile(r"\w")


class Baseline(Protocol):
    """A labeller that may learn from labelled texts."""

    name: str

    def fit(self, texts: Sequence[str], gold: LabelMatrix, groups: Sequence[str]) -> None:
        """Fit the baseline, if it learns at all.

        Parameters
        ----------
        texts : sequence of str, (N,)
            Training texts.
        gold : LabelMatrix, (N,)
            Their labels.
        groups : sequence of str, (N,)
            The group of each text; inner splits keep groups whole.
        """

    def predict(self, texts: Sequence[str], ids: Sequence[str]) -> LabelMatrix:
        """Return labels of texts; NaN where the baseline does not assess."""


class AlwaysYes:
    """Label every value present and conflicted. With a share p of positives its F1 is ``2 p / (1 + p)``."""

    name = "always-yes"

    def fit(self, texts: Sequence[str], gold: LabelMatrix, groups: Sequence[str]) -> None:
        """Learn nothing.

        Parameters
        ----------
        texts, gold, groups
            As for `Baseline.fit`.
        """

    def predict(self, texts: Sequence[str], ids: Sequence[str]) -> LabelMatrix:
        """Return a matrix of ones."""
        matrix = LabelMatrix.empty(ids)
        matrix.labels[:] = 1
        return matrix


class Majority:
    """Give every text the most frequent label of each value and polarity; the probability is its share of positives.

    For all but the most frequent values the label is no, with F1 0. The probabilities are the reference for
    calibration.
    """

    name = "majority"

    def __init__(self) -> None:
        self._share: Floats | None = None

    def fit(self, texts: Sequence[str], gold: LabelMatrix, groups: Sequence[str]) -> None:
        """Compute the share of positives of each value and polarity; NaN where no text is labelled.

        Parameters
        ----------
        texts, gold, groups
            As for `Baseline.fit`.
        """
        known = ~np.isnan(gold.labels)
        yes = np.where(known, gold.labels, 0).sum(axis=0)
        self._share = np.divide(yes, known.sum(axis=0), out=np.full(yes.shape, np.nan), where=known.any(axis=0))

    def predict(self, texts: Sequence[str], ids: Sequence[str]) -> LabelMatrix:
        """Return the majority label for every text."""
        if self._share is None:
            raise RuntimeError("call fit before predict")
        matrix = LabelMatrix.empty(ids)
        matrix.probabilities[:] = self._share
        matrix.labels[:] = np.where(np.isnan(self._share), np.nan, self._share > 0.5)
        return matrix


class Dictionary:
    """Label a value present where a text contains one of its words in the dictionary of pyvalues.

    The dictionary (Ponizovskiy et al. 2020) covers the ten original values. Each stands for the refined values of its
    name (*Power* for both *Power: dominance* and *Power: resources*). *Face* and *Humility* are not among the ten and
    are not assessed; neither is *conflicted*.

    Parameters
    ----------
    language : str
        ISO 639-1 code of the texts.

    Raises
    ------
    InputError
        There is no dictionary for that language.
    MissingExtra
        The library with the dictionary is not installed.
    """

    name = "dictionary"

    def __init__(self, language: str = "en") -> None:
        require_extra("train", "pyvalues")
        from pyvalues.dictionary_classifier import OriginalValuesDictionaryClassifier

        self._language = language
        self._classifier: Any = OriginalValuesDictionaryClassifier.get_default()
        try:
            next(iter(self._classifier.classify_segments_for_original_values([""], language=language)))
        except ValueError as error:
            raise InputError(f"there is no value dictionary for the language {language!r}") from error

    def fit(self, texts: Sequence[str], gold: LabelMatrix, groups: Sequence[str]) -> None:
        """Learn nothing.

        Parameters
        ----------
        texts, gold, groups
            As for `Baseline.fit`.
        """

    def predict(self, texts: Sequence[str], ids: Sequence[str]) -> LabelMatrix:
        """Return labels by looking up the words of each text."""
        matrix = LabelMatrix.empty(ids)
        fields = {v: name for v, value in enumerate(CIRCLE) if (name := original_value(value.value)) is not None}
        found = self._classifier.classify_segments_for_original_values(texts, language=self._language)
        for row, scores in enumerate(found):
            for column, name in fields.items():
                matrix.labels[row, column, 0] = float(getattr(scores, name) > 0)
        return matrix


def original_value(value: str) -> str | None:
    """Return the field of pyvalues' original values that covers a refined value, or None."""
    name = value.partition(":")[0].lower().replace("-", "_")
    return None if name in ("face", "humility") else name


class TfIdf:
    """Label by logistic regression on TF-IDF of word 1- and 2-grams, one regression for each value and polarity.

    Thresholds are tuned on probabilities of training texts that the regression has not seen (inner folds that keep
    groups whole). Classes are balanced by weight, so the probabilities are not calibrated.

    Parameters
    ----------
    min_positives : int
        Training positives that a label needs; with fewer it is not assessed. The caller decides which labels are worth
        assessing at all, by leaving the others out of the gold labels.
    seed : int
        Seed of the inner folds.
    """

    name = "tfidf"

    def __init__(self, min_positives: int = 10, seed: int = 0) -> None:
        self._min_positives = min_positives
        self._seed = seed
        self._models: dict[tuple[int, int], tuple[Any, float]] = {}
        self._vectorizer: Any = None

    def fit(self, texts: Sequence[str], gold: LabelMatrix, groups: Sequence[str]) -> None:
        """Fit a regression and a threshold for each label with enough positives.

        Parameters
        ----------
        texts, gold, groups
            As for `Baseline.fit`.
        """
        labels = [
            (v, p)
            for v, p in np.ndindex(len(CIRCLE), len(Polarity))
            if (gold.labels[:, v, p] == 1).sum() >= self._min_positives and (gold.labels[:, v, p] == 0).any()
        ]
        self._models = {}
        if not labels or not any(_WORD.search(text) for text in texts):
            return
        truth = np.column_stack([gold.labels[:, v, p] for v, p in labels])
        held_out = self._held_out(texts, truth, groups)
        self._vectorizer, models = _fit(texts, truth)
        for column, label in enumerate(labels):
            known = ~np.isnan(truth[:, column]) & ~np.isnan(held_out[:, column])
            if models[column] is not None and (truth[known, column] == 1).any():
                threshold = tune(held_out[known, column], truth[known, column])
                self._models[label] = (models[column], threshold)

    def _held_out(self, texts: Sequence[str], truth: Floats, groups: Sequence[str]) -> Floats:
        """Return the probability of each label for each training text from a model that has not seen it, (N, L)."""
        from valex_local.corpus.folds import grouped_folds

        probabilities = np.full(truth.shape, np.nan)
        folds = grouped_folds(truth, groups, folds=max(2, min(INNER_FOLDS, len(set(groups)))), seed=self._seed)
        for fold in np.unique(folds):
            train, test = np.flatnonzero(folds != fold).tolist(), np.flatnonzero(folds == fold).tolist()
            vectorizer, models = _fit([texts[i] for i in train], truth[train])
            probabilities[test] = _probabilities(vectorizer, models, [texts[i] for i in test])
        return probabilities

    def predict(self, texts: Sequence[str], ids: Sequence[str]) -> LabelMatrix:
        """Return labels by the thresholds tuned in training and the rule that all label routes follow."""
        shape = (len(CIRCLE), len(Polarity))
        probabilities, thresholds = np.full((len(texts), *shape), np.nan), np.ones(shape)
        if self._models and len(texts):
            given = _probabilities(self._vectorizer, [model for model, _ in self._models.values()], texts)
            for column, ((v, p), (_, threshold)) in enumerate(self._models.items()):
                probabilities[:, v, p], thresholds[v, p] = given[:, column], threshold
        return LabelMatrix.decided(ids, probabilities, thresholds)


def _fit(texts: Sequence[str], truth: Floats) -> tuple[Any, list[Any]]:
    """Return a fitted vectorizer and a regression for each column of `truth`; None for a column with only one class."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")
    matrix = vectorizer.fit_transform(texts)
    models: list[Any] = []
    for column in truth.T:
        known = np.flatnonzero(~np.isnan(column))
        if len(np.unique(column[known])) < 2:
            models.append(None)
            continue
        model = LogisticRegression(class_weight="balanced", solver="liblinear", random_state=0)
        models.append(model.fit(matrix[known], column[known]))
    return vectorizer, models


def _probabilities(vectorizer: Any, models: Sequence[Any], texts: Sequence[str]) -> Floats:
    matrix = vectorizer.transform(texts)
    nothing = np.full(len(texts), np.nan)
    return np.column_stack([nothing if model is None else model.predict_proba(matrix)[:, 1] for model in models])


def out_of_fold(
    make: Callable[[], Baseline],
    texts: Sequence[str],
    gold: LabelMatrix,
    groups: Sequence[str],
    folds: NDArray[np.intp],
) -> LabelMatrix:
    """Return labels of every text by a baseline fitted on the texts of the other folds.

    Parameters
    ----------
    make : callable
        Returns a new baseline.
    texts : sequence of str, (N,)
        The texts.
    gold : LabelMatrix, (N,)
        Their labels.
    groups : sequence of str, (N,)
        The group of each text.
    folds : ndarray of int, (N,)
        The fold of each text.

    Returns
    -------
    LabelMatrix, (N,)
        The labels, under the ids of `gold`.
    """
    matrix = LabelMatrix.empty(gold.ids)
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold).tolist(), np.flatnonzero(folds == fold).tolist()
        baseline = make()
        baseline.fit([texts[i] for i in train], gold.take(train), [groups[i] for i in train])
        predicted = baseline.predict([texts[i] for i in test], [gold.ids[i] for i in test])
        matrix.labels[test], matrix.probabilities[test] = predicted.labels, predicted.probabilities
    return matrix


BASELINES: Mapping[str, type[AlwaysYes] | type[Majority] | type[Dictionary] | type[TfIdf]] = {
    baseline.name: baseline for baseline in (AlwaysYes, Majority, Dictionary, TfIdf)
}
"""The baselines of every table, by name."""
