"""Labels by several models of one route: where new ones go, and how those of a model that is replaced are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from valex_local.errors import ConfigError, ValexError
from valex_local.pipeline.plan import Step, plan
from valex_local.pipeline.status import StepState, StepStatus
from valex_local.records import Labels
from valex_local.rendering.views import script_of
from valex_local.settings import Settings
from valex_local.stages.label_routes import route_spec
from valex_local.store import Store
from valex_local.study import LabelKey, Study
from valex_local.study.settings import resolve_settings
from valex_local.study.variants import LONGEST_NAME, labelled_by, model_name

if TYPE_CHECKING:
    from valex_local.store import StoredModel


def named_model(store: Store, settings: Settings, role: str, key: str | None = None) -> str | None:
    """Return a model as the settings name it.

    Parameters
    ----------
    store : Store
        The model store, which contains the profiles.
    settings : Settings
        The settings.
    role : str
        The role, for the study's own model.
    key : str, optional
        A key of `labels.beside`, for the model that it stands for.

    Returns
    -------
    str or None
        The id, or ``local-dir:PATH``; None if none is named.
    """
    if key is not None:
        return settings.labels.beside.get(key)
    own: Mapping[Any, str] = store.profile(settings.profile).models
    return settings.models.get(role, own.get(role))


def _stated(model: StoredModel) -> str:
    """Return a model as records state it."""
    return f"{model.id}@{model.digest}"


# --- where the labels of a model go ---------------------------------------------------------------------------------


def place_beside(
    study: Study, store: Store, settings: Settings, *, route: str, model: str, name: str | None
) -> str | None:
    """Return the key in `labels.beside` for the labels by a model, or None if it is, or can become, the study's own.

    It cannot where another model of its role writes scripts or captions or has given labels: these would become
    outdated.

    Parameters
    ----------
    study : Study
        The study.
    store : Store
        The model store.
    settings : Settings
        The study's settings.
    route : str
        The route.
    model : str
        The model, as settings name it.
    name : str, optional
        The name to give; when left out, that of an entry with this model, or one made of the model's id.

    Returns
    -------
    str or None
        The key, ``<route>@<name>``.

    Raises
    ------
    ConfigError
        The name cannot end the name of a file, or stands for another model.
    ModelError
        The model cannot be used.
    """
    role, beside = route_spec(route).role, settings.labels.beside
    if name is None:
        made = _stated(store.resolve(settings.profile, {role: model}, needed=[role])[role])
        if model == named_model(store, settings, role) or not _used_by_others(study, settings, role, made):
            return None
        known = (key for key, other in beside.items() if other == model and key.startswith(f"{route}@"))
        if (key := next(known, None)) is not None:
            return key
        name = model_name(model)
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}", name):
        raise ConfigError(
            f"labels cannot be named {name!r}: up to {LONGEST_NAME} letters, digits, - and _",
            hint="Choose a name with --name",
        )
    key = labelled_by(route, name)
    if beside.get(key, model) != model:
        raise ConfigError(
            f"the labels {key} of this study are by {beside[key]}", path=study.root, hint="Choose a name with --name"
        )
    return key


def _used_by_others(study: Study, settings: Settings, role: str, made: str) -> bool:
    """Whether a role is that of a writer of scripts or captions, or another model than the one stated gave labels."""
    if any(role in step.all_roles for step in plan(settings) if step.spec.record is not Labels):
        return True
    return any(
        _made_by(study, post_id, key).get(role, made) != made
        for post_id in study.post_ids()
        for key in study.label_keys(post_id)
        if not key.name
    )


def _made_by(study: Study, post_id: str, key: LabelKey) -> Mapping[str, str]:
    """Return the models that gave labels, by role; empty if there are none or the post was skipped."""
    record = study.read_raw(post_id, key.stem, Labels) or {}
    made = record.get("made_by") or {}
    return {} if record.get("skipped") is not None else made.get("models") or {}


# --- labels whose model is replaced ---------------------------------------------------------------------------------


@dataclass
class Kept:
    """What becomes of labels that a run would replace because their model is another one now.

    Attributes
    ----------
    beside : dict of str to str
        What `labels.beside` must be for the run.
    renames : list of (str, LabelKey, LabelKey)
        Posts, with the name of the labels before and after.
    notes : list of str
        What the user should know.
    """

    beside: dict[str, str]
    renames: list[tuple[str, LabelKey, LabelKey]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings given for the study with `labels.beside` as it must be."""
        labels = {key: value for key, value in given.get("labels", {}).items() if key != "beside"}
        return {**given, "labels": {**labels, "beside": self.beside} if self.beside else labels}

    def carry_out(self, study: Study) -> None:
        """Rename the labels, and with them how their states are drawn.

        The latter comes first: after an interruption the next run renames the labels that are left, and would replace
        a calibration that is still there, as that of another model.
        """
        for old, new in dict.fromkeys((old, new) for _, old, new in self.renames):
            study.rename_calibration(old, new)
            for post_id in (post_id for post_id, *names in self.renames if names == [old, new]):
                study.rename_labels(post_id, old, new)


