"""Export labels as tables: the authors' CSV, a row for each label or each post, and TSV for the library pyvalues."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.post_facts import FACTS, post_facts
from valex_local.corpus.writers import long_rows, write_authors
from valex_local.exchange.export.selection import Labelled, Material, name_of
from valex_local.files.tables import write_table
from valex_local.records import Coding, Labels, ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State, Value
from valex_local.states import cutoffs_in_digits, kind_of_states, kind_of_value
from valex_local.study.codings import read_coding

_CODING_COLUMNS = (
    "video_id", "post_id", "coder", "coding", "value", "state", "dominant", "confidence", "note", "lines",
)  # fmt: skip

_CODES = {State.CONFLICTED: "-1", State.ABSENT: "0", State.PRESENT: "1", State.NOT_ASSESSED: ""}


class Posts:
    """Write a row for each post, with what is known of it; excluded posts too, with the reason."""

    def __call__(self, material: Material, target: Path) -> None:
        """Write the facts."""
        study = material.study
        every = set(material.posts) == set(study.post_ids())
        ids = study.post_ids(excluded=True) if every else material.posts
        rows = [(name_of(post_id), post_id, *post_facts(study, post_id).values()) for post_id in ids]
        material.exported.update(ids)
        write_table(target, [("video_id", "post_id", *FACTS), *rows])


class Codings:
    """Write a row for each value that a person has decided, with how sure the person is, the remark and the lines.

    A row with an empty value is about the post as a whole.
    """

    def __call__(self, material: Material, target: Path) -> None:
        """Write the codings of the posts."""
        study = material.study
        rows: list[tuple[str, ...]] = [_CODING_COLUMNS]
        for post_id in material.posts:
            for coder in study.coders(post_id):
                rows += _coding_rows(post_id, read_coding(study, post_id, coder))
                material.exported.add(post_id)
            if post_id not in material.exported:
                material.leave_out(post_id, "nobody has coded it")
        write_table(target, rows)


def _coding_rows(post_id: str, coding: Coding) -> Iterator[tuple[str, ...]]:
    about = name_of(post_id), post_id, coding.coder, "finished" if coding.done else "open"
    for value in CIRCLE:
        if one := coding.values.get(value):
            decided = value, one.state, str(int(one.dominant))
            yield (*about, *decided, one.confidence or "", one.note, " ".join(one.lines))
    if coding.confidence or coding.note:
        yield (*about, "", "", "", coding.confidence or "", coding.note, "")


class Authors:
    """Write the authors' CSV: ``video_id``, 19 values as -1, 0, 1 and 2, ``Has_sound``, ``notes``."""

    def __call__(self, material: Material, target: Path) -> None:
        """Write the only set of labels."""
        name, labels = material.labelling()
        script = name.rpartition(".")[0]
        sound = {name_of(post): material.has_sound(post, script) for post in labels}
        notes = {name_of(post): "; ".join((_whose(r), _states(r), *_notices(r))) for post, r in labels.items()}
        write_authors(target, _matrix(labels), has_sound=sound, notes=notes)


class Long:
    """Write a row for each label; the column ``run`` names the set of labels, such as ``local.encoder``."""

    def __call__(self, material: Material, target: Path) -> None:
        """Write all sets of labels."""
        rows: list[tuple[str, ...]] = []
        for name, labels in material.labellings().items():
            about = {
                "whose": {name_of(post): _whose(record) for post, record in labels.items()},
                "states": dict.fromkeys(map(name_of, labels), ""),
                "notes": {name_of(post): "; ".join(_notices(record)) for post, record in labels.items()},
            }
            cutoffs = {name_of(post): list(map(cutoffs_in_digits, record.values)) for post, record in labels.items()}
            head, *own = long_rows({name: _matrix(labels)}, extra=about, cutoffs=cutoffs)
            at = head.index("states")
            kinds = (kind for record in labels.values() for kind in map(partial(_kind, record), CIRCLE))
            own = [(*row[:at], kind, *row[at + 1 :]) for row, kind in zip(own, kinds, strict=True)]
            rows += own if rows else [head, *own]
        write_table(target, rows)


