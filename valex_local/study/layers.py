"""What lies between the records on disk and whoever reads them: the corrections of people, and views of scripts.

Both are applied whenever a record is read. The files stay as the stages wrote them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json, to_json

from valex_local.errors import StudyError
from valex_local.records import Record, Script, Transcript
from valex_local.rendering.views import script_of, viewed
from valex_local.study.corrections import STEMS, corrected

if TYPE_CHECKING:
    from valex_local.study.study import Study

R = TypeVar("R", bound=Record)


def file_stem(stem: str) -> str:
    """Return the stem of the file that holds a record; that of a view is its script's."""
    return script_of(stem) if stem.startswith("script.") else stem


def as_read(study: Study, post_id: str, stem: str, record: R) -> R:
    """Return a record as people corrected it and, under the name of a view, without what the view leaves out.

    Parameters
    ----------
    study : Study
        The study.
    post_id, stem : str
        The post, and the name under which the record is read.
    record : Record
        The record as it is on disk.

    Returns
    -------
    Record
        The record itself where nothing applies.

    Raises
    ------
    StudyError
        The corrections cannot be read.
    """
    edits = study.edits(post_id) if _is_corrected(stem) else None
    if edits is not None:
        of_script = isinstance(record, Script)
        lines = study.read(post_id, "transcript", Transcript, as_found=True) if of_script else None
        record = corrected(record, edits, lines)
    if isinstance(record, Script) and file_stem(stem) != stem:
        return viewed(record, stem.partition(".")[2])  # type: ignore[return-value]
    return record


def is_changed(study: Study, post_id: str, stem: str) -> bool:
    """Whether a record may be read otherwise than it is on disk; looked up without reading anything.

    Parameters
    ----------
    study : Study
        The study.
    post_id, stem : str
        The post, and the name under which the record is read.
    """
    edits = f"{study.root}/posts/{post_id}/edits.json"
    # os.path.exists is faster than Path.exists, and a command may check ten thousand posts.
    return file_stem(stem) != stem or (_is_corrected(stem) and os.path.exists(edits))  # noqa: PTH110


def raw_as_read(
    study: Study, post_id: str, stem: str, data: dict[str, Any], kind: type[Record]
) -> dict[str, Any] | None:
    """Return plain data of a record as `as_read` does; the very same where nothing changes.

    Parameters
    ----------
    study : Study
        The study.
    post_id, stem : str
        The post, and the name under which the record is read.
    data : dict
        The record as it is on disk.
    kind : type of Record
        Its class.

    Returns
    -------
    dict or None
        The data; None if the record, or what people said of it, cannot be understood.
    """
    try:
        found = kind.parse(to_json(data))
        record = as_read(study, post_id, stem, found)
    except StudyError:
        return None
    if record == found:
        return data
    changed: dict[str, Any] = from_json(record.to_json())
    return changed


def _is_corrected(stem: str) -> bool:
    return stem.partition(".")[0] in STEMS
