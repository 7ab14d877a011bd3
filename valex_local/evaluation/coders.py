"""The labels of a study whose agreement is measured: those of coders, those by models, and those in label files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from valex_local.corpus.aggregate import majority
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.post_finder import PostFinder
from valex_local.corpus.sheets import read_sheet
from valex_local.corpus.study_labels import gold_files, labels_by_model
from valex_local.errors import InputError
from valex_local.evaluation.posts import PostNames, renamed
from valex_local.evaluation.routes import read_source
from valex_local.study import LabelKey, Study


def labels_of_coders(study: Study) -> dict[str, LabelMatrix]:
    """Return the gold labels of a study by coder; there may be none."""
    sheets = {path.stem: read_sheet(path) for path in gold_files(study)}
    return {name or stem: labels for stem, sheet in sheets.items() for name, labels in sheet.labels.items()}


def labels_of_models(study: Study, keys: Sequence[str]) -> dict[str, LabelMatrix]:
    """Return sets of labels of a study.

    Parameters
    ----------
    study : Study
        The study.
    keys : sequence of str
        The sets of labels, such as ``template.encoder``.

    Raises
    ------
    InputError
        No post has such labels.
    """
    return {text: labels_by_model(study, LabelKey.of(text)) for text in keys}


def labels_of_files(study: Study, arguments: Sequence[str], taken: Mapping[str, LabelMatrix]) -> dict[str, LabelMatrix]:
    """Return the labels in label files, of each the majority of its runs, under the ids of the study's posts.

    Parameters
    ----------
    study : Study
        The study.
    arguments : sequence of str
        ``[NAME=]PATH`` of each file.
    taken : mapping of str to LabelMatrix
        Other labels that are compared; their names are taken.

    Raises
    ------
    InputError
        A file cannot be read, is about none of the posts, or two have the same name.
    """
    posts = list(map(study.post, study.post_ids(excluded=True)))
    names, known = PostNames([PostFinder(posts)]), {post.id for post in posts}
    found: dict[str, LabelMatrix] = {}
    for argument in arguments:
        for route in read_source(argument).routes:
            if route.name in found or route.name in taken:
                raise InputError(f"two sets of labels are named {route.name}", hint="Name one of them: NAME=FILE")
            labels = majority(route.runs)
            labels = renamed(labels, {name: names.of(name) for name in labels.ids})
            if known.isdisjoint(labels.ids):
                raise InputError(
                    f"{route.name} is about none of the posts of this study",
                    path=study.root,
                    hint="Name posts by TikTok URL, by user_number, or by the ids of the study",
                )
            found[route.name] = labels
    return found
