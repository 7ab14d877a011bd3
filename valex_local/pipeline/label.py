"""Labelling without the other steps: scripts of a study, into the study, or any texts, into a CSV file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from valex_local.corpus import Corpus, Text, gold_of, match, read_sheet, write_authors, write_long
from valex_local.corpus.sheet_builder import Blank
from valex_local.errors import ConfigError, InputError
from valex_local.files.text import counted
from valex_local.pipeline.beside import named_model, place_beside
from valex_local.pipeline.progress import NullProgress, Progress
from valex_local.pipeline.run import run
from valex_local.pipeline.selection import Selection
from valex_local.pipeline.summary import Summary
from valex_local.rendering.views import script_of
from valex_local.settings import Settings, merge
from valex_local.stages.label_routes import route_spec
from valex_local.stages.labels.checkpoint import Checkpoint
from valex_local.stages.labels.examples import FewShotFold, plan_folds
from valex_local.stages.labels.texts import LabelledTexts, label_texts
from valex_local.states import Unvalidated
from valex_local.store import Store
from valex_local.store.store import LOCAL
from valex_local.study import Study
from valex_local.study.settings import resolve_settings
from valex_local.system.devices import detect, set_threads, unused_gpu

Shape = Literal["authors", "long"]
"""The columns of a file of labels: as in the sheet of the paper's authors, or a row for each text and value."""


@dataclass(frozen=True)
class LabelOptions:
    """Options given by the user; those that are None are taken from the study or else the profile.

    Attributes
    ----------
    route : str, optional
        The labelling route.
    model : str, optional
        The route's model: an id of the store, or a directory.
    name : str, optional
        What to name the labels of this model in a study, beside those of the study's own; see `place_beside`.
    ask : str, optional
        How a language model is asked: ``together``, ``one``, ``apart`` or ``scenes``.
    int8 : bool, optional
        Whether a label model computes in 8-bit integers.
    profile : str, optional
        The profile.
    device : str, optional
        Where to compute.
    """

    route: str | None = None
    model: str | None = None
    name: str | None = None
    ask: str | None = None
    int8: bool | None = None
    profile: str | None = None
    device: str | None = None

    def as_settings(self, route: str) -> dict[str, Any]:
        """Return the options that were given as settings, as plain data."""
        given = (
            ({"profile": self.profile}, self.profile),
            ({"models": {route_spec(route).role: self.model_id}}, self.model),
            ({"labels": {route: {"ask": self.ask}}}, self.ask),
            ({"labels": {"int8": self.int8}}, self.int8),
            ({"work": {"device": self.device}}, self.device),
        )
        settings: dict[str, Any] = {}
        for table, value in given:
            settings = settings if value is None else merge(settings, table)
        return settings

    @property
    def model_id(self) -> str | None:
        """Return the model as the store resolves it: by its id, or by the path of its directory."""
        if self.model is None or not Path(self.model).is_dir():
            return self.model
        return f"{LOCAL}{Path(self.model).absolute()}"


@dataclass(frozen=True)
class LabelPlan:
    """How labels will be made; see `plan_labels`.

    Attributes
    ----------
    store : Store
        The model store.
    study : Study or None
        The study whose settings are used.
    options : LabelOptions
        Options given by the user.
    route : str
        The route.
    settings : Settings
        The settings in force, with those of the options.
    """

    store: Store
    study: Study | None
    options: LabelOptions
    route: str
    settings: Settings

    @property
    def can_resume(self) -> bool:
        """Whether an interrupted labelling of texts can be resumed, because a slow language model does it."""
        return route_spec(self.route).role == "llm"


def plan_labels(options: LabelOptions, *, study: Study | None = None, store: Store | None = None) -> LabelPlan:
    """Return how labels will be made: by the given route, else by the only one in the settings, else by the encoder.

    Parameters
    ----------
    options : LabelOptions
        Options given by the user.
    study : Study, optional
        The study whose settings are used; only the profile's when left out.
    store : Store, optional
        The model store; the user's when left out.

    Returns
    -------
    LabelPlan
        The route and the settings.

    Raises
    ------
    ConfigError
        An option is not for the route, or it is not clear which route is meant.
    """
    store = store or Store()
    before = resolve_settings(store, study, {"profile": options.profile} if options.profile else None)
    route = _route(before.labels.routes, options)
    role = route_spec(route).role
    if options.ask and role != "llm":
        raise ConfigError("--ask is for routes that ask a language model", hint="Add --route fewshot")
    if options.int8 is not None and role != "labels":
        raise ConfigError("--int8 is for label models", hint="Leave it out")
    settings = resolve_settings(store, study, options.as_settings(route))
    return LabelPlan(store, study, options, route, settings)


