"""Finished codings as gold labels of the study, which evaluation, calibration and training read."""

from __future__ import annotations

from pathlib import Path

from valex_local.corpus.label_matrix import LabelMatrix, labels_of
from valex_local.exchange.gold import overlaid, read_gold, write_gold
from valex_local.records import Coding
from valex_local.schwartz import CIRCLE
from valex_local.study import Study
from valex_local.study.codings import codings


def coded(records: dict[str, Coding]) -> LabelMatrix:
    """Return codings by post as labels; open values are not assessed."""
    matrix = LabelMatrix.empty(records)
    for row, coding in enumerate(records.values()):
        for column, value in enumerate(CIRCLE):
            decided = coding.values.get(value)
            if decided is not None:
                matrix.labels[row, column] = labels_of(decided.state)
                matrix.dominant[row, column] = decided.dominant
    return matrix


def store_gold(study: Study, coder: str) -> Path | None:
    """Write what a coder has finished into ``gold/<coder>.csv``, over what was imported there before.

    Parameters
    ----------
    study : Study
        The study.
    coder : str
        The coder.

    Returns
    -------
    Path or None
        The file; None if nothing is finished.

    Raises
    ------
    InputError
        The file was changed and cannot be understood.
    StudyError
        The study cannot be read or written.
    """
    done = {post_id: one for post_id, one in codings(study) if one.coder == coder and one.done}
    if not done:
        return None
    known, groups = read_gold(study, coder)
    return write_gold(study, coder, overlaid(known, coded(done)), groups)
