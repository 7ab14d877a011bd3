"""Which calibration a study has: drawn when there are enough posts, and afterwards only on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from valex_local.errors import InputError, ModelError, StudyError
from valex_local.files.text import counted
from valex_local.pipeline.beside import named_model
from valex_local.records import Calibration, Labels
from valex_local.schwartz import State
from valex_local.stages.label_routes import route_spec
from valex_local.stages.labels.card import read_card
from valex_local.states import RELATIVE_FROM, Unvalidated, choose, is_answer, is_for
from valex_local.states.cutoffs import Thresholds
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.settings import resolve_settings
from valex_local.study.variants import LabelKey


def label_keys(study: Study) -> list[LabelKey]:
    """Return the sets of labels of a study, sorted."""
    return sorted({key for post_id in study.post_ids() for key in study.label_keys(post_id)})


def label_set(study: Study, key: LabelKey) -> dict[str, Labels]:
    """Return the labels of one set as stored, by post: those by the model that gave most, without skipped ones."""
    posts = (post_id for post_id in study.post_ids() if key in study.label_keys(post_id))
    found = {post_id: study.require(post_id, key.stem, Labels) for post_id in posts}
    models = Counter(labels.model for labels in found.values() if labels.values)
    # After a change of model, some posts may still have labels by the one before.
    model = max(models, key=lambda name: (models[name], name), default=None)
    return {post_id: labels for post_id, labels in found.items() if labels.values and labels.model == model}


def draw_missing(study: Study) -> Iterator[str]:
    """Give each set of labels with enough posts relative states, unless it has a calibration; yield what was done.

    A calibration for another model is replaced; any other stays as it is, so that states never change by themselves.
    """
    for key in label_keys(study):
        try:
            before, labels = study.calibration(key), label_set(study, key)
        except StudyError as error:  # the run is done: its summary must not be lost
            yield f"{key}: no states are drawn: {error}"
            continue
        if len(labels) < RELATIVE_FROM:
            continue
        first = next(iter(labels.values()))
        if not is_answer(first) and (before is None or not is_for(before, first)):
            study.write_calibration(key, choose(labels, "relative", drawn=date.today()))
            yield (
                f"{key}: a value is now called present where it stands out among {counted(len(labels), 'post')}; "
                f"the probabilities did not change{_lost(before)}"
            )


def _lost(before: Calibration | None) -> str:
    if before is None or before.kind != "validated":
        return ""
    return ". These states are not validated: the gold labels were compared with another model, so run valex calibrate"


@dataclass(frozen=True)
class StateChange:
    """What storing a calibration changed.

    Attributes
    ----------
    posts : int
        Number of posts with these labels.
    called_before, called_after : float
        Mean number of values per post that are present or conflicted.
    changed : int
        Number of posts of which a state changed.
    states : int
        Number of states that changed.
    """

    posts: int
    called_before: float
    called_after: float
    changed: int
    states: int

    @classmethod
    def between(cls, before: Mapping[str, Labels], after: Mapping[str, Labels]) -> StateChange:
        """Return the difference of the labels of the same posts, at least one."""
        states = [{post_id: _states(labels) for post_id, labels in side.items()} for side in (before, after)]
        called = [sum(map(_called, side.values())) / len(side) for side in states]
        differ = [
            sum(old is not new for old, new in zip(states[0][post_id], states[1][post_id], strict=True))
            for post_id in before
        ]
        return cls(len(before), called[0], called[1], sum(map(bool, differ)), sum(differ))


def _states(labels: Labels) -> tuple[State, ...]:
    return tuple(label.state for label in labels.values)


def _called(states: tuple[State, ...]) -> int:
    return sum(state in (State.PRESENT, State.CONFLICTED) for state in states)


def store_calibration(study: Study, key: LabelKey, calibration: Calibration) -> StateChange:
    """Store how the states of a set of labels are drawn.

    Parameters
    ----------
    study : Study
        The study.
    key : LabelKey
        The set of labels, which at least one post has.
    calibration : Calibration
        How they are drawn from now on.

    Returns
    -------
    StateChange
        What changed.

    Raises
    ------
    StudyError
        A run is active in the study, or the file cannot be written; the study is unchanged then.
    """
    posts = label_set(study, key)
    with study.lock():
        before = {post_id: study.labels_of(post_id, key) for post_id in posts}
        study.write_calibration(key, calibration)
    return StateChange.between(before, {post_id: study.labels_of(post_id, key) for post_id in posts})


def draw_again(study: Study, key: LabelKey, kind: Unvalidated, *, store: Store | None = None) -> StateChange:
    """Draw the states of a set of labels again, by cut-offs that need no gold labels, and store how.

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
    StateChange
        What changed.

    Raises
    ------
    InputError
        There are no such labels, too few of them for relative states, or they are a language model's answers.
    ModelError
        The model, whose thresholds are asked for, is not there any more.
    StudyError
        A run is active in the study, or the file cannot be written.
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
    thresholds = _thresholds(study, key, first, store or Store()) if kind == "own domain" else None
    return store_calibration(study, key, choose(labels, kind, drawn=date.today(), thresholds=thresholds))


def _thresholds(study: Study, key: LabelKey, labels: Labels, store: Store) -> Thresholds:
    """Return the thresholds of the model that gave labels: the one in the settings of the study, or of the store."""
    settings, role = resolve_settings(store, study), route_spec(key.route).role
    named = named_model(store, settings, role, key.by if key.name else None)
    for name in filter(None, (named, labels.source.model)):
        with suppress(ModelError):
            model = store.resolve(settings.profile, {role: name}, needed=[role])[role]
            if labels.model in (model.id, f"{model.id}@{model.digest}"):
                return {output: row.threshold for output, row in read_card(model.folder).rows.items()}
    raise ModelError(
        f"the model {labels.source.model}, which gave the labels {key}, is not there any more, or has changed",
        hint="Label again, or choose --relative or --cautious",
    )
