"""Import labels as gold labels of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from valex_local.corpus import read_sheet
from valex_local.corpus.aggregate import join
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.post_finder import PostFinder
from valex_local.corpus.sheet_builder import Blank
from valex_local.errors import ConfigError, InputError
from valex_local.exchange.annotations import read_annotations
from valex_local.exchange.gold import Groups, differing, gold_file, joined, overlaid, read_gold, write_gold
from valex_local.privacy.copies import own_ids
from valex_local.schwartz import CIRCLE
from valex_local.study import Study

_NAMED = 5
"""Maximum number of contradictions that a message lists."""


@dataclass
class AnnotatorResult:
    """The result of importing one annotator's labels.

    Attributes
    ----------
    file : str
        The file with the gold labels.
    posts, labels : int
        Number of posts and of single labels that were read.
    added, replaced : int
        Number of labels that the study did not have, or had with another state.
    """

    file: str
    posts: int
    labels: int
    added: int
    replaced: int


@dataclass
class ImportedLabels:
    """The result of an import.

    Attributes
    ----------
    study : str
        The folder of the study.
    annotators : dict of str to AnnotatorResult
        The result for each annotator.
    unmatched : list of str
        Labelled posts that match no post or several posts of the study, with the reason.
    notices : list of str
        Other notices about the labels.
    complete : bool
        Whether every label in the files was understood.
    """

    study: str
    annotators: dict[str, AnnotatorResult] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    complete: bool = True

    @property
    def ok(self) -> bool:
        """Whether every label was understood and matched with a post."""
        return self.complete and not self.unmatched


@dataclass(frozen=True)
class _Source:
    """The labels in a file by annotator; `names` are the names of the post behind each id, `groups` its groups."""

    path: Path
    labels: Mapping[str, LabelMatrix]
    names: Mapping[str, tuple[str, ...]]
    notices: tuple[str, ...]
    complete: bool
    groups: Groups = field(default_factory=dict)


def import_labels(
    paths: Sequence[Path],
    out: Path,
    *,
    annotator: str | None = None,
    replace: bool = False,
    blank: Blank | None = None,
    pseudonyms: Path | None = None,
) -> ImportedLabels:
    """Store labels as gold labels of a study, in ``gold/<annotator>.csv``.

    Parameters
    ----------
    paths : sequence of Path
        Label sheets of any kind, and exports of Label Studio.
    out : Path
        The study folder.
    annotator : str, optional
        Who gave the labels. Required if a file does not say; if the files name one annotator, this replaces the name.
    replace : bool
        Whether to replace different labels that the study has for the same annotator, post and value.
    blank : {"absent", "missing"}, optional
        What a blank cell means, where a sheet does not say.
    pseudonyms : Path, optional
        File with the key of pseudonyms, where sheets name posts by them.

    Returns
    -------
    ImportedLabels
        What was stored. Labels of posts that are not in the study are listed in it and do not raise.

    Raises
    ------
    ConfigError
        The annotator is unknown, or the name or the key cannot be used.
    InputError
        A file cannot be understood, two files contradict each other, or they contradict the study's labels and
        `replace` is False. Nothing is written in that case.
    StudyError
        There is no study, or a run is active in it.
    """
    sources = _named([_read(path, blank) for path in paths], annotator)
    study = Study(out)
    if pseudonyms is not None:
        own = own_ids(study, pseudonyms)
        sources = [_with_own_ids(source, own) for source in sources]
    found = ImportedLabels(str(out), notices=[f"{s.path.name}: {notice}" for s in sources for notice in s.notices])
    found.complete = all(source.complete for source in sources)
    with study.lock():
        posts = _posts(sources, PostFinder(study.post(post_id) for post_id in study.post_ids()), found)
        given = _by_post(sources, posts)
        stored = {name: read_gold(study, name) for name in given}
        known = {name: labels for name, (labels, _) in stored.items()}
        if not replace:
            _refuse_contradictions(study, known, given)
        for name, labels in given.items():
            before, after = known[name], overlaid(known[name], labels)
            groups = joined([stored[name][1], *_groups(sources, posts, name)])
            path = write_gold(study, name, after, groups)
            found.annotators[name] = AnnotatorResult(
                str(path.relative_to(study.root)),
                posts=len(labels),
                labels=_count(labels),
                added=_count(after) - _count(before),
                replaced=int(differing(before.of(labels.ids), labels).sum()),
            )
    return found


def _read(path: Path, blank: Blank | None) -> _Source:
    if path.suffix.lower() == ".json":
        annotations = read_annotations(path)
        return _Source(path, annotations.labels, annotations.names, annotations.notices, annotations.complete)
    sheet = read_sheet(path, blank=blank)
    scored = ("probabilities left out because gold labels have none",) if sheet.has_probabilities else ()
    names = {post: (post,) for labels in sheet.labels.values() for post in labels.ids}
    return _Source(path, sheet.labels, names, (*sheet.notices, *scored), sheet.complete, sheet.groups)


def _named(sources: Sequence[_Source], annotator: str | None) -> list[_Source]:
    """Return the sources with a name for every annotator."""
    names = list(dict.fromkeys(name for source in sources for name in source.labels if name))
    if annotator is None:
        unnamed = [source.path for source in sources if "" in source.labels]
        if unnamed:
            raise ConfigError(
                "this file does not say who gave the labels", path=unnamed[0], hint="Add --annotator NAME"
            )
        return list(sources)
    several = next((source for source in sources if len(source.labels) > 1), None)
    if len(names) > 1 or several is not None:
        raise ConfigError(
            f"--annotator {annotator}: the files name several annotators: {', '.join(names)}",
            hint="Leave out --annotator, or give files of one annotator",
        )
    return [replace(source, labels={annotator: next(iter(source.labels.values()))}) for source in sources]


# --- from names to posts --------------------------------------------------------------------------------------------


def _by_post(sources: Sequence[_Source], posts: Mapping[Path, Mapping[str, str]]) -> dict[str, LabelMatrix]:
    """Return each annotator's labels of the study's posts."""
    parts: dict[str, list[tuple[str, LabelMatrix]]] = {}
    for source in sources:
        for name, labels in source.labels.items():
            parts.setdefault(name, []).extend(_renamed(source.path, labels, posts[source.path]))
    joined = {name: join(found_parts) for name, found_parts in parts.items() if found_parts}
    return {name: labels for name, labels in joined.items() if _count(labels)}


def _groups(sources: Sequence[_Source], posts: Mapping[Path, Mapping[str, str]], annotator: str) -> Iterator[Groups]:
    """Yield the groups of the posts that an annotator labelled, from each source."""
    for source in (source for source in sources if annotator in source.labels):
        called = {own: posts[source.path][own] for own in source.labels[annotator].ids if own in posts[source.path]}
        yield {
            column: {called[own]: cell for own, cell in cells.items() if own in called}
            for column, cells in source.groups.items()
        }


def _with_own_ids(source: _Source, own: Mapping[str, str]) -> _Source:
    """Return a source with the posts' own ids in place of pseudonyms."""
    names = {post: tuple(own.get(name, name) for name in named) for post, named in source.names.items()}
    return replace(source, names=names)


