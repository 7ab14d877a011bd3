"""The reference lines that action lines are compared with: a file of short lines about nothing in particular."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain
from valex_local.records import CleanText

MIN_LINES = 20
"""Minimum number of lines in a file; a fraction of fewer is too coarse."""


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("a line is empty")
    return text


def _each_once(lines: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((line for line in lines if lines.count(line) > 1), None)
    if twice is not None:
        raise ValueError(f"a line occurs twice: {twice}")
    return lines


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1]
    lines: Annotated[
        tuple[Annotated[CleanText, AfterValidator(_filled)], ...],
        Field(min_length=MIN_LINES),
        AfterValidator(_each_once),
    ]


def read_reference_lines(path: Path) -> tuple[str, ...]:
    """Return the reference lines in a file.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML (the message names the line), or has the wrong content.
    """
    try:
        return _File.model_validate(read_toml(path)).lines
    except ValidationError as error:
        raise ConfigError(
            explain(_File, error),
            path=path,
            hint=f"The file must contain format = 1 and lines, a list of at least {MIN_LINES} different lines",
        ) from error
