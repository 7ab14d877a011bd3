"""Finished codings as gold labels of the study, which evaluation, calibration and training read."""

from __future__ import annotations

from pathlib import Path

from valex_local.corpus.label_matrix import LabelMatrix, labels_of
from valex_local.exchange.gold import gold_file, overlaid, read_gold, write_gold
from valex_local.files.atomic import writing
from valex_local.files.removing import remove
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

    A post that was opened again after it had been finished has no gold labels by this coder until it is finished again.

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
    mine = dict(codings(study, coder))
    done = {post_id: one for post_id, one in mine.items() if one.done}
    opened_again = {post_id for post_id, one in mine.items() if not one.done and "done" in one.changed}
    if not done and not opened_again:
        return None
    known, groups = read_gold(study, coder)
    kept = known.take([row for row, post_id in enumerate(known.ids) if post_id not in opened_again])
    labels = overlaid(kept, coded(done))
    if labels.ids:
        return write_gold(study, coder, labels, groups)
    path = gold_file(study, coder)
    if path.exists():
        with writing(path):
            remove(path, inside=study.root)
    return None
