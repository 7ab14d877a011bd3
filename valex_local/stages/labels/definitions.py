"""What a language model is told of the values: definitions, short examples and a worked one, from a TOML file.

Ours is values.toml; a lab can name its own in the settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain
from valex_local.records import Text
from valex_local.schwartz import CIRCLE, State, Value

Filled = Annotated[Text, Field(min_length=1), BeforeValidator(lambda text: " ".join(str(text).split()))]
Held = Literal[State.PRESENT, State.CONFLICTED]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Situation(_Table):
    """A short situation and the state it stands for."""

    text: Filled
    state: Held


class Definition(_Table):
    """A value: what it looks like where it is present, what where it is acted against, and situations."""

    name: Value
    definition: Filled
    conflict: Filled
    examples: tuple[Situation, ...] = ()


class ExampleLine(_Table):
    """A line of the worked example."""

    kind: Literal["post", "speech", "on screen", "action"]
    text: Filled


class ExampleLabel(_Table):
    """A value of the worked example that is not absent; `lines` counts from 1."""

    value: Value
    state: Held
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
            raise ValueError(f"labels rest on lines that are not there: {sorted(wrong)}")
        return self


class Definitions(_Table):
    """The 19 values in circle order, and a worked example where there is one."""

    value: tuple[Definition, ...]
    example: Example | None = None

    @model_validator(mode="after")
    def _every_value_once(self) -> Self:
        names = [definition.name for definition in self.value]
        if sorted(names) != sorted(CIRCLE):
            wrong = [v.value for v in CIRCLE if names.count(v) != 1]
            raise ValueError(f"each of the 19 values must be defined once; look at: {', '.join(wrong)}")
        return self

    def in_order(self) -> list[Definition]:
        """Return the definitions in circle order, whatever order the file has."""
        return sorted(self.value, key=lambda definition: CIRCLE.index(definition.name))


def read_definitions(path: Path) -> Definitions:
    """Read a file of definitions.

    Raises
    ------
    ConfigError
        The file cannot be read, or it is not as it should be; the message names each bad key.
    """
    data = read_toml(path)
    try:
        return Definitions.model_validate(data)
    except ValidationError as error:
        raise ConfigError(
            explain(Definitions, error, data=data),
            path=path,
            hint="Copy valex_local/labels/values.toml and change that",
        ) from error
