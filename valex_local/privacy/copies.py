"""A copy of a study in which every record carries pseudonyms: the one door through which named outputs go out.

Exports, reports and tables are written from the copy by the code that writes them from a study, so that none of them
ever sees a name. Which fields of a record are text, ids and paths follows from their types.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

from pydantic import AfterValidator
from pydantic.fields import FieldInfo

from valex_local.files.atomic import write_whole, writing
from valex_local.files.folders import is_plain_name
from valex_local.files.removing import remove
from valex_local.files.tables import read_table, table_text
from valex_local.files.text import clean_text
from valex_local.privacy.pseudonyms import Pseudonyms, read_key
from valex_local.records import (
    Calibration,
    Captions,
    Coding,
    Edits,
    Failure,
    FilePath,
    Grounding,
    Labels,
    LeftOut,
    MadeBy,
    Media,
    Part,
    PlainName,
    Post,
    PostText,
    Record,
    ReviewPlan,
    ScreenText,
    Script,
    Speakers,
    Transcript,
)
from valex_local.study import Study
from valex_local.study.disk import read_bytes, visible

P = TypeVar("P", bound=Part)

RECORDS: Mapping[str, type[Record]] = {
    "post": Post, "media": Media, "transcript": Transcript, "speakers": Speakers, "text": ScreenText,
    "captions": Captions, "edits": Edits, "script": Script, "grounding": Grounding, "labels": Labels, "coding": Coding,
}  # fmt: skip
"""The records of a post by the first part of their names; files of no other name are copied."""

_SUMS = {"sha256", "fingerprint"}
"""Fields that hold checksums of videos, or of what contains such checksums."""


class Shown(NamedTuple):
    """What others may see of a study: the study, and the ids that its posts have there by their own."""

    study: Study
    ids: Mapping[str, str]

    def posts(self, post_ids: Iterable[str]) -> list[str]:
        """Return the ids that posts have there; in the order of pseudonyms, since the order of names would tell."""
        return sorted(self.ids[post_id] for post_id in post_ids) if self.ids else list(post_ids)


@contextmanager
def shown(study: Study, key: Path | None) -> Iterator[Shown]:
    """Yield what may be shown of a study: itself or, with a key, a copy with pseudonyms, for as long as the block runs.

    Parameters
    ----------
    study : Study
        The study.
    key : Path or None
        The file with the key.

    Yields
    ------
    Shown
        The study, and the ids of its posts. The copy has neither sound nor pictures.

    Raises
    ------
    ConfigError
        The key cannot be used.
    StudyError
        A record cannot be read, or the copy cannot be written.
    """
    if key is None:
        yield Shown(study, {})
        return
    secret = read_key(key)
    # Named like an incomplete write, so that `forget` and the next command remove it should this process be killed.
    place = study.root / f".pseudonyms.{platform.node()}.{os.getpid()}.part"
    try:
        pseudonyms = pseudonyms_of(study, secret)
        name = pseudonyms.text(study.root.resolve().name)
        yield copy_with_pseudonyms(study, place / (name if is_plain_name(name) else "study"), pseudonyms)
    finally:
        with writing(place):
            remove(place, inside=study.root)


def pseudonyms_of(study: Study, key: bytes) -> Pseudonyms:
    """Return pseudonyms under a key that know the names in a study."""
    return Pseudonyms(key, map(study.post, study.post_ids(excluded=True)))


def own_ids(study: Study, key: Path) -> dict[str, str]:
    """Return the ids of the posts of a study by their pseudonyms.

    Raises
    ------
    ConfigError
        The key cannot be used.
    StudyError
        A post cannot be read.
    """
    found = pseudonyms_of(study, read_key(key))
    return {found.post(post_id): post_id for post_id in study.post_ids(excluded=True)}


def copy_with_pseudonyms(study: Study, root: Path, pseudonyms: Pseudonyms) -> Shown:
    """Write a copy of a study without sound and pictures, in which every record carries pseudonyms.

    Parameters
    ----------
    study : Study
        The study.
    root : Path
        The folder of the copy.
    pseudonyms : Pseudonyms
        The pseudonyms.

    Returns
    -------
    Shown
        The copy, and the ids of its posts.

    Raises
    ------
    StudyError
        A record cannot be read, or the copy cannot be written.
    """
    hidden, copy = _Hidden(pseudonyms), Study(root, create=True)
    copy.save_options(hidden.options(study.options()))
    posts = study.post_ids(excluded=True)
    ids = {post_id: pseudonyms.post(post_id) for post_id in posts}
    for post_id, name in ids.items():
        for path in sorted(visible(study.folder(post_id))):
            kind = RECORDS.get(path.name.partition(".")[0])
            if kind is not None and path.suffix == ".json":
                record = hidden.part(kind.parse(read_bytes(path) or b"", path=path))
                write_whole(_folder(copy.folder(name)) / path.name, record.to_json().encode())
    for failure in study.failures():
        copy.write_failure(hidden.part(failure))
    _copy_common(study, copy, hidden)
    return Shown(copy, ids)


def _copy_common(study: Study, copy: Study, hidden: _Hidden) -> None:
    """Copy what is about no single post."""
    copy.write_intake(hidden.part(study.intake()))
    kinds: dict[str, type[Record]] = {
        "calibration.*.json": Calibration,
        "review-plan.json": ReviewPlan,
        "left-out.json": LeftOut,
    }
    for pattern, kind in kinds.items():
        for path in study.root.glob(pattern):
            record = hidden.part(kind.parse(read_bytes(path) or b"", path=path))
            write_whole(copy.root / path.name, record.to_json().encode())
    for folder in ("gold", "samples"):
        for path in sorted((study.root / folder).glob("*.csv")):
            table = read_table(path)
            rows = [[hidden.cell(column, row.cells[column], table.columns) for column in table.columns]
                    for row in table.rows]  # fmt: skip
            write_whole(_folder(copy.root / folder) / path.name, table_text([table.columns, *rows]).encode())


def _folder(path: Path) -> Path:
    with writing(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


class _Hidden:
    """Put pseudonyms into records and cells."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._by: dict[Any, Callable[[str], str]] = {
            clean_text: pseudonyms.text,
            _check(PlainName): pseudonyms.post,
            _check(FilePath): pseudonyms.file,
        }

    def part(self, part: P) -> P:
        """Return a record, or a part of one, with pseudonyms."""
        changed: dict[str, Any] = {}
        for name, texts in _fields(type(part)).items():
            value = getattr(part, name)
            if name in _SUMS:
                changed[name] = value and self._pseudonyms.digest(value)
            else:
                changed[name] = self._value(value, texts)
        match part:
            case PostText(author=author, sound_title=title):
                changed["author"] = author and self._pseudonyms.user(author)
                changed["sound_title"] = title and self._pseudonyms.sound(title)
            case MadeBy(settings=settings):  # of an imported script, these name its file and the checksum of the file
                changed["settings"] = self._settings(settings)
            case LeftOut():  # the key of the study, and hashes under it, are for the study alone
                changed |= {"key": "", "forgotten": ()}
            case Failure():
                changed["stage"] = part.stage
        return part.model_copy(update=changed)

    def _settings(self, value: Any, name: str = "") -> Any:
        match value:
            case dict():
                return {key: self._settings(one, key) for key, one in value.items()}
            case list() | tuple():
                return [self._settings(one) for one in value]
            case str():
                return self._pseudonyms.digest(value) if name in _SUMS else self._pseudonyms.text(value)
        return value

    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings with pseudonyms in their paths."""
        return {name: self._option(value) for name, value in options.items()}

    def _option(self, value: Any) -> Any:
        match value:
            case dict():
                return self.options(value)
            case list():
                return [self._option(one) for one in value]
            case str() if "/" in value:
                return self._pseudonyms.text(value)
        return value

    def cell(self, column: str, cell: str, columns: Sequence[str]) -> str:
        """Return a cell of a table of labels, whose first column is the id of the post."""
        return self._pseudonyms.post(cell) if column == columns[0] else self._pseudonyms.text(cell)

    def _value(self, value: Any, texts: _Texts) -> Any:
        match value:
            case Part():
                return self.part(value)
            case str() if texts.check is not None:
                return self._text(value, texts.check)[: texts.longest]
            case tuple():
                return tuple(self._value(one, texts) for one in value)
            case dict():
                return {self._text(name, texts.of_keys): self._value(one, texts) for name, one in value.items()}
        return value

    def _text(self, text: str, check: Any) -> str:
        hide = self._by.get(check)
        return text if hide is None else hide(text)


class _Texts(NamedTuple):
    """What the texts of a field are: the check of their type, their greatest length, the check of a mapping's keys."""

    check: Any = None
    longest: int | None = None
    of_keys: Any = None


@cache
def _fields(kind: type[Part]) -> dict[str, _Texts]:
    """Return what the texts of each field of a part are."""
    return {name: _texts(field.annotation, field.metadata) for name, field in kind.model_fields.items()}


def _texts(annotation: Any, metadata: Sequence[Any] = ()) -> _Texts:
    if get_origin(annotation) is dict:
        key, value = get_args(annotation)
        return _texts(value)._replace(of_keys=_texts(key).check)
    marks = [*metadata, *_metadata(annotation)]
    checks = [mark.func for mark in marks if isinstance(mark, AfterValidator) and mark.func in _CHECKS]
    lengths = [mark.max_length for mark in marks if hasattr(mark, "max_length")]
    return _Texts(next(iter(checks), None), min(lengths, default=None))


def _metadata(annotation: Any) -> Iterator[Any]:
    for mark in getattr(annotation, "__metadata__", ()):
        yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)
    for inner in get_args(annotation):
        yield from _metadata(inner)


def _check(annotated: Any) -> Any:
    return next(mark.func for mark in annotated.__metadata__ if isinstance(mark, AfterValidator))


_CHECKS = {clean_text, _check(PlainName), _check(FilePath)}
