"""Labels as tables: the authors' CSV, a row a label, a row a post, and the TSV of the library pyvalues."""

from __future__ import annotations

import math
from pathlib import Path

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.writers import long_rows, write_authors
from valex_local.exchange.export.selection import Labelled, Material, name_of
from valex_local.files.tables import write_table
from valex_local.records import Labels, ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State

_CODES = {State.CONFLICTED: "-1", State.ABSENT: "0", State.PRESENT: "1", State.NOT_ASSESSED: ""}


class Authors:
    """Writes the authors' CSV: ``video_id``, 19 values as -1, 0, 1 and 2, ``Has_sound``, ``notes``."""

    def __call__(self, material: Material, target: Path) -> None:
        """Write the one labelling there is."""
        name, labels = material.labelling()
        script = name.rpartition(".")[0]
        sound = {name_of(post): material.has_sound(post, script) for post in labels}
        notes = {name_of(post): "; ".join((_whose(r), *_notices(r))) for post, r in labels.items()}
        write_authors(target, _answers(labels), has_sound=sound, notes=notes)


class Long:
    """Writes a row for each labelling, post and value; the column ``run`` names the labelling: ``local.encoder``."""

    def __call__(self, material: Material, target: Path) -> None:
        """Write all labellings."""
        rows: list[tuple[str, ...]] = []
        for name, labels in material.labellings().items():
            about = {
                "whose": {name_of(post): _whose(record) for post, record in labels.items()},
                "notes": {name_of(post): "; ".join(_notices(record)) for post, record in labels.items()},
            }
            head, *own = long_rows({name: _answers(labels)}, extra=about)
            rows += own if rows else [head, *own]
        write_table(target, rows)


class Wide:
    """Writes a row for each labelling and post: 19 values as -1, 0, 1 and 2, whose labels these are, probabilities.

    Columns of probabilities bear the codes of the values, ``SDT_present``: no reader takes them for labels.
    """

    def __call__(self, material: Material, target: Path) -> None:
        """Write all labellings."""
        scores = [f"{value.code}_{polarity}" for value in CIRCLE for polarity in Polarity]
        rows = [["post", "run", *CIRCLE, "whose", *scores]]
        for name, labels in material.labellings().items():
            for post, record in labels.items():
                probabilities = [_score(p) for label in record.values for p in (label.present, label.conflicted)]
                said = [_code(label) for label in record.values]
                rows.append([name_of(post), name, *said, _whose(record), *probabilities])
        write_table(target, rows)


class Pyvalues:
    """Writes the TSV that pyvalues reads as ``RefinedValuesWithAttainment``.

    Attained stands for present, constrained for conflicted. The library has no word for what was not assessed and takes
    a missing column for 0: a column that some post has nothing for is left out and named. It holds the two scores of a
    value to 1 together: larger pairs are scaled down.
    """

    def __call__(self, material: Material, target: Path) -> None:
        """Write the one labelling there is."""
        _, labels = material.labelling()
        pairs = {post: [_attainment(label) for label in record.values] for post, record in labels.items()}
        sides = [(at, side) for at in range(len(CIRCLE)) for side in (0, 1)]
        kept = [(at, side) for at, side in sides if all(said[at][side] is not None for said in pairs.values())]
        rows = [["ID", *(_column(at, side) for at, side in kept)]]
        rows += [[name_of(post), *(_score(said[at][side]) for at, side in kept)] for post, said in pairs.items()]
        write_table(target, rows)
        scaled = sum((label.present or 0) + (label.conflicted or 0) > 1 for r in labels.values() for label in r.values)
        material.notice(scaled, "scaled down, since present and conflicted are more than 1 together")
        missing = [_column(*place) for place in sides if place not in kept]
        if missing:
            material.notices.append(f"not assessed, which pyvalues reads as 0: {', '.join(missing)}")


def _column(at: int, side: int) -> str:
    return f"{CIRCLE[at]} {('attained', 'constrained')[side]}"


def _attainment(label: ValueLabel) -> tuple[float | None, float | None]:
    """Return both probabilities, with four digits and no more than 1 together."""
    total = (label.present or 0) + (label.conflicted or 0)
    if total <= 1:
        return label.present, label.conflicted
    present, conflicted = (math.floor((p or 0) / total * 1e4) / 1e4 for p in (label.present, label.conflicted))
    return present, conflicted


def _answers(labels: Labelled) -> LabelMatrix:
    return LabelMatrix.from_labels({name_of(post): record.values for post, record in labels.items()})


def _whose(record: Labels) -> str:
    """Return which model gave the labels, and what it is or is for."""
    return f"{record.source.model} ({record.source.baseline or record.source.domain})"


def _notices(record: Labels) -> list[str]:
    return [notice.text for notice in record.notices]


def _code(label: ValueLabel) -> str:
    return "2" if label.dominant and label.state is State.PRESENT else _CODES[label.state]


def _score(probability: float | None) -> str:
    return "" if probability is None else f"{probability:g}"
