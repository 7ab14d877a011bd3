"""Read the labels in exports of Label Studio.

Source of the format: https://labelstud.io/guide/task_format
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import from_json

from valex_local.corpus.columns import ID_COLUMNS, value_named
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.sheet_builder import WORDS, CellLabel, Places, SheetBuilder, label_cell, shortened
from valex_local.errors import InputError
from valex_local.files.text import read_text
from valex_local.files.validation import explain
from valex_local.posts.dates import iso_time
from valex_local.posts.id_cells import row_id
from valex_local.posts.text import flatten
from valex_local.schwartz import CIRCLE, Value

_NOT_UNDERSTOOD = "tasks left out because they are not understood"
_NOT_UNDERSTOOD_ANNOTATIONS = "annotations left out because they are not understood"
_UNCLEAR = f"answers that are not {', '.join(WORDS)}, which count as not assessed"
_TWO_ANSWERS = "questions with several answers, which count as not assessed"
_EXPORT = "Export the project in Label Studio as JSON or JSON-MIN"

T = TypeVar("T")
# Label Studio writes null where a field may be missing.
_List = Annotated[list[T], BeforeValidator(lambda given: [] if given is None else given)]
_Mapping = Annotated[dict[str, Any], BeforeValidator(lambda given: {} if given is None else given)]
_Text = Annotated[str, BeforeValidator(lambda given: "" if given is None else given)]


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
    complete : bool
        Whether every task and every answer about a value was understood.
    """

    labels: Mapping[str, LabelMatrix]
    names: Mapping[str, tuple[str, ...]]
    notices: tuple[str, ...] = ()
    complete: bool = True


class _Result(BaseModel):
    from_name: _Text = ""
    type: _Text = ""
    value: _Mapping = {}


class _Annotation(BaseModel):
    completed_by: Any = None
    was_cancelled: bool | None = None
    updated_at: Any = None
    created_at: Any = None
    result: _List[_Result] = []

    @property
    def annotator(self) -> str:
        """Who gave the answers: an email address, ``user-3``, or ""."""
        by = self.completed_by
        if isinstance(by, Mapping):
            by = by.get("email") or by.get("id") or by.get("username")
        return f"user-{by}" if isinstance(by, int) else str(by or "").strip()

    @property
    def changed(self) -> str:
        """When the answers were last changed, in ISO 8601; "" if the file does not say."""
        for given in (self.updated_at, self.created_at):
            with suppress(ValueError, OverflowError, OSError):
                return iso_time(given)
        return ""


class _Task(BaseModel):
    id: int | str | None = None
    data: dict[str, Any]
    # Label Studio called annotations completions before version 1.0.
    annotations: _List[Any] = Field([], validation_alias=AliasChoices("annotations", "completions"))
    predictions: _List[Any] = []


def read_annotations(path: Path) -> Annotations:
    """Return the labels in an export of Label Studio, JSON or JSON-MIN.

    The answer to a question that is named after a value is its label, regardless of the labelling configuration. Of
    several annotations of a task by one annotator, the one that was changed last counts. Cancelled annotations, tasks
    without annotations, predictions and other questions are left out and counted; so are tasks and answers that cannot
    be understood, which do not stop the others.

    Raises
    ------
    InputError
        The file is not such an export, or contains no label.
    """
    tally = _Tally()
    tasks = list(_tasks(path, tally))
    builder, names = SheetBuilder(), {}
    for (place, post), (known, given) in _by_task(tasks, tally).items():
        for annotator, annotation in _last(place, given, tally).items():
            labels = dict(_cell_labels(annotation.result, place, tally))
            if labels:
                names[post] = known
                builder.add(annotator, post, place, labels)
    matrices = builder.matrices()
    notices = (*tally.notices(), *builder.notices())
    if not matrices:
        reasons = f" ({'; '.join(notices)})" if notices else ""
        raise InputError(f"this export contains no labels of values{reasons}", path=path, hint=_EXPORT)
    return Annotations(matrices, names, notices, not tally.lost and builder.complete)


@dataclass
class _Tally:
    """What was left out of an export: counted, or named with its task."""

    counts: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    lost: Places = field(default_factory=Places)
    twice: Places = field(default_factory=Places)

    def notices(self) -> tuple[str, ...]:
        """Return a notice for each kind."""
        left_out = (f"{what} left out: {count}" for what, count in self.counts.items() if count)
        others = (f"answers to {name!r} left out because it is not a value: {n}" for name, n in self.others.items())
        return (*left_out, *others, *self.twice.notices(), *self.lost.notices())


# --- tasks ----------------------------------------------------------------------------------------------------------


