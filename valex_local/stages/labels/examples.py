"""Few-shot examples from a lab's own labels: labelled scripts that are shown before a script of another fold.

Texts are split into folds; the texts of a fold are labelled with examples drawn only from the other folds, so that
figures on them are out of sample. All texts of a fold share the same examples, so that their prompts share a prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from valex_local.corpus import Corpus, Text
from valex_local.corpus.folds import grouped_folds
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.stages.labels.lines import lines_of
from valex_local.stages.labels.prompt import LabelledExample
from valex_local.stages.labels.questions import Known

MAX_SHOT_CHARACTERS = 2000
"""Longer scripts are not used as examples, since every example is read before every script."""


@dataclass(frozen=True)
class FewShotFold:
    """Texts that are labelled with the same examples; `drawn` names the texts the examples come from."""

    texts: tuple[Text, ...]
    shots: tuple[LabelledExample, ...]
    drawn: tuple[str, ...]


def plan_folds(corpus: Corpus, *, shots: int, folds: int, group: str, seed: int) -> tuple[FewShotFold, ...]:
    """Return examples for every text of a corpus, drawn by fold.

    Parameters
    ----------
    corpus : Corpus
        The texts, and the labels of those that have any. Texts without labels belong to no fold; their examples are
        drawn from all labelled texts.
    shots : int
        Number of examples for each text, if there are as many.
    folds : int
        Number of folds.
    group : str
        What folds never split; see `Corpus.groups`.
    seed : int
        Seed of the folds and the draws.

    Returns
    -------
    tuple of FewShotFold
        Every text of the corpus, in one fold each.

    Raises
    ------
    InputError
        There are fewer groups than folds, the texts have no such group, or no text can be an example.
    """
    truth = corpus.gold.labels.reshape(len(corpus.texts), -1)
    of_text = grouped_folds(truth, corpus.groups(group), folds=folds, seed=seed)
    found = []
    for fold in range(folds):
        drawn = _drawn(corpus, np.flatnonzero(of_text != fold).tolist(), shots, seed + fold)
        scored = tuple(corpus.texts[row] for row in np.flatnonzero(of_text == fold))
        found.append(_fold(scored, corpus, drawn))
    if corpus.unlabelled:
        drawn = _drawn(corpus, range(len(corpus.texts)), shots, seed + folds)
        found.append(_fold(corpus.unlabelled, corpus, drawn))
    return tuple(found)


def _fold(texts: tuple[Text, ...], corpus: Corpus, drawn: Sequence[int]) -> FewShotFold:
    shots = tuple(LabelledExample(lines_of(corpus.texts[row]), known_of(corpus.gold, row)) for row in drawn)
    return FewShotFold(texts, shots, tuple(corpus.texts[row].id for row in drawn))


def _drawn(corpus: Corpus, rows: Sequence[int], count: int, seed: int) -> list[int]:
    drawn = _draw(corpus, rows, count, seed)
    if not drawn:
        raise InputError(
            f"none of the {len(rows)} labelled texts can be an example: it must show a value, be assessed on all 19, "
            f"and have at most {MAX_SHOT_CHARACTERS} characters",
            hint="Label more texts, or leave out --shots",
        )
    return drawn


def _draw(corpus: Corpus, rows: Sequence[int], count: int, seed: int) -> list[int]:
    """Return rows drawn at random, each time among those that show the most values not shown before."""
    order = np.random.default_rng(seed).permutation(list(rows)).tolist()
    shown = {row: set(known_of(corpus.gold, row).items()) for row in order}
    # A value that was not assessed would be shown as absent.
    whole = set(np.flatnonzero(np.isfinite(corpus.gold.labels[:, :, 0]).all(axis=1)).tolist())
    left = [r for r in order if shown[r] and r in whole and len(corpus.texts[r].text) <= MAX_SHOT_CHARACTERS]
    drawn: list[int] = []
    seen: set[tuple[Value, State]] = set()
    while left and len(drawn) < count:
        best = max(left, key=lambda row: len({(v, k.state) for v, k in shown[row]} - seen))
        left.remove(best)
        drawn.append(best)
        seen |= {(value, known.state) for value, known in shown[best]}
    return drawn


def known_of(gold: LabelMatrix, row: int) -> dict[Value, Known]:
    """Return the gold labels of a text: the values that are not absent."""
    states = {value: gold.state(row, column) for column, value in enumerate(CIRCLE)}
    return {
        value: Known(state, bool(gold.dominant[row, CIRCLE.index(value)]))
        for value, state in states.items()
        if state in (State.PRESENT, State.CONFLICTED)
    }
