"""What all records have in common: their types, and how they are read and written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)
from pydantic_core import from_json

from valex_local.errors import StudyError
from valex_local.files.folders import is_plain_name
from valex_local.files.text import clean_text

CleanText = Annotated[str, AfterValidator(clean_text)]
# Rounded, so that two equal results do not differ in the last bits of a float.
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(lambda t: round(t, 3))]
Probability = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda p: round(p, 4))]
Fraction = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda x: round(x, 4))]
Rounded = Annotated[float, AfterValidator(lambda x: round(x, 4))]
Logit = Annotated[float, AfterValidator(lambda x: round(x, 3))]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SettingsData = dict[str, Any]


def _plain_name(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError("this cannot name a folder")
    return name


# Becomes part of a path in the study, so it must not lead out of its folder.
PlainName = Annotated[str, AfterValidator(_plain_name)]


_FOREIGN_BYTE = re.compile("\0([0-9a-f]{2})")


def _path_from_json(path: str) -> str:
    return _FOREIGN_BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)


def _path_to_json(path: str) -> str:
    """Return the path with bytes that are not UTF-8 (lone surrogates in Python) after a NUL, which no path contains."""
    return re.sub("[\udc80-\udcff]", lambda found: f"\0{ord(found[0]) - 0xDC00:02x}", path)


FilePath = Annotated[str, AfterValidator(_path_from_json), PlainSerializer(_path_to_json, when_used="json")]


class Part(BaseModel):
    """A piece of a record."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Notice(Part):
    """Something skipped, degraded or doubtful that a reader of the record must know about."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    text: CleanText


class MadeBy(Part):
    """What a record was made with; the records it was made from are not included.

    Attributes
    ----------
    stage : str
        Name of the stage.
    version : int
        Version of the stage; incremented when its output for equal input changes.
    settings : dict
        The settings the stage reads, as JSON.
    models : dict of str to str
        Role to ``id@sha256`` of each model used.
    """

    stage: str
    version: int
    settings: SettingsData = {}
    models: dict[str, str] = {}


class Record(Part):
    """Base class of everything a study stores.

    `fingerprint` covers `made_by` and the content of all records read; a record is current while its fingerprint is the
    one that a run would give it now. `notices` say what a reader must know. `skipped` holds the reason when the stage
    had nothing to do, or had no model to do it with.
    """

    SCHEMA_VERSION: ClassVar[int] = 1
    IF_BROKEN: ClassVar[str] = "Delete the file and run again: the record will be made again"

    schema_version: int = 1
    fingerprint: str = ""
    made_by: MadeBy | None = None
    skipped: CleanText | None = None
    notices: tuple[Notice, ...] = ()

    @classmethod
    def parse(cls, raw: bytes | str, *, path: Path | None = None) -> Self:
        """Return a record read from JSON.

        Raises
        ------
        StudyError
            The text is not a record of this kind, or a newer version of this program wrote it.
        """
        try:
            data = from_json(raw)
            written = data.get("schema_version", 1) if isinstance(data, dict) else 1
            if isinstance(written, int) and written > cls.SCHEMA_VERSION:
                raise StudyError(
                    f"this record was written by a newer version of valex_local (schema {written}, "
                    f"this version reads up to {cls.SCHEMA_VERSION})",
                    path=path,
                    hint="Update valex_local; the record was not changed",
                )
            return cls.model_validate(data)
        except (ValueError, ValidationError) as error:
            first = str(error).splitlines()[0]
            raise StudyError(
                f"this is not a readable {cls.__name__} record ({first})",
                path=path,
                hint=cls.IF_BROKEN,
            ) from error

    def to_json(self) -> str:
        """Return the record as indented JSON that ends in a newline; equal records give equal text."""
        return self.model_dump_json(indent=1) + "\n"
