"""Label sheets that `valex` writes: with a row for each post and value, and the authors' shape."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import TextIO

from valex_local.corpus.columns import text_id
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.long_format import BOTH, NO, YES
from valex_local.files.atomic import write_whole
from valex_local.files.tables import guarded
from valex_local.posts.ids import post_key
from valex_local.schwartz import CIRCLE, State, Value

LONG_COLUMNS = ("post", "value", "state", "present", "conflicted", "dominant")

SHEET_ORDER = (
    Value.SELF_DIRECTION_THOUGHT, Value.SELF_DIRECTION_ACTION, Value.STIMULATION, Value.HEDONISM, Value.ACHIEVEMENT,
    Value.POWER_RESOURCES, Value.POWER_DOMINANCE, Value.FACE, Value.SECURITY_PERSONAL, Value.SECURITY_SOCIETAL,
    Value.CONFORMITY_RULES, Value.CONFORMITY_INTERPERSONAL, Value.TRADITION, Value.HUMILITY,
    Value.BENEVOLENCE_DEPENDABILITY, Value.BENEVOLENCE_CARING, Value.UNIVERSALISM_CONCERN, Value.UNIVERSALISM_NATURE,
    Value.UNIVERSALISM_TOLERANCE,
)  # fmt: skip
"""The values in the order of the authors' sheet."""


def write_long(
    target: Path | TextIO,
    runs: Mapping[str, LabelMatrix],
    *,
    extra: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Write a CSV with a row for each run, post and value, which `read_sheet` reads back.

    The columns are ``post, value, state, present, conflicted, dominant``, then ``run`` where there is a run with a
    name, then those of `extra`. ``present`` and ``conflicted`` hold the probability of the polarity with four digits,
    ``yes`` or ``no`` where it has none, and nothing where it was not assessed. A value that is said to be present and
    conflicted at once has the state ``both``.

    Parameters
    ----------
    target : Path or text file
        Where to write; a path is written whole or not at all.
    runs : mapping of str to LabelMatrix
        The answers by run; "" for a single one without a name. A probability of what was not assessed is left out.
    extra : mapping of str to mapping of str to str, optional
        More columns: by name, the cell of each post (``{"fold": {"user_7301...": "0"}}``).

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    extra = extra or {}
    named = any(runs)
    head = (*LONG_COLUMNS, *(["run"] if named else []), *map(guarded, extra))
    rows: list[tuple[str, ...]] = []
    for run, answers in runs.items():
        for row, post in enumerate(answers.ids):
            name = _post(post)
            beside = (*([guarded(run)] if named else []), *(guarded(cells.get(post, "")) for cells in extra.values()))
            rows += [(name, *cells, *beside) for cells in _long_cells(answers, row)]
    _write(target, head, rows)


def _long_cells(answers: LabelMatrix, row: int) -> Iterator[tuple[str, ...]]:
    """Yield value, state, present, conflicted, dominant."""
    holds, probabilities = answers.labels[row].tolist(), answers.probabilities[row].tolist()
    for column, value in enumerate(CIRCLE):
        state = BOTH if holds[column] == [1, 1] else answers.state(row, column).value
        polarities = map(_polarity, holds[column], probabilities[column])
        yield value.value, state, *polarities, str(int(answers.dominant[row, column]))


def _polarity(holds: float, probability: float) -> str:
    if isnan(holds):
        return ""
    if isnan(probability):
        return YES if holds == 1 else NO
    return f"{round(probability, 4):g}"


def write_authors(
    target: Path | TextIO,
    answers: LabelMatrix,
    *,
    has_sound: Mapping[str, bool | None] | None = None,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the CSV of the paper's authors: ``video_id``, 19 values, ``Has_sound``, ``notes``.

    The columns of values are named and ordered as in the authors' sheet, ``1_Value1_Self_Direction_Thought_values``
    first; the number is 1 in all of them. Cells are -1 (conflicted), 0 (absent), 1 (present), 2 (dominant), or empty
    where the value was not assessed. This shape has no place for probabilities, nor for which polarity was assessed.

    Parameters
    ----------
    target : Path or text file
        Where to write; a path is written whole or not at all.
    answers : LabelMatrix
        The labels.
    has_sound : mapping of str to bool or None, optional
        Whether the video of a post has sound; nothing is written where it is not known.
    notes : mapping of str to str, optional
        Notes on posts.

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    head = ("video_id", *(f"1_Value1_{value.sheet_column}_values" for value in SHEET_ORDER), "Has_sound", "notes")
    places = [CIRCLE.index(value) for value in SHEET_ORDER]
    has_sound, notes = has_sound or {}, notes or {}
    rows = (
        (
            _post(post),
            *(_code(answers, row, place) for place in places),
            "" if has_sound.get(post) is None else str(has_sound[post]),
            guarded(notes.get(post, "")),
        )
        for row, post in enumerate(answers.ids)
    )
    _write(target, head, rows)


def _code(answers: LabelMatrix, row: int, column: int) -> str:
    match answers.state(row, column):
        case State.CONFLICTED:
            return "-1"
        case State.ABSENT:
            return "0"
        case State.PRESENT:
            return "2" if answers.dominant[row, column] else "1"
        case State.NOT_ASSESSED:
            return ""


def _post(post: str) -> str:
    """Return an id as it is written: that of a TikTok post never with a leading ``@``."""
    return guarded(text_id(post) if post_key(post) is not None else post)


def _write(target: Path | TextIO, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    if isinstance(target, Path):
        write_whole(target, text.getvalue().encode())
    else:
        target.write(text.getvalue())
