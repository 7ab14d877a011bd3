"""Read the labels in exports of Label Studio.

Source of the format: https://labelstud.io/guide/task_format
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from valex_local.corpus.columns import ID_COLUMNS, value_named
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.sheet_builder import WORDS, CellLabel, SheetBuilder, label_cell
from valex_local.errors import InputError
from valex_local.files.text import read_text
from valex_local.files.validation import explain
from valex_local.posts.text import flatten
from valex_local.schwartz import CIRCLE, Value

_EXPORT = "Export the project in Label Studio as JSON or JSON-MIN"


@dataclass(frozen=True)
class Annotations:
    """The labels in an export, by annotator.

    Attributes
    ----------
    labels : mapping of str to LabelMatrix
        The labels of each annotator: an email address, or ``user-3``, or "" if the file names nobody.
    names : mapping of str to tuple of str
        The names of the post behind each id in `labels`, the most reliable first; empty if the task contains none.
    notices : tuple of str
        What was left out.
    """

    labels: Mapping[str, LabelMatrix]
    names: Mapping[str, tuple[str, ...]]
    notices: tuple[str, ...] = ()


class _User(BaseModel):
    id: int | None = None
    email: str | None = None


class _Result(BaseModel):
    from_name: str = ""
    type: str = ""
    value: dict[str, Any] = {}


class _Annotation(BaseModel):
    completed_by: int | str | _User | None = None
    was_cancelled: bool = False
    result: list[_Result] = []


class _Task(BaseModel):
    data: dict[str, Any]
    annotations: list[_Annotation] = []


def read_annotations(path: Path) -> Annotations:
    """Return the labels in an export of Label Studio, JSON or JSON-MIN.

    The answer to a question that is named after a value is its label, regardless of the labelling configuration.
    Cancelled annotations, tasks without annotations and other questions are left out and counted. Predictions are
    ignored.

    Raises
    ------
    InputError
        The file is not such an export, contains no label or an answer that cannot be understood, or one annotator
        gives a post contradictory labels.
    """
    builder, names = SheetBuilder(path), {}
    cancelled = unlabelled = 0
    others: Counter[str] = Counter()
    for number, task in enumerate(_tasks(path), 1):
        done = [annotation for annotation in task.annotations if not annotation.was_cancelled]
        cancelled += len(task.annotations) - len(done)
        unlabelled += not task.annotations
        known = _names(task.data)
        post = known[0] if known else f"task {number}"
        for annotation in done:
            labels = dict(_cell_labels(annotation.result, number, path, others))
            if labels:
                names[post] = known
                builder.add(_annotator(annotation.completed_by), post, number, labels)
    counts = {"cancelled annotations": cancelled, "tasks without annotations": unlabelled}
    notices = [f"{what} left out: {count}" for what, count in counts.items() if count]
    notices += [f"answers to {name!r} left out because it is not a value: {n}" for name, n in others.items()]
    matrices = builder.matrices()
    if not matrices:
        reasons = f" ({'; '.join(notices)})" if notices else ""
        raise InputError(f"this export contains no labels of values{reasons}", path=path, hint=_EXPORT)
    return Annotations(matrices, names, (*notices, *builder.notices()))


def _tasks(path: Path) -> list[_Task]:
    try:
        rows = TypeAdapter(list[dict[str, Any]]).validate_json(read_text(path))
        return [_Task.model_validate(row if "data" in row else _whole(row)) for row in rows]
    except ValidationError as error:
        what = f"this is not an export of Label Studio ({explain(_Task, error, values=False)})"
        raise InputError(what, path=path, hint=_EXPORT) from error


def _whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task of JSON-MIN, in which data and answers are side by side, in the structure of JSON."""
    questions = {name: answer for name, answer in row.items() if value_named(name) is not None}
    result = [
        {"from_name": name, "type": "choices", "value": answer if isinstance(answer, dict) else {"choices": answer}}
        for name, answer in questions.items()
    ]
    data = {name: cell for name, cell in row.items() if name not in questions}
    return {"data": data, "annotations": [{"completed_by": row.get("annotator"), "result": result}]}


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    plain = flatten(data)
    cells = (str(plain[name]).strip() for name in ID_COLUMNS if isinstance(plain.get(name), str | int))
    return tuple(cell for cell in cells if cell)


def _annotator(completed_by: int | str | _User | None) -> str:
    match completed_by:
        case _User():
            return completed_by.email or _annotator(completed_by.id)
        case int():
            return f"user-{completed_by}"
        case _:
            return completed_by or ""


def _cell_labels(
    results: Sequence[_Result], number: int, path: Path, others: Counter[str]
) -> Iterator[tuple[int, CellLabel]]:
    """Yield the label of each value with its position on the circle; count answers to other questions in `others`."""
    for result in results:
        value = value_named(result.from_name)
        if value is None:
            others[result.from_name] += 1
        elif answer := result.value.get(result.type):
            yield CIRCLE.index(value), _label(answer, value, number, path)


def _label(answer: Any, value: Value, number: int, path: Path) -> CellLabel:
    words = [label_cell(str(word)) for word in (answer if isinstance(answer, list) else [answer])]
    if len(words) != 1 or words[0] not in WORDS:
        raise InputError(
            f"task {number}, {value}: expected one of {', '.join(WORDS)}, not {' and '.join(words)}",
            path=path,
            hint="Label with the configuration that valex export labelstudio writes",
        )
    return WORDS[words[0]]