def _route(known: Sequence[str], options: LabelOptions) -> str:
    if options.route:
        return options.route
    if len(known) == 1:
        return known[0]
    if "encoder" not in known and (options.model or options.ask):
        raise ConfigError(f"this study uses the routes {' and '.join(known)}", hint="Choose one with --route")
    return "encoder"


# --- a study --------------------------------------------------------------------------------------------------------


def label_study(
    study: Study, plan: LabelPlan, *, script: str | None = None, redo: bool = False, progress: Progress | None = None
) -> Summary:
    """Label the scripts of a study; the study stores the labels and remembers the options.

    A model labels beside the study's own where that has given labels or writes the scripts; see `place_beside`.

    Parameters
    ----------
    study : Study
        The study.
    plan : LabelPlan
        How to label; see `plan_labels`.
    script : str, optional
        An imported script to label in addition to those that the study labels already.
    redo : bool
        Replace labels that other models or settings have made.
    progress : Progress, optional
        Receives the progress.

    Returns
    -------
    Summary
        As `run` returns it.

    Raises
    ------
    ConfigError
        The language model of another profile would make scripts or captions outdated, or the name is of no use.
    InputError
        No post has the script.
    """
    given, labels = plan.options.as_settings(plan.route), plan.settings.labels
    key = _refuse_or_place(study, plan)
    if key is not None:
        alone = replace(plan.options, model=None).as_settings(plan.route)
        given = merge(alone, {"labels": {"beside": {key: plan.options.model_id}}})
    elif plan.options.route:
        given = merge(given, {"labels": {"routes": list(dict.fromkeys((*labels.routes, plan.route)))}})
    if script is not None:
        _require_script(study, script)
        given = merge(given, {"labels": {"scripts": list(dict.fromkeys((*labels.scripts, script)))}})
    selection = Selection(only="labels", redo=redo)
    summary = run((), study.root, options=given, selection=selection, store=plan.store, progress=progress)
    if key is not None:
        summary.notes.append(f"{plan.options.model} labels beside the study's own model: labels.<script>.{key}")
    if not any(step.written or step.current or step.failed for step in summary.steps):
        summary.notes += _not_labelled(study, summary)
    return summary


def _not_labelled(study: Study, summary: Summary) -> Iterator[str]:
    """Yield which scripts could be labelled where those that the study labels are missing."""
    counts = Counter(variant for post_id in study.post_ids() for variant in study.script_variants(post_id))
    for variant in sorted(counts):
        if not any(step.step.startswith(f"labels.{variant}.") for step in summary.steps):
            yield f"nothing was labelled; {counted(counts[variant], 'post')} have script.{variant}: --script {variant}"


def _refuse_or_place(study: Study, plan: LabelPlan) -> str | None:
    """Return where the labels of a given model go, as `place_beside` does."""
    options = plan.options
    settings = resolve_settings(plan.store, study, {"profile": options.profile} if options.profile else None)
    _refuse_other_writer(study, plan.store, settings)
    if options.model_id is None:
        return None
    return place_beside(study, plan.store, settings, route=plan.route, model=options.model_id, name=options.name)


def _refuse_other_writer(study: Study, store: Store, settings: Settings) -> None:
    """Raise if the language model of another profile would make scripts or captions of the study outdated."""
    before = resolve_settings(store, study)
    written = {
        "scripts": "local" in before.script.variants,
        "captions": before.vision.captions.writer == "llm",
    }
    old, new = (named_model(store, each, "llm") for each in (before, settings))
    if not any(written.values()) or old == new:
        return
    what = " and ".join(name for name, is_so in written.items() if is_so)
    raise ConfigError(
        f"{old} has written the {what} of this study: with {new} as its language model they would become outdated",
        path=study.root,
        hint="Leave out --profile and name the model, which then labels beside: "
        "valex label -s STUDY --route ROUTE --model MODEL",
    )


def _require_script(study: Study, name: str) -> None:
    if not any(script_of(name) in study.script_variants(post_id) for post_id in study.post_ids()):
        raise InputError(
            f"no post of this study has script.{name}.json", path=study.root, hint="Name another script with --script"
        )


# --- texts ----------------------------------------------------------------------------------------------------------


def draw_examples(
    texts: Sequence[Text],
    sheet: Path,
    *,
    shots: int,
    folds: int,
    group: str,
    seed: int,
    blank: Blank | None = None,
) -> tuple[Corpus, tuple[FewShotFold, ...]]:
    """Draw examples for the route ``fewshot`` from texts that people labelled.

    Parameters
    ----------
    texts : sequence of Text
        All texts that will be labelled.
    sheet : Path
        The label sheet of some of them.
    shots, folds, group, seed
        As in `plan_folds`.
    blank : {"absent", "missing"}, optional
        As for `read_sheet`.

    Returns
    -------
    tuple of Corpus and tuple of FewShotFold
        The texts matched with their labels, and which texts are labelled after which examples.

    Raises
    ------
    InputError
        The sheet is not about these texts, or they are too few for the folds or the examples.
    """
    labels = read_sheet(sheet, blank=blank)
    corpus = match(texts, gold_of(labels), labels.groups)
    return corpus, plan_folds(corpus, shots=shots, folds=folds, group=group, seed=seed)


