"""Export labels and script lines as Parquet files, for large studies and typed columns."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from valex_local.errors import InputError
from valex_local.exchange.export.selection import Material
from valex_local.files.atomic import write_whole
from valex_local.states import cutoffs_in_digits, kind_of_value
from valex_local.system.imports import require_extra

ROW_GROUP = 20_000
"""Maximum number of rows in memory at a time."""

_TEXT, _NUMBER, _COUNT, _FLAG, _TEXTS = "string", "float64", "int32", "bool", "list of strings"

LABELS = {
    "post": _TEXT, "author": _TEXT, "script": _TEXT, "route": _TEXT, "value": _TEXT, "state": _TEXT,
    "p_present": _NUMBER, "p_conflicted": _NUMBER, "present_from": _NUMBER, "conflicted_from": _NUMBER,
    "dominant": _FLAG,
    "evidence": _TEXTS, "model": _TEXT, "baseline": _TEXT, "domain": _TEXT, "languages": _TEXTS, "states": _TEXT,
}  # fmt: skip
"""Columns of ``labels.parquet`` and their types."""

LINES = {
    "post": _TEXT, "author": _TEXT, "script": _TEXT, "scene": _COUNT, "heading": _TEXT, "line": _COUNT, "kind": _TEXT,
    "speaker": _TEXT, "text": _TEXT, "start": _NUMBER, "end": _NUMBER, "ref": _TEXT, "repeats": _TEXT,
    "mumbled": _FLAG, "keyframes": _TEXTS, "written_by": _TEXT,
}  # fmt: skip
"""Columns of ``lines.parquet`` and their types."""

RowData = dict[str, Any]


class Parquet:
    """Write ``labels.parquet`` and ``lines.parquet``.

    A row is the label of one value of a post by one script and route, or a line of a script. For a study with only
    scripts or only labels, there is one file.
    """

    def __call__(self, material: Material, target: Path) -> None:
        """Write all labels and scripts."""
        require_extra("exchange", "pyarrow")
        files = {
            "labels.parquet": _table(_label_rows(material), LABELS),
            "lines.parquet": _table(_line_rows(material), LINES),
        }
        if not any(files.values()):
            raise InputError("there is nothing to export: no post has a script or labels", path=material.study.root)
        for name, content in files.items():
            if content:
                write_whole(target / name, content)
        for post_id in material.posts:
            if post_id not in material.exported:
                material.leave_out(post_id, "no script and no labels")


def _table(rows: Iterator[RowData], columns: Mapping[str, str]) -> bytes:
    """Return the content of a file with the rows; empty if there are none."""
    import pyarrow as arrow
    from pyarrow import parquet

    types = {name: arrow.list_(arrow.string()) if kind == _TEXTS else kind for name, kind in columns.items()}
    schema = arrow.schema(types.items())
    file = io.BytesIO()
    first = list(islice(rows, ROW_GROUP))
    if not first:
        return b""
    with parquet.ParquetWriter(file, schema) as writer:
        group = first
        while group:
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))
            group = list(islice(rows, ROW_GROUP))
    return file.getvalue()


def _label_rows(material: Material) -> Iterator[RowData]:
    for post, name, record in material.all_labels():
        script, _, route = name.rpartition(".")
        shared = {
            "post": post.id,
            "author": post.text.author,
            "script": script,
            "route": route,
            **record.source.model_dump(include={"model", "baseline", "domain", "languages"}),
        }
        for label in record.values:
            cutoffs = zip(("present_from", "conflicted_from"), cutoffs_in_digits(label), strict=True)
            states = None if record.calibration is None else kind_of_value(record.calibration, label.value)
            chances = {"p_present": label.present, "p_conflicted": label.conflicted}
            yield {**shared, "states": states, **label.model_dump(mode="json"), **chances, **dict(cutoffs)}


def _line_rows(material: Material) -> Iterator[RowData]:
    for post, script in material.all_scripts():
        for number, scene in enumerate(script.scenes, 1):
            shared = {
                "post": post.id,
                "author": post.text.author,
                "script": script.name,
                "scene": number,
                "heading": scene.heading,
                "written_by": scene.written_by,
            }
            for line, element in enumerate(scene.elements, 1):
                yield {**shared, "line": line, **element.model_dump(mode="json")}
