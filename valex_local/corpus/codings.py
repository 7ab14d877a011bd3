"""Codings of the posts of a study as label matrices: what people coded with ``valex review``, as gold labels."""

from __future__ import annotations

from collections import defaultdict

from valex_local.corpus.label_matrix import LabelMatrix, labels_of
from valex_local.corpus.sheets import Sheet
from valex_local.records import Coding
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study
from valex_local.study.codings import coders_of, read_coding


def read_codings(study: Study, *, unfinished: bool = False) -> dict[str, LabelMatrix]:
    """Return what each coder of a study coded, by coder; ``adjudicated`` is one of them.

    Parameters
    ----------
    study : Study
        The study.
    unfinished : bool
        Whether to include posts that a coder has not finished. Values without a decision are not assessed.

    Returns
    -------
    dict of str to LabelMatrix
        Labels of the posts that a coder finished, without probabilities; coders without any are left out.

    Raises
    ------
    StudyError
        A coding cannot be read.
    """
    found: defaultdict[str, dict[str, Coding]] = defaultdict(dict)
    for post_id in study.post_ids():
        for coder in coders_of(study, post_id):
            coding = read_coding(study, post_id, coder)
            if coding is not None and (coding.done or unfinished):
                found[coder][post_id] = coding
    return {coder: coding_matrix(codings) for coder, codings in sorted(found.items())}


def coded_sheet(study: Study) -> Sheet | None:
    """Return the codings of a study as a label sheet, or None if no coder has finished a post."""
    labels = read_codings(study)
    return Sheet(study.root / "posts", "long", labels, has_probabilities=False) if labels else None


def coding_matrix(codings: dict[str, Coding]) -> LabelMatrix:
    """Return codings by one coder, given by post, as a label matrix."""
    matrix = LabelMatrix.empty(codings)
    for row, coding in enumerate(codings.values()):
        for coded in coding.values:
            if coded.state is not State.NOT_ASSESSED:
                column = CIRCLE.index(coded.value)
                matrix.labels[row, column] = labels_of(coded.state)
                matrix.dominant[row, column] = coded.dominant
    return matrix