def label_file(
    texts: Sequence[Text],
    out: Path,
    plan: LabelPlan,
    *,
    shape: Shape = "authors",
    folds: Sequence[FewShotFold] = (),
    language: str | None = None,
    states: Unvalidated | None = None,
    progress: Progress | None = None,
) -> LabelledTexts:
    """Label texts and write the labels into a CSV file.

    The answers of a language model are saved in a checkpoint next to the file until all is done.

    Parameters
    ----------
    texts : sequence of Text
        The texts.
    out : Path
        The file.
    plan : LabelPlan
        How to label; see `plan_labels`.
    shape : {"authors", "long"}
        Its columns.
    folds : sequence of FewShotFold
        Which texts are labelled after which examples; see `draw_examples`.
    language : str, optional
        ISO 639-1 code for texts that do not state their own.
    states : {"relative", "cautious", "own domain"}, optional
        As in `label_texts`.
    progress : Progress, optional
        Receives the progress.

    Returns
    -------
    LabelledTexts
        The labels; single texts that could not be labelled do not raise.

    Raises
    ------
    ConfigError
        The route labels no texts.
    ModelError
        The model cannot be used.
    StudyError
        The file cannot be written.
    """
    if route_spec(plan.route).reads:
        raise ConfigError(
            f"the route {plan.route} labels videos, not texts", hint="Leave out -o, or choose --route fewshot"
        )
    progress = progress or NullProgress()
    settings, route = plan.settings, route_spec(plan.route)
    device = detect(settings.work.device)
    set_threads(device.threads)  # before torch is imported
    model = plan.store.resolve(settings.profile, settings.models, needed=[route.role])[route.role]
    checkpoint = Checkpoint(out, name=plan.route, model=model, settings=settings) if plan.can_resume else None
    if note := unused_gpu(device):
        progress.say(note)
    progress.step("labels", len(texts))
    labelled = label_texts(
        texts,
        model,
        settings=settings,
        device=device,
        name=plan.route,
        folds=folds,
        checkpoint=checkpoint,
        language=language,
        states=states,
        on_progress=progress.advance,
    )
    write_labels(out, texts, labelled, shape=shape)
    if checkpoint is not None:
        checkpoint.done()
    return labelled


def write_labels(out: Path, texts: Sequence[Text], labelled: LabelledTexts, *, shape: Shape = "authors") -> None:
    """Write labels of texts into a CSV file, with the model and notices.

    Parameters
    ----------
    out : Path
        The file.
    texts : sequence of Text
        The texts.
    labelled : LabelledTexts
        Their labels.
    shape : {"authors", "long"}
        Its columns.

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    source, ids, drawn = labelled.source, labelled.answers.ids, labelled.states.calibration
    said = {name: "; ".join(notice.text for notice in notices) for name, notices in labelled.notices.items()}
    said |= {name: f"not labelled: {error.what}" for name, error in labelled.failed.items()}
    if shape == "long":
        about = {"model": source.model, "domain": source.domain, "baseline": source.baseline, "states": drawn.kind}
        columns = {name: dict.fromkeys(ids, cell) for name, cell in about.items() if cell is not None}
        cutoffs = dict.fromkeys(ids, labelled.cutoffs)
        write_long(out, {"": labelled.answers}, extra={**columns, "notes": said}, cutoffs=cutoffs)
        return
    whose = f"{source.model} ({source.baseline or source.domain}); states: {labelled.states.kind}"
    notes = {name: "; ".join(filter(None, (whose, said.get(name)))) for name in ids}
    write_authors(out, labelled.answers, has_sound={text.id: text.has_sound for text in texts}, notes=notes)


def check_target(out: Path, source: Path) -> None:
    """Raise if a file of labels cannot be written, before hours of work.

    Raises
    ------
    ConfigError
        It is a folder, it is the source of the texts, or its folder is missing or read-only.
    """
    if out.is_dir():
        raise ConfigError("this is a folder", path=out, hint="Name the CSV file to write")
    if not out.parent.is_dir():
        raise ConfigError("there is no such folder", path=out.parent, hint="Create it, or name another")
    if not os.access(out.parent, os.W_OK):
        raise ConfigError("this folder is not writable", path=out.parent, hint="Name another")
    if out.exists() and out.samefile(source):
        raise ConfigError("the labels would replace the texts", path=out, hint="Name another file with -o")