def _posts(sources: Sequence[_Source], finder: PostFinder, found: ImportedLabels) -> dict[Path, dict[str, str]]:
    """Return which post of the study each name in each file stands for; add names without one to `found`."""
    return {source.path: _posts_in(source, finder, found) for source in sources}


def _posts_in(source: _Source, finder: PostFinder, found: ImportedLabels) -> dict[str, str]:
    posts = {}
    for name, names in source.names.items():
        fitting = finder.find(names)
        if len(fitting) == 1:
            posts[name] = fitting[0]
        else:
            several = f"it matches {len(fitting)} posts: {', '.join(fitting[:3])}"
            why = several if fitting else "the study has no such post" if names else "it does not name a post"
            found.unmatched.append(f"{name} ({source.path.name}): {why}")
    return posts


def _renamed(path: Path, labels: LabelMatrix, posts: Mapping[str, str]) -> Iterator[tuple[str, LabelMatrix]]:
    """Yield labels under the ids of their posts; in several parts if two names stand for the same post."""
    left = [row for row, name in enumerate(labels.ids) if name in posts]
    while left:
        rows = {posts[labels.ids[row]]: row for row in reversed(left)}
        taken = set(rows.values())
        part = labels.take(list(rows.values()))
        yield str(path), LabelMatrix(tuple(rows), part.labels, part.probabilities, part.dominant)
        left = [row for row in left if row not in taken]


def _count(labels: LabelMatrix) -> int:
    """Return the number of texts and values that have a label."""
    return int((~np.isnan(labels.labels)).any(axis=2).sum())


def _refuse_contradictions(study: Study, known: Mapping[str, LabelMatrix], given: Mapping[str, LabelMatrix]) -> None:
    """Raise InputError if labels contradict those that the study has by the same annotators."""
    for name, labels in given.items():
        before = known[name].of(labels.ids)
        places = np.argwhere(differing(before, labels))
        if len(places):
            shown = ((labels.ids[i], CIRCLE[v], _state(before, i, v), _state(labels, i, v)) for i, v in places[:_NAMED])
            listed = [f"{post}, {value}: {old} in the study, {new} here" for post, value, old, new in shown]
            more = f"; and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
            raise InputError(
                f"labels by {name} differ from those in the study: {len(places)} ({'; '.join(listed)}{more})",
                path=gold_file(study, name),
                hint="Nothing was written. Add --replace to use the new labels",
            )


def _state(labels: LabelMatrix, row: int, column: int) -> str:
    return "dominant" if labels.dominant[row, column] else labels.state(row, column).value
