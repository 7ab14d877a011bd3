"""The vocabulary of the tags: categories, their entries, and the prompts for CLIP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain
from valex_local.records import CleanText


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _template(text: str) -> str:
    if text.count("{}") != 1:
        raise ValueError("must contain {} once, where the phrase goes")
    return text


def _one_or_more(phrases: Any) -> Any:
    return [phrases] if isinstance(phrases, str) else phrases


Phrase = Annotated[CleanText, AfterValidator(_filled)]
Template = Annotated[CleanText, AfterValidator(_template)]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1), BeforeValidator(_one_or_more)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Category(_Table):
    """Entries that compete with one another.

    Attributes
    ----------
    name : str
        Name of the category, as in the tags.
    templates : tuple of str
        Sentences with ``{}`` for the phrase; the vectors of all of them are averaged.
    background : tuple of str
        Phrases for images that no entry fits.
    threshold : float or None
        Probability from which a tag is kept; None means that of the settings.
    per_shot : bool
        Whether it applies to a whole shot, as a place does; the keyframes of a shot then share one result.
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
            raise ValueError(f"category {twice[0]} occurs twice")
        return self


def read_vocabulary(path: Path) -> Vocabulary:
    """Return the vocabulary in a file.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML (the message names the line), or a key is wrong (the message names it).
    """
    data = read_toml(path)
    try:
        return Vocabulary.model_validate(data)
    except ValidationError as error:
        raise ConfigError(explain(Vocabulary, error, data=data), path=path) from error
