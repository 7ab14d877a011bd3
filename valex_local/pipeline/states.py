"""Which calibration a study has: drawn when there are enough posts, and afterwards only on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from valex_local.errors import InputError
from valex_local.files.text import counted
from valex_local.records import Calibration, Labels
from valex_local.stages.labels.card import read_card
from valex_local.states import RELATIVE_FROM, Unvalidated, choose, is_answer
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.variants import LabelKey


def label_keys(study: Study) -> list[LabelKey]:
    """Return the sets of labels of a study, sorted."""
    return sorted({key for post_id in study.post_ids() for key in study.label_keys(post_id)})


def label_set(study: Study, key: LabelKey) -> dict[str, Labels]:
    """Return the labels of one set as stored, by post: those by the model that gave most, without skipped ones."""
    posts = (post_id for post_id in study.post_ids() if key in study.label_keys(post_id))
    found = {post_id: study.require(post_id, key.stem, Labels) for post_id in posts}
    models = Counter(labels.source.model for labels in found.values() if labels.values)
    # After a change of model, some posts may still have labels by the one before.
    model = max(models, key=lambda name: (models[name], name), default=None)
    return {post_id: labels for post_id, labels in found.items() if labels.values and labels.source.model == model}


def draw_missing(study: Study) -> Iterator[str]:
    """Give each set of labels with enough posts relative states, unless it has a calibration; yield what was done.

    A calibration for another model is replaced; any other stays as it is, so that states never change by themselves.
    """
    for key in label_keys(study):
        before, labels = study.calibration(key), label_set(study, key)
        if len(labels) < RELATIVE_FROM:
            continue
        first = next(iter(labels.values()))
        if not is_answer(first) and (before is None or before.model != first.source.model):
            study.write_calibration(key, choose(labels, "relative", drawn=date.today()))
            yield (
                f"{key}: a value is now called present where it stands out among {counted(len(labels), 'post')}; "
                "the probabilities did not change"
            )


def draw_anew(study: Study, key: LabelKey, kind: Unvalidated, *, store: Store | None = None) -> Calibration:
    """Draw the states of a set of labels anew, by cut-offs that need no gold labels.

    Parameters
    ----------
    study : Study
        The study.
    key : LabelKey
        The set of labels.
    kind : {"relative", "cautious", "own domain"}
        How to draw them.
    store : Store, optional
        The model store, for the thresholds of the model; the user's when left out.

    Returns
    -------
    Calibration
        The calibration, which the study has stored.

    Raises
    ------
    InputError
        There are no such labels, too few of them for relative states, or they are a language model's answers.
    ModelError
        The model, whose thresholds are asked for, is not in the store.
    """
    labels = label_set(study, key)
    if not labels:
        raise InputError(f"no post has labels {key}", path=study.root, hint="Make them with: valex label -s STUDY")
    first = next(iter(labels.values()))
    if is_answer(first):
        raise InputError(
            f"{key} are a language model's answers, not drawn from probabilities",
            path=study.root,
            hint="Fit them to gold labels: valex calibrate -s STUDY GOLD",
        )
    if kind == "relative" and len(labels) < RELATIVE_FROM:
        raise InputError(
            f"relative states need {RELATIVE_FROM} posts, and {key} has {len(labels)}",
            path=study.root,
            hint="Add posts, or fit the states to gold labels: valex calibrate -s STUDY GOLD",
        )
    thresholds = None
    if kind == "own domain":
        card = read_card((store or Store()).find(first.source.model).folder)
        thresholds = {output: row.threshold for output, row in card.rows.items()}
    drawn = choose(labels, kind, drawn=date.today(), thresholds=thresholds)
    study.write_calibration(key, drawn)
    return drawn