def _tasks(path: Path, tally: _Tally) -> Iterator[tuple[str, _Task]]:
    """Yield the tasks with their places: ``task 41``, by the id in Label Studio, else by position."""
    try:
        rows = from_json(read_text(path))
    except ValueError as error:
        raise InputError(f"this is not an export of Label Studio ({error})", path=path, hint=_EXPORT) from error
    rows = rows if isinstance(rows, list) else [rows]
    first = ""
    for number, row in enumerate(rows, 1):
        try:
            task = _Task.model_validate(_whole(row))
        except ValidationError as error:
            what = explain(_Task, error, values=False) if isinstance(row, Mapping) else "it is not an object"
            place = f"task {_id_of(row) or number}"
            first = first or f"{place}: {what}"
            tally.lost.add(_NOT_UNDERSTOOD, f"{place}: {what}")
        else:
            yield f"task {number if task.id is None else task.id}", task
    if first and len(tally.lost.of(_NOT_UNDERSTOOD)) == len(rows):
        raise InputError(f"this is not an export of Label Studio ({first})", path=path, hint=_EXPORT)


def _id_of(row: Any) -> Any:
    return row.get("id") if isinstance(row, Mapping) else None


def _whole(row: Any) -> Any:
    """Return a task in the structure of JSON.

    In JSON-MIN data and answers are side by side, with a row for each annotation; a storage that Label Studio writes
    to has a file for each annotation, with the task inside.
    """
    if not isinstance(row, Mapping) or "data" in row:
        return row
    if isinstance(task := row.get("task"), Mapping) and "result" in row:
        return {**task, "annotations": [row]}
    questions = {name: answer for name, answer in row.items() if value_named(name) is not None}
    if not questions and not {"annotation_id", "annotator"} & row.keys():
        return {"id": row["id"], "data": dict(row)} if "id" in row else row
    result = [
        {"from_name": name, "type": "choices", "value": answer if isinstance(answer, dict) else {"choices": answer}}
        for name, answer in questions.items()
    ]
    data = {name: cell for name, cell in row.items() if name not in questions}
    annotation = {"completed_by": row.get("annotator"), "result": result, "updated_at": row.get("updated_at")}
    return {"id": row.get("id"), "data": data, "annotations": [annotation]}


_ByTask = dict[tuple[str, str], tuple[tuple[str, ...], list[_Annotation]]]


def _by_task(tasks: Sequence[tuple[str, _Task]], tally: _Tally) -> _ByTask:
    """Return the names of the post and the annotations that count, by place and post; JSON-MIN repeats a task."""
    found: _ByTask = {}
    for place, task in tasks:
        names = _names(task.data)
        _, given = found.setdefault((place, names[0] if names else place), (names, []))
        read = list(_annotations(place, task, tally))
        kept = [annotation for annotation in read if not annotation.was_cancelled]
        given += kept
        tally.counts["cancelled annotations"] += len(read) - len(kept)
        tally.counts["tasks without annotations"] += not task.annotations
        tally.counts["annotations without answers"] += sum(not annotation.result for annotation in kept)
        tally.counts["predictions"] += len(task.predictions)
    return found


def _annotations(place: str, task: _Task, tally: _Tally) -> Iterator[_Annotation]:
    for annotation in task.annotations:
        try:
            yield _Annotation.model_validate(annotation)
        except ValidationError as error:
            tally.lost.add(_NOT_UNDERSTOOD_ANNOTATIONS, f"{place}: {explain(_Annotation, error, values=False)}")


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    plain = flatten(data)
    return row_id((name, plain[name]) for name in ID_COLUMNS if isinstance(plain.get(name), str | int)).names


def _last(place: str, given: Sequence[_Annotation], tally: _Tally) -> dict[str, _Annotation]:
    """Return the last annotation of each annotator."""
    several: dict[str, list[_Annotation]] = {}
    for annotation in given:
        if annotation.result:
            several.setdefault(annotation.annotator, []).append(annotation)
    last = {annotator: max(reversed(own), key=lambda each: each.changed) for annotator, own in several.items()}
    for annotator, own in several.items():
        if len(own) > 1:
            whose = f"{place} by {annotator or 'nobody named'}"
            equal = all(each.result == own[0].result for each in own)
            what = "with the same answers" if equal else "of which the last counts"
            tally.twice.add(f"tasks that one annotator labelled several times, {what}", whose)
    return last


# --- answers --------------------------------------------------------------------------------------------------------


def _cell_labels(results: Sequence[_Result], place: str, tally: _Tally) -> Iterator[tuple[int, CellLabel]]:
    """Yield the label of each value with its position on the circle, if it has one answer and that is a label."""
    answers: dict[Value, list[Any]] = {}
    for result in results:
        value = value_named(result.from_name)
        if value is not None:
            # Under the type of the question, such as "choices"; a text area has "text".
            answer = result.value.get(result.type, next(iter(result.value.values()), None))
            answers.setdefault(value, []).extend(answer if isinstance(answer, list) else [answer])
        elif result.from_name:
            tally.others[result.from_name] += 1
    for value, given in answers.items():
        words = dict.fromkeys(label_cell(str(word)) for word in given if word is not None)
        if len(words) == 1 and (label := WORDS.get(next(iter(words)))) is not None:
            yield CIRCLE.index(value), label
        elif len(words) > 1 and words.keys() <= WORDS.keys():
            tally.lost.add(_TWO_ANSWERS, f"{place}, {value}: {' and '.join(words)}")
        elif words:
            shown = " and ".join(shortened(word) for word in words)
            tally.lost.add(_UNCLEAR, f"{place}, {value}: {shown}")
        else:
            tally.counts["questions without an answer"] += 1
