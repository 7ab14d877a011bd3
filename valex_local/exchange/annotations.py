"""Labels that people gave in Label Studio, as its exports hold them.

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

_EXPORT = "In Label Studio, export the project as JSON or JSON-MIN"


@dataclass(frozen=True)
class Annotations:
    """What annotators say of tasks.

    Attributes
    ----------
    answers : mapping of str to LabelMatrix
        What is said, by annotator: the email address, else ``user-3``; "" where the file names nobody.
    names : mapping of str to tuple of str
        By the id in `answers`: the names of the post, the most trusted first; none where the task holds none.
    notices : tuple of str
        What was left out.
    """

    answers: Mapping[str, LabelMatrix]
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
    """Read an export of Label Studio, JSON or JSON-MIN.

    A question whose name means a value is its label, whatever the labelling configuration was; annotations that were
    cancelled, tasks that nobody has labelled and other questions are left out and counted. Predictions are nobody's.

    Raises
    ------
    InputError
        The file is no such export, holds no label, an answer is not understood, or one annotator says two things.
    """
    ledger, names = SheetBuilder(path), {}
    cancelled = unlabelled = 0
    others: Counter[str] = Counter()
    for number, task in enumerate(_tasks(path), 1):
        done = [annotation for annotation in task.annotations if not annotation.was_cancelled]
        cancelled += len(task.annotations) - len(done)
        unlabelled += not task.annotations
        known = _names(task.data)
        post = known[0] if known else f"task {number}"
        for annotation in done:
            said = dict(_said(annotation.result, number, path, others))
            if said:
                names[post] = known
                ledger.add(_annotator(annotation.completed_by), post, number, said)
    counts = {"annotations that were cancelled": cancelled, "tasks that nobody has labelled": unlabelled}
    notices = [f"{what}, left out: {count}" for what, count in counts.items() if count]
    notices += [f"answers to the question {name!r}, which is no value, left out: {n}" for name, n in others.items()]
    answers = ledger.matrices()
    if not answers:
        told = f" ({'; '.join(notices)})" if notices else ""
        raise InputError(f"this export holds no labels of values{told}", path=path, hint=_EXPORT)
    return Annotations(answers, names, (*notices, *ledger.notices()))


def _tasks(path: Path) -> list[_Task]:
    try:
        rows = TypeAdapter(list[dict[str, Any]]).validate_json(read_text(path))
        return [_Task.model_validate(row if "data" in row else _whole(row)) for row in rows]
    except ValidationError as error:
        what = f"this is no export of Label Studio ({explain(_Task, error, values=False)})"
        raise InputError(what, path=path, hint=_EXPORT) from error


def _whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task of JSON-MIN, where data and answers stand side by side, in the shape of JSON."""
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


def _said(results: Sequence[_Result], number: int, path: Path, others: Counter[str]) -> Iterator[tuple[int, CellLabel]]:
    """Yield what is said of each value, by its place on the circle; count the answers to other questions."""
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
