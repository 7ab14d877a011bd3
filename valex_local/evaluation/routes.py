"""Read the labels of routes from label files, model directories of `valex train`, and studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.sheets import Sheet, read_sheet
from valex_local.corpus.study_labels import gold_files
from valex_local.errors import InputError
from valex_local.evaluation.evaluate import EvaluatedRoute
from valex_local.evaluation.selection import check_names, selects
from valex_local.files.text import load_json, read_raw
from valex_local.records import Labels, Post
from valex_local.stages.labels.card import CARD, read_card
from valex_local.states.words import kind_of_states
from valex_local.study import Study
from valex_local.study.variants import LabelKey

GOLD = Path("training", "gold.csv")
PREDICTIONS = Path("training", "predictions.csv")
BASELINE = "training/baseline-{}.csv"
RECIPE = Path("training", "recipe.json")
"""Files that `valex train` writes into a model directory for later evaluation."""

GROUP = "group"
"""The column of `GOLD` with the groups that the folds kept whole."""


@dataclass(frozen=True, eq=False)
class LabelSourcePath:
    """The labels at a path.

    Attributes
    ----------
    routes : tuple of EvaluatedRoute
        Routes, and the baselines that were evaluated with them.
    gold : LabelMatrix or None
        The gold labels that a model was trained on.
    groups : mapping of str to mapping of str to str
        The group of each text, by the name of the grouping.
    grouped_by : str or None
        The grouping that the folds kept whole.
    posts : tuple of Post
        The posts of a study.
    gold_files : tuple of Path
        The gold labels that were imported into a study.
    notices : tuple of str
        Notices about the file.
    """

    routes: tuple[EvaluatedRoute, ...]
    gold: LabelMatrix | None = None
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    grouped_by: str | None = None
    posts: tuple[Post, ...] = ()
    gold_files: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()


def read_source(argument: str) -> LabelSourcePath:
    """Return the labels at ``[NAME=]PATH``: a label file, a model directory or a study.

    Parameters
    ----------
    argument : str
        A path, from which the name of the route is derived, or a name and a path. The routes of a study are named
        ``<script>.<route>``, preceded by NAME and a full stop if a name is given.

    Raises
    ------
    InputError
        The path does not exist, contains no labels, or a file cannot be understood.
    """
    name, path = _split(argument)
    if not path.exists():
        raise InputError("there is no such file or folder", path=path)
    if (path / "study.toml").is_file():
        return _of_study(Study(path), name)
    if (path / PREDICTIONS).is_file():
        return _of_model(path, name or path.resolve().name)
    if path.is_dir():
        what = "a label model without the predictions of its training" if (path / CARD).is_file() else "not a study"
        raise InputError(
            f"this folder is {what} and has no {PREDICTIONS}",
            path=path,
            hint="Give a label file, a model directory that valex train wrote, or a study labelled by the model",
        )
    sheet = read_sheet(path)
    notices = tuple(f"{path.name}: {notice}" for notice in sheet.notices)
    return LabelSourcePath((_route(name or path.stem, sheet),), groups=sheet.groups, notices=notices)


def choose(
    sources: Sequence[LabelSourcePath], *, routes: Sequence[str] = (), scripts: Sequence[str] = ()
) -> list[LabelSourcePath]:
    """Return the sources with the labels of studies by some routes and for some scripts only.

    Parameters
    ----------
    sources : sequence of LabelSourcePath
        The sources. Label files and model directories stay as they are.
    routes, scripts : sequence of str
        What to keep, as for `selects`; everything if empty.

    Returns
    -------
    list of LabelSourcePath
        The sources, without studies of which nothing is left.

    Raises
    ------
    InputError
        No study is among the sources, or none has labels by such a route or for such a script.
    """
    if not routes and not scripts:
        return list(sources)
    check_names({r.key for s in sources for r in s.routes if r.key is not None}, routes=routes, scripts=scripts)
    kept = (
        replace(
            source,
            routes=tuple(r for r in source.routes if r.key is None or selects(r.key, routes=routes, scripts=scripts)),
        )
        for source in sources
    )
    return [source for source in kept if source.routes]


def _split(argument: str) -> tuple[str | None, Path]:
    """Return the name, if any, and the path; an argument that exists as a path is one, even if it contains ``=``."""
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
    (labels,) = gold.labels.values()
    prefix, suffix = Path(BASELINE.format("|")).name.split("|")
    baselines = (
        _route(path.name.removeprefix(prefix).removesuffix(suffix), read_sheet(path), baseline=True)
        for path in sorted((folder / BASELINE).parent.glob(f"{prefix}*{suffix}"))
    )
    grouped_by = _grouping(folder)
    groups = {grouped_by: gold.groups[GROUP]} if GROUP in gold.groups else {}
    route = _route(name, read_sheet(folder / PREDICTIONS), about=about)
    return LabelSourcePath((route, *baselines), labels, groups, grouped_by if groups else None)


def _grouping(folder: Path) -> str:
    """Return what the training was grouped by, according to its recipe."""
    path = folder / RECIPE
    if not path.is_file():
        return GROUP
    try:
        return str(load_json(read_raw(path))["options"]["group"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"this training recipe cannot be read ({error})", path=path, hint="Train the model again"
        ) from error


def _domain(domain: str, languages: tuple[str, ...]) -> str:
    return f"{domain} ({', '.join(languages)})" if languages else domain


# --- a study --------------------------------------------------------------------------------------------------------


def _of_study(study: Study, name: str | None) -> LabelSourcePath:
    labels: dict[LabelKey, dict[str, Labels]] = {}
    posts = tuple(map(study.post, study.post_ids()))
    for post in posts:
        for key, record in study.all_labels(post.id).items():
            labels.setdefault(key, {})[post.id] = record
    if not labels:
        raise InputError("this study has no labels", path=study.root, hint="Make them with: valex run -s STUDY")
    lead = "" if name is None else f"{name}."
    routes = (
        EvaluatedRoute(
            f"{lead}{key}",
            (LabelMatrix.from_labels({post: r.values for post, r in found.items()}),),
            about=_about(found),
            key=key,
        )
        for key, found in sorted(labels.items())
    )
    return LabelSourcePath(tuple(routes), posts=posts, gold_files=tuple(gold_files(study)))


def _about(labels: Mapping[str, Labels]) -> str:
    """Return the names of the models that gave the labels, and the domains that they are for."""
    sources = {record.source for record in labels.values()}
    models = (
        f"labels by {s.model}{', a baseline' if s.baseline else ''}, domain: {_domain(s.domain, s.languages)}"
        for s in sorted(sources, key=lambda source: source.model)
    )
    return "; ".join([*models, *dict.fromkeys(_drawn(labels))])


def _drawn(labels: Mapping[str, Labels]) -> Iterator[str]:
    """Yield how states were drawn; on the gold labels that they were fitted to, they look better than they are."""
    for calibration in filter(None, (record.calibration for record in labels.values())):
        fitted = ", on which figures are too good: valex calibrate gives those of cross-validation"
        yield f"states {kind_of_states(calibration)}{fitted if calibration.kind == 'validated' else ''}"