class Keeper:
    """Find the labels of a study that a run would replace because their model is another one now.

    Labels of a script that is itself due are not kept: they would be about another script. A model that was trained
    again in its folder, or added to the store again, counts as the same one.

    Parameters
    ----------
    study : Study
        The study, with the settings of before.
    store : Store
        The model store.
    settings : Settings
        The settings of the run.
    steps : sequence of Step
        Its steps.
    models : mapping of str to StoredModel
        Its models; see `run_models`.
    """

    def __init__(
        self, study: Study, store: Store, settings: Settings, steps: Sequence[Step], models: Mapping[str, StoredModel]
    ) -> None:
        self._study, self._store, self._settings = study, store, settings
        self._steps = [step for step in steps if step.spec.record is Labels]
        self._now = {key: _stated(model) for key, model in models.items()}

    @cached_property
    def _before(self) -> Settings:
        return resolve_settings(self._store, self._study)

    def __call__(self, statuses: Mapping[str, Mapping[str, StepStatus]], *, whole: bool = True) -> Kept:
        """Return what becomes of the labels.

        Parameters
        ----------
        statuses : mapping of str to mapping of str to StepStatus
            The status of every step of every post.
        whole : bool
            Whether these are all posts of the study. If so, labels by the new model that are there under another name
            are used.
        """
        kept = Kept(dict(self._settings.labels.beside))
        replaced = [(LabelKey.of(s.variant), *of_post) for s in self._steps for of_post in self._replaced(s, statuses)]
        names = self._names() if replaced else {}
        found: dict[tuple[str, str], str] = {}
        for old, post_id, made in replaced:
            by = found[old.by, made] = _free_name(old.route, made, names)
            names.setdefault(by, set()).add(made)
            kept.renames.append((post_id, old, LabelKey.of(f"{old.script}.{by}")))
        for (before, made), by in found.items():
            self._keep_labelling(before, by, made, kept)
        if whole:
            for route in dict.fromkeys(old.route for _, old, _ in kept.renames if not old.name):
                self._bring_back(route, kept)
        return kept

    def _names(self) -> dict[str, set[str]]:
        """Return the names that labels beside the study's own have, with the models that gave them."""
        names = {key: {self._now[key]} for key in self._settings.labels.beside if key in self._now}
        for post_id in self._study.post_ids():
            for key in (key for key in self._study.label_keys(post_id) if key.name):
                names.setdefault(key.by, set()).update(_made_by(self._study, post_id, key).values())
        return names

    def _replaced(self, step: Step, statuses: Mapping[str, Mapping[str, StepStatus]]) -> Iterator[tuple[str, str]]:
        """Yield the posts whose labels by a step another model would replace, with the model that gave them."""
        (role,), old = step.roles, LabelKey.of(step.variant)
        key = step.beside.get(role)
        now = self._now[key or role]
        for post_id, of_post in statuses.items():
            script = of_post.get(f"script.{script_of(old.script)}")
            if of_post[step.name].state is not StepState.OUTDATED or (script and script.state is not StepState.CURRENT):
                continue
            made = _made_by(self._study, post_id, old).get(role, now)
            if made != now and not (_id(made) == _id(now) and self._names_the_same(role, key)):
                yield post_id, made

    def _names_the_same(self, role: str, key: str | None) -> bool:
        """Whether the settings of before name the same model."""
        before, after = (named_model(self._store, each, role, key) for each in (self._before, self._settings))
        return before == after

    def _keep_labelling(self, before: str, by: str, made: str, kept: Kept) -> None:
        """Let a model whose labels have another name now label under that name, if it is still there."""
        role = route_spec(by.partition("@")[0]).role
        named = named_model(self._store, self._before, role, before if "@" in before else None)
        for model in dict.fromkeys((kept.beside.get(by), named, _id(made))):
            if model is not None and self._is_still_there(model, role, made):
                kept.beside[by] = model
                kept.notes.append(f"the labels by {_id(made)} are kept as {by}; new posts get them too")
                return
        kept.notes.append(f"the labels by {_id(made)} are kept as {by}; that model is gone, so new posts get none")

    def _is_still_there(self, model: str, role: str, made: str) -> bool:
        try:
            return _stated(self._store.resolve(self._settings.profile, {role: model}, needed=[role])[role]) == made
        except ValexError:
            return False

    def _bring_back(self, route: str, kept: Kept) -> None:
        """Let labels beside become the study's own, if its new model gave them."""
        now = self._now[route_spec(route).role]
        beside = (key for key in self._settings.labels.beside if self._now.get(key) == now)
        by = next((key for key in beside if key.startswith(f"{route}@")), None)
        if by is None:
            return
        del kept.beside[by]
        made_anew = {LabelKey.of(step.variant) for step in self._steps}
        for post_id in self._study.post_ids():
            there = self._study.label_keys(post_id)
            for key in (key for key in there if key.by == by):
                own = LabelKey(key.script, route)
                if own in made_anew or own not in there:
                    kept.renames.append((post_id, key, own))


def _free_name(route: str, made: str, names: Mapping[str, set[str]]) -> str:
    """Return the name, with the route, for labels by a model: one that it has already, or one that no other has."""
    base = model_name(_id(made)) or "model"
    known = (key for key, models in names.items() if key.startswith(f"{route}@") and models == {made})
    numbered = (f"{base[: LONGEST_NAME - 4]}-{number}" for number in count(2))
    taken = {key.lower() for key in names}
    new = (by for name in chain([base], numbered) if (by := labelled_by(route, name)).lower() not in taken)
    return next(chain(known, new))


def _id(made: str) -> str:
    """Return the id of a model as records state it."""
    return made.rpartition("@")[0]
