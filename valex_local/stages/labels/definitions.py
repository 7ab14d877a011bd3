"""The definitions of the values in the prompt of a language model, with short examples and a worked one.

The default is values.toml; the settings can name another file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain
from valex_local.records import CleanText
from valex_local.schwartz import CIRCLE, State, Value

Filled = Annotated[CleanText, Field(min_length=1), BeforeValidator(lambda text: " ".join(str(text).split()))]
PositiveState = Literal[State.PRESENT, State.CONFLICTED]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Situation(_Table):
    """A short situation and the state it is an example of."""

    text: Filled
    state: PositiveState


class Definition(_Table):
    """A value: what it looks like when present, what when acted against, and example situations."""

    name: Value
    definition: Filled
    conflict: Filled
    examples: tuple[Situation, ...] = ()


class ExampleLine(_Table):
    """A line of the worked example."""

    kind: Literal["post", "speech", "on screen", "action"]
    text: Filled


class ExampleLabel(_Table):
    """A value of the worked example that is not absent; `lines` are counted from 1."""

    value: Value
    state: PositiveState
    dominant: bool = False
    lines: Annotated[tuple[int, ...], Field(min_length=1)]


class Example(_Table):
    """A script and its labels."""

    script: Annotated[tuple[ExampleLine, ...], Field(min_length=1)]
    labels: tuple[ExampleLabel, ...]

    @model_validator(mode="after")
    def _rests_on_its_own_lines(self) -> Self:
        wrong = {n for label in self.labels for n in label.lines if not 1 <= n <= len(self.script)}
        if wrong:
            raise ValueError(f"labels refer to lines that do not exist: {sorted(wrong)}")
        return self


class Definitions(_Table):
    """The definitions of the 19 values, and optionally a worked example."""

    value: tuple[Definition, ...]
    example: Example | None = None

    @model_validator(mode="after")
    def _every_value_once(self) -> Self:
        names = [definition.name for definition in self.value]
        if sorted(names) != sorted(CIRCLE):
            wrong = [v.value for v in CIRCLE if names.count(v) != 1]
            raise ValueError(f"each of the 19 values must be defined once; check: {', '.join(wrong)}")
        return self

    def in_order(self) -> list[Definition]:
        """Return the definitions in circle order, whatever their order in the file."""
        return sorted(self.value, key=lambda definition: CIRCLE.index(definition.name))


def read_definitions(path: Path) -> Definitions:
    """Return the definitions in a file.

    Raises
    ------
    ConfigError
        The file cannot be read or is wrong; the message names each wrong key.
    """
    data = read_toml(path)
    try:
        return Definitions.model_validate(data)
    except ValidationError as error:
        raise ConfigError(
            explain(Definitions, error, data=data),
            path=path,
            hint="Copy valex_local/stages/labels/values.toml and edit the copy",
        ) from error


def bundled_definitions() -> Definitions:
    """Return the definitions of the values that come with the program."""
    return read_definitions(Path(__file__).with_name("values.toml"))
