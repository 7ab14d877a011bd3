"""The vocabulary of the tags: categories, their entries, and how each is put to CLIP."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.records import Text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _template(text: str) -> str:
    if text.count("{}") != 1:
        raise ValueError("must hold {} once, where the phrase goes")
    return text


def _one_or_more(phrases: Any) -> Any:
    return [phrases] if isinstance(phrases, str) else phrases


Phrase = Annotated[Text, AfterValidator(_filled)]
Template = Annotated[Text, AfterValidator(_template)]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1), BeforeValidator(_one_or_more)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Category(_Table):
    """Entries that compete with one another.

    Attributes
    ----------
    name : str
        Name of the category, as the tags bear it.
    templates : tuple of str
        Sentences with ``{}`` for the phrase; the vectors of all of them are averaged.
    background : tuple of str
        Phrases for pictures that no entry fits.
    threshold : float or None
        Probability from which a tag is kept; None takes that of the settings.
    per_shot : bool
        Whether it belongs to the whole of a shot, as a place does: the keyframes of the shot then share one answer.
    entries : dict of str to tuple of str
        Label to the phrases that describe it.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    templates: tuple[Template, ...] = Field(default=("a photo of {}.",), min_length=1)
    background: tuple[Phrase, ...] = Field(min_length=1)
    threshold: float | None = Field(default=None, ge=0, le=1)
    per_shot: bool = False
    entries: dict[Phrase, Phrases] = Field(min_length=1)

    def prompts(self) -> list[tuple[str | None, list[str]]]:
        """Return each choice of the category with its prompts; the label of a background phrase is None."""
        choices: list[tuple[str | None, tuple[str, ...]]] = [*self.entries.items()]
        choices += [(None, (phrase,)) for phrase in self.background]
        return [(label, [t.replace("{}", p) for p in phrases for t in self.templates]) for label, phrases in choices]


class Vocabulary(_Table):
    """All categories, in the order of the file."""

    format: Literal[1] = 1
    category: tuple[Category, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [category.name for category in self.category]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"category {twice[0]} is there twice")
        return self


def read_vocabulary(path: Path) -> Vocabulary:
    """Read a vocabulary.

    Raises
    ------
    ConfigError
        The file cannot be read, is no TOML (the line is named), or a key is wrong (the key is named).
    """
    data = read_toml(path)
    try:
        return Vocabulary.model_validate(data)
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(e, data) for e in error.errors()), path=path) from error


def _explain(error: Any, data: Any) -> str:
    """Turn one pydantic error into a clause that names the category and key as the file writes them."""
    loc = [part for part in error["loc"] if part != "[key]"]
    category = loc[0] == "category" and len(loc) > 1 if loc else False
    key = ".".join(map(str, loc[2:] if category else loc))
    where = f"category {_name(data, loc[1])}" if category else "the vocabulary"
    if error["type"] == "extra_forbidden":
        known = list((Category if category else Vocabulary).model_fields)
        near = get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
        return f"{where}: unknown key {key}; " + (f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}")
    return f"{where}: {key + ': ' if key else ''}{error['msg'].removeprefix('Value error, ')}"


def _name(data: Any, index: Any) -> str:
    """Return a category's name, or its place in the file where it has none."""
    try:
        return repr(data["category"][index]["name"])
    except (KeyError, IndexError, TypeError):
        return f"number {int(index) + 1}" if isinstance(index, int) else str(index)
