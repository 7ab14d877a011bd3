"""Where answers come from: label files, model directories of `valex train`, studies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from valex_local.corpus.columns import text_id
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.sheets import Sheet, read_sheet
from valex_local.errors import InputError
from valex_local.evaluation.evaluate import EvaluatedRoute
from valex_local.posts.ids import post_names
from valex_local.records import Labels, Post
from valex_local.stages.labels.card import CARD, read_card
from valex_local.study import Study

GOLD = Path("training", "gold.csv")
PREDICTIONS = Path("training", "predictions.csv")
BASELINE = "training/baseline-{}.csv"
RECIPE = Path("training", "recipe.json")
"""What `valex train` leaves in a model directory for an evaluation."""

GROUP = "group"
"""The column of `GOLD` that holds what the folds never parted."""


@dataclass(frozen=True, eq=False)
class LabelSourcePath:
    """What a path holds.

    Attributes
    ----------
    routes : tuple of EvaluatedRoute
        Routes, and the baselines that were judged with them.
    gold : LabelMatrix or None
        The gold labels that the routes were trained on, out of fold.
    groups : mapping of str to mapping of str to str
        By the name of a grouping: the group of each text.
    grouped_by : str or None
        The grouping that the folds never parted.
    names : mapping of str to tuple of str
        Other names by which gold labels may call a text.
    notices : tuple of str
        What a reader must know of the file.
    """

    routes: tuple[EvaluatedRoute, ...]
    gold: LabelMatrix | None = None
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    grouped_by: str | None = None
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def read_source(argument: str) -> LabelSourcePath:
    """Read ``[NAME=]PATH``: a label file, a model directory or a study.

    Parameters
    ----------
    argument : str
        The path, which names its route by itself, or a name before it. The routes of a study are named
        ``<script>.<route>``, with NAME and a stop before them where one is given.

    Raises
    ------
    InputError
        There is nothing, nothing that labels, or a file that cannot be understood.
    """
    name, path = _split(argument)
    if not path.exists():
        raise InputError("there is no such file or folder", path=path)
    if (path / "study.toml").is_file():
        return _of_study(Study(path), name)
    if (path / PREDICTIONS).is_file():
        return _of_model(path, name or path.resolve().name)
    if path.is_dir():
        held = "a label model without the predictions of its training" if (path / CARD).is_file() else "no study"
        raise InputError(
            f"this folder holds {held} and no {PREDICTIONS}",
            path=path,
            hint="Name a label file, a model directory that valex train wrote, or a study that the model has labelled",
        )
    sheet = read_sheet(path)
    notices = tuple(f"{path.name}: {notice}" for notice in sheet.notices)
    return LabelSourcePath((_route(name or path.stem, sheet),), groups=sheet.groups, notices=notices)


def _split(argument: str) -> tuple[str | None, Path]:
    """Part a name from a path; what exists as it stands is a path, whatever signs it holds."""
    name, equals, path = argument.partition("=")
    if not equals or not name or "/" in name or Path(argument).exists():
        return None, Path(argument)
    return name, Path(path)


def _route(name: str, sheet: Sheet, *, baseline: bool = False, about: str | None = None) -> EvaluatedRoute:
    return EvaluatedRoute(name, tuple(sheet.labels.values()), baseline=baseline, about=about)


# --- a model directory ----------------------------------------------------------------------------------------------


def _of_model(folder: Path, name: str) -> LabelSourcePath:
    card = read_card(folder) if (folder / CARD).is_file() else None
    about = f"out of fold; trained on {_domain(card.domain, card.languages)}" if card is not None else "out of fold"
    gold = read_sheet(folder / GOLD)
    (answers,) = gold.labels.values()
    prefix, suffix = Path(BASELINE.format("|")).name.split("|")
    baselines = (
        _route(path.name.removeprefix(prefix).removesuffix(suffix), read_sheet(path), baseline=True)
        for path in sorted((folder / BASELINE).parent.glob(f"{prefix}*{suffix}"))
    )
    grouped_by = _grouping(folder)
    groups = {grouped_by: gold.groups[GROUP]} if GROUP in gold.groups else {}
    route = _route(name, read_sheet(folder / PREDICTIONS), about=about)
    return LabelSourcePath((route, *baselines), answers, groups, grouped_by if groups else None)


def _grouping(folder: Path) -> str:
    """Return what the training was grouped by, as its recipe says."""
    path = folder / RECIPE
    if not path.is_file():
        return GROUP
    try:
        return str(json.loads(path.read_text("utf-8"))["options"]["group"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"this is no recipe of a training ({error})", path=path, hint="Train the model anew"
        ) from error


def _domain(domain: str, languages: tuple[str, ...]) -> str:
    return f"{domain} ({', '.join(languages)})" if languages else domain


# --- a study --------------------------------------------------------------------------------------------------------


def _of_study(study: Study, name: str | None) -> LabelSourcePath:
    labels: dict[str, dict[str, Labels]] = {}
    names: dict[str, tuple[str, ...]] = {}
    for post_id in study.post_ids():
        own, *others = _names(study.post(post_id))
        names[own] = tuple(others)
        for path in sorted(study.folder(post_id).glob("labels.*.*.json")):
            record = study.require(post_id, path.stem, Labels)
            labels.setdefault(path.stem.removeprefix("labels."), {})[own] = record
    if not labels:
        raise InputError("this study holds no labels", path=study.root, hint="Make them with: valex run -s STUDY")
    lead = "" if name is None else f"{name}."
    routes = (
        EvaluatedRoute(
            f"{lead}{stem}",
            (LabelMatrix.from_labels({post: r.values for post, r in found.items()}),),
            about=_about(found),
        )
        for stem, found in sorted(labels.items())
    )
    return LabelSourcePath(tuple(routes), names=names)


def _names(post: Post) -> tuple[str, ...]:
    """Return the ids by which a label sheet may call a post; the first that has the user is its own."""
    return tuple(dict.fromkeys(map(text_id, post_names(post))))


def _about(labels: Mapping[str, Labels]) -> str:
    """Return which models gave the labels, and what they are for."""
    sources = {record.source for record in labels.values()}
    said = (
        f"labels by {s.model}, {'a baseline ' if s.baseline else ''}for {_domain(s.domain, s.languages)}"
        for s in sorted(sources, key=lambda source: source.model)
    )
    return "; ".join(said)
