"""The lines that chance is made of: a file of short action lines about nothing in particular."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.records import Text

LEAST = 20
"""Fewest lines of a file: a share of fewer is too coarse."""


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("a line is empty")
    return text


def _each_once(lines: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((line for line in lines if lines.count(line) > 1), None)
    if twice is not None:
        raise ValueError(f"a line is there twice: {twice}")
    return lines


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1]
    lines: Annotated[
        tuple[Annotated[Text, AfterValidator(_filled)], ...], Field(min_length=LEAST), AfterValidator(_each_once)
    ]


def read_chance_lines(path: Path) -> tuple[str, ...]:
    """Read a file of lines.

    Raises
    ------
    ConfigError
        The file cannot be read, is no TOML (the line is named), or does not hold what it should.
    """
    try:
        return _File.model_validate(read_toml(path)).lines
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        raise ConfigError(
            "; ".join(wrong),
            path=path,
            hint=f"It holds format = 1 and lines, a list of at least {LEAST} different ones",
        ) from error
