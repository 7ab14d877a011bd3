"""Labels from elsewhere become gold labels of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from valex_local.corpus import read_sheet
from valex_local.corpus.aggregate import join
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import ConfigError, InputError
from valex_local.exchange.annotations import read_annotations
from valex_local.exchange.gold import differing, gold_file, put_over, read_gold, write_gold
from valex_local.exchange.posts import PostFinder
from valex_local.schwartz import CIRCLE
from valex_local.study import Study

_NAMED = 5
"""How many contradictions are spelled out."""


@dataclass
class GoldOf:
    """What came of one annotator's labels.

    Attributes
    ----------
    file : str
        Where they are.
    posts, labels : int
        How many posts and single labels were read.
    added, replaced : int
        Labels of values of which the study said nothing, or something else.
    """

    file: str
    posts: int
    labels: int
    added: int
    replaced: int


@dataclass
class ImportedLabels:
    """What came of an import.

    Attributes
    ----------
    study : str
        The folder.
    annotators : dict of str to GoldOf
        By annotator.
    unmatched : list of str
        Labelled posts that the study does not have, or that fit several, with the reason.
    notices : list of str
        What else a reader of the labels must know.
    """

    study: str
    annotators: dict[str, GoldOf] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every label found its post."""
        return not self.unmatched


@dataclass(frozen=True)
class _Source:
    """What a file says, by annotator; `names` are those of the post that an id stands for."""

    path: Path
    answers: Mapping[str, LabelMatrix]
    names: Mapping[str, tuple[str, ...]]
    notices: tuple[str, ...]


def import_labels(
    paths: Sequence[Path], out: Path, *, annotator: str | None = None, replace: bool = False
) -> ImportedLabels:
    """Make labels gold labels of a study, in ``gold/<annotator>.csv``.

    Parameters
    ----------
    paths : sequence of Path
        Label sheets of any shape, and exports of Label Studio.
    out : Path
        The study folder.
    annotator : str, optional
        Whose labels these are; needed where a file does not say, and good for calling the one annotator whom the files
        name by another name.
    replace : bool
        Let new labels take the place of others that the study has of the same annotator, post and value.

    Returns
    -------
    ImportedLabels
        Labels whose posts are not in the study are in it and do not raise.

    Raises
    ------
    ConfigError
        It cannot be told whose labels these are, or the name cannot be used.
    InputError
        A file cannot be understood, two contradict each other, or contradict what the study has and `replace` is not
        given. Nothing is written then.
    StudyError
        There is no study, or a run is at work in it.
    """
    sources = _called([_read(path) for path in paths], annotator)
    study = Study(out)
    found = ImportedLabels(str(out), notices=[f"{s.path.name}: {notice}" for s in sources for notice in s.notices])
    with study.lock():
        said = _by_post(sources, PostFinder(study.post(post_id) for post_id in study.post_ids()), found)
        known = {name: read_gold(study, name) for name in said}
        if not replace:
            _hold_agreement(study, known, said)
        for name, answers in said.items():
            before, after = known[name], put_over(known[name], answers)
            path = write_gold(study, name, after)
            found.annotators[name] = GoldOf(
                str(path.relative_to(study.root)),
                posts=len(answers),
                labels=_labels(answers),
                added=_labels(after) - _labels(before),
                replaced=int(differing(before.of(answers.ids), answers).sum()),
            )
    return found


def _read(path: Path) -> _Source:
    if path.suffix.lower() == ".json":
        annotations = read_annotations(path)
        return _Source(path, annotations.answers, annotations.names, annotations.notices)
    sheet = read_sheet(path)
    scored = ("probabilities left out: gold labels have none",) if sheet.has_probabilities else ()
    names = {post: (post,) for answers in sheet.labels.values() for post in answers.ids}
    return _Source(path, sheet.labels, names, (*sheet.notices, *scored))


def _called(sources: Sequence[_Source], annotator: str | None) -> list[_Source]:
    """Return the sources with a name for everybody."""
    named = list(dict.fromkeys(name for source in sources for name in source.answers if name))
    if annotator is None:
        silent = [source.path for source in sources if "" in source.answers]
        if silent:
            raise ConfigError(
                "this file does not say whose labels it holds", path=silent[0], hint="Add --annotator NAME"
            )
        return list(sources)
    several = next((s for s in sources if len(s.answers) > 1), None)
    if len(named) > 1 or several is not None:
        raise ConfigError(
            f"--annotator {annotator}: the files name several annotators: {', '.join(named)}",
            hint="Leave it out, or name files of one annotator",
        )
    return [replace(source, answers={annotator: next(iter(source.answers.values()))}) for source in sources]


# --- from names to posts --------------------------------------------------------------------------------------------


def _by_post(sources: Sequence[_Source], finder: PostFinder, found: ImportedLabels) -> dict[str, LabelMatrix]:
    """Return what each annotator says of the study's posts; note what fits none."""
    parts: dict[str, list[tuple[str, LabelMatrix]]] = {}
    for source in sources:
        posts = _posts(source, finder, found)
        for name, answers in source.answers.items():
            parts.setdefault(name, []).extend(_renamed(source.path, answers, posts))
    joined = {name: join(found_parts) for name, found_parts in parts.items() if found_parts}
    return {name: answers for name, answers in joined.items() if _labels(answers)}


def _posts(source: _Source, finder: PostFinder, found: ImportedLabels) -> dict[str, str]:
    posts = {}
    for name, names in source.names.items():
        fitting = finder.find(names)
        if len(fitting) == 1:
            posts[name] = fitting[0]
        else:
            fits = f"it fits {len(fitting)} posts: {', '.join(fitting[:3])}"
            why = fits if fitting else "the study has no such post" if names else "nothing names its post"
            found.unmatched.append(f"{name} ({source.path.name}): {why}")
    return posts


def _renamed(path: Path, answers: LabelMatrix, posts: Mapping[str, str]) -> Iterator[tuple[str, LabelMatrix]]:
    """Yield labels under the ids of their posts; where two names are one post, in several parts."""
    left = [row for row, name in enumerate(answers.ids) if name in posts]
    while left:
        rows = {posts[answers.ids[row]]: row for row in reversed(left)}
        taken = set(rows.values())
        part = answers.take(list(rows.values()))
        yield str(path), LabelMatrix(tuple(rows), part.labels, part.probabilities, part.dominant)
        left = [row for row in left if row not in taken]


def _labels(answers: LabelMatrix) -> int:
    """Return of how many values something is said."""
    return int((~np.isnan(answers.labels)).any(axis=2).sum())


def _hold_agreement(study: Study, known: Mapping[str, LabelMatrix], said: Mapping[str, LabelMatrix]) -> None:
    """Refuse labels that contradict what the study has of the same annotators."""
    for name, answers in said.items():
        before = known[name].of(answers.ids)
        places = np.argwhere(differing(before, answers))
        if len(places):
            told = [
                f"{answers.ids[row]}, {CIRCLE[at]}: {_state(before, row, at)} there, {_state(answers, row, at)} here"
                for row, at in places[:_NAMED]
            ]
            more = f"; and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
            raise InputError(
                f"labels by {name} differ from what the study has: {len(places)} ({'; '.join(told)}{more})",
                path=gold_file(study, name),
                hint="Nothing was written. With --replace the new ones count",
            )


def _state(answers: LabelMatrix, row: int, column: int) -> str:
    return "dominant" if answers.dominant[row, column] else answers.state(row, column).value