class Wide:
    """Write a row for each post and set of labels: 19 values as -1, 0, 1 and 2, source of the labels, probabilities.

    Columns of probabilities are named by the codes of the values (``SDT_present``), which no reader takes for labels.
    """

    def __call__(self, material: Material, target: Path) -> None:
        """Write all sets of labels."""
        scores = [f"{value.code}_{polarity}" for value in CIRCLE for polarity in Polarity]
        rows = [["post", "run", *CIRCLE, "whose", "states", *scores]]
        for name, labels in material.labellings().items():
            for post, record in labels.items():
                probabilities = [_score(p) for label in record.values for p in (label.present, label.conflicted)]
                codes = [_code(label) for label in record.values]
                rows.append([name_of(post), name, *codes, _whose(record), _kinds(record), *probabilities])
        write_table(target, rows)


class Pyvalues:
    """Write the TSV that pyvalues reads as ``RefinedValuesWithAttainment``.

    Attained stands for present, constrained for conflicted. The library cannot express "not assessed" and reads a
    missing column as 0, so a column that is incomplete is left out, with a notice. It limits the sum of the two scores
    of a value to 1, so larger pairs are scaled down.
    """

    def __call__(self, material: Material, target: Path) -> None:
        """Write the only set of labels."""
        _, labels = material.labelling()
        pairs = {post: [_attainment(label) for label in record.values] for post, record in labels.items()}
        columns = [(value, polarity) for value in range(len(CIRCLE)) for polarity in (0, 1)]
        kept = [(v, p) for v, p in columns if all(scores[v][p] is not None for scores in pairs.values())]
        rows = [["ID", *(_column(v, p) for v, p in kept)]]
        rows += [[name_of(post), *(_score(scores[v][p]) for v, p in kept)] for post, scores in pairs.items()]
        write_table(target, rows)
        scaled = sum((label.present or 0) + (label.conflicted or 0) > 1 for r in labels.values() for label in r.values)
        material.notice(scaled, "scores scaled down because present and conflicted add up to more than 1")
        missing = [_column(*column) for column in columns if column not in kept]
        if missing:
            material.notices.append(f"not assessed in every post, which pyvalues reads as 0: {', '.join(missing)}")


def _column(value: int, polarity: int) -> str:
    return f"{CIRCLE[value]} {('attained', 'constrained')[polarity]}"


def _attainment(label: ValueLabel) -> tuple[float | None, float | None]:
    """Return both probabilities with four digits, scaled so that their sum is at most 1."""
    total = (label.present or 0) + (label.conflicted or 0)
    if total <= 1:
        return label.present, label.conflicted
    present, conflicted = (math.floor((p or 0) / total * 1e4) / 1e4 for p in (label.present, label.conflicted))
    return present, conflicted


def _matrix(labels: Labelled) -> LabelMatrix:
    return LabelMatrix.from_labels({name_of(post): record.values for post, record in labels.items()})


def _whose(record: Labels) -> str:
    """Return the model that gave the labels, and its kind of baseline or its domain."""
    return f"{record.source.model} ({record.source.baseline or record.source.domain})"


def _kind(record: Labels, value: Value) -> str:
    """Return how the state of a value was drawn, in a word that readers of the column compare."""
    return "" if record.calibration is None else kind_of_value(record.calibration, value)


def _kinds(record: Labels) -> str:
    """Return how the states were drawn, in a few words that readers of the column compare."""
    kinds = dict.fromkeys(_kind(record, label.value) for label in record.values)
    return " and ".join(sorted(kinds, reverse=True))


def _states(record: Labels) -> str:
    """Return how the states were drawn, for people."""
    return "" if record.calibration is None else f"states: {kind_of_states(record.calibration)}"


def _notices(record: Labels) -> list[str]:
    return [notice.text for notice in record.notices]


def _code(label: ValueLabel) -> str:
    return "2" if label.dominant and label.state is State.PRESENT else _CODES[label.state]


def _score(probability: float | None) -> str:
    return "" if probability is None else f"{probability:g}"
