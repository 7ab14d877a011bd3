"""Messages about invalid data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from valex_local.files.validation import MOST, explain, nearest


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Part(_Strict):
    name: str
    size: Annotated[int, Field(ge=1)] = 1


class Whole(_Strict):
    title: str = "x"
    parts: tuple[Part, ...] = ()
    main: Part | None = None
    colours: dict[Colour, Annotated[Part, "a part"]] = {}

    @field_validator("title")
    @classmethod
    def _short(cls, title: str) -> str:
        if len(title) > 99:
            raise ValueError("too long")
        return title


def fault(written: Any, **more: Any) -> str:
    with pytest.raises(ValidationError) as raised:
        Whole.model_validate(written)
    return explain(Whole, raised.value, **more)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"tilte": "a"}, "unknown key tilte; did you mean title?"),
        ({"zzz": 1}, "unknown key zzz; expected one of title, parts, main, colours"),
        ({"main": {"name": "a", "sise": 1}}, "unknown key main.sise; did you mean main.size?"),
        ({"main": {}}, "main.name is missing"),
        ({"parts": [{"name": "a"}, {"name": "b", "nam": 1}]}, "unknown key parts.1.nam; did you mean parts.1.name?"),
        ({"colours": {"gren": {"name": "a"}}}, "unknown key colours.gren; did you mean colours.green?"),
        ({"colours": {"red": {"name": "a", "sze": 1}}}, "unknown key colours.red.sze; did you mean colours.red.size?"),
        ({"main": {"name": "a", "size": 0}}, "main.size: Input should be greater than or equal to 1 (got 0)"),
        ({"title": "y" * 100}, f"title: too long (got '{'y' * 59}…)"),
        ([], "Input should be a valid dictionary or instance of Whole"),
    ],
)
def test_the_key_is_named_as_it_was_written(data: Any, said: str) -> None:
    assert fault(data) == said


def test_entries_of_a_list_are_called_by_their_names_where_the_data_is_there() -> None:
    data = {"parts": [{"name": "a", "size": 0}, {"size": 1}]}
    assert fault(data, data=data, values=False) == (
        "parts 'a': size: Input should be greater than or equal to 1; parts number 2: name is missing"
    )


def test_other_words_for_a_key_and_no_end_of_faults() -> None:
    said = fault({f"k{n}": 1 for n in range(MOST + 3)}, noun="setting")
    assert said.startswith("unknown setting k0; ")
    assert said.endswith("; 3 more faults")


def test_json_that_is_none() -> None:
    with pytest.raises(ValidationError) as raised:
        Whole.model_validate_json("{")
    assert explain(Whole, raised.value).startswith("this is not valid JSON (EOF")


def test_the_nearest_name() -> None:
    assert nearest("lightt", ["light", "server"]) == "light"
    assert nearest("x", ["light", "server"]) is None
