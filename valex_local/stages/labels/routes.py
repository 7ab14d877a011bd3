"""The interface of labelling routes; each has its own module, and `stages.label_routes` lists them by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from valex_local.errors import ValexError
from valex_local.records import LabelFigures, LabelSource, Notice, Script, ValueLabel
from valex_local.stages.base import Context, Item
from valex_local.stages.label_routes import route_spec
from valex_local.system.imports import load_object

if TYPE_CHECKING:
    from valex_local.corpus import Text


@dataclass(frozen=True)
class LabelTask:
    """One post to label.

    Attributes
    ----------
    item : Item
        The post with the records that the route's step reads.
    script : Script
        The script; for a route that labels the video itself, an empty one with the transcript's language and sound.
    """

    item: Item
    script: Script


@dataclass(frozen=True)
class LabelResult:
    """A route's labels of one script: the 19 values in circle order; `figures` only if it asks a language model."""

    values: tuple[ValueLabel, ...]
    notices: tuple[Notice, ...] = ()
    figures: LabelFigures | None = None


class LabelRoute(Protocol):
    """The interface of every route. The constructor loads the model.

    Attributes
    ----------
    source : LabelSource
        The route and model, as in the record.
    batch_size : int
        Maximum number of scripts of a call.
    """

    source: LabelSource
    batch_size: int

    def __init__(self, context: Context) -> None: ...

    def prepare(self, task: LabelTask) -> Any:
        """Return the route's input for a task; called in worker threads."""

    def prepare_text(self, text: Text) -> Any:
        """Return the route's input for a text without a study; raise ConfigError if the route needs a video."""

    def __call__(self, batch: Sequence[Any]) -> Sequence[LabelResult | ValexError]:
        """Return the labels of prepared inputs, one result for each and in order."""

    def close(self) -> None:
        """Free the model."""


def load_route(name: str) -> type[LabelRoute]:
    """Return the class of a route.

    Raises
    ------
    ConfigError
        There is no route of that name.
    """
    found: type[LabelRoute] = load_object(route_spec(name).factory)
    return found


def language_notices(source: LabelSource, language: str | None) -> tuple[Notice, ...]:
    """Return a notice if a text, which is labelled anyway, is not in one of the model's languages."""
    if language is None or not source.languages or language in source.languages:
        return ()
    text = f"the text's language is {language}; the label model was made for: {', '.join(source.languages)}"
    return (Notice(code="language-not-covered", text=text),)
