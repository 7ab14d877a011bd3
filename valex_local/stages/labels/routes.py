"""What a labelling route is: one file a route, chosen by its name in the table of `stages.label_routes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from valex_local.errors import ValexError
from valex_local.records import LabelFigures, LabelSource, Notice, Script, ValueLabel
from valex_local.stages.base import Context, Item
from valex_local.stages.label_routes import get_route
from valex_local.system.imports import load_object

if TYPE_CHECKING:
    from valex_local.corpus import Text


@dataclass(frozen=True)
class Task:
    """One post to label.

    Attributes
    ----------
    item : Item
        The post with the records that the route's step reads.
    script : Script
        The script; of a route that labels the video itself an empty one, with what was heard of language and sound.
    """

    item: Item
    script: Script


@dataclass(frozen=True)
class LabelResult:
    """What a route says of one script: the 19 values in circle order; `figures` where it asks a language model."""

    values: tuple[ValueLabel, ...]
    notices: tuple[Notice, ...] = ()
    figures: LabelFigures | None = None


class LabelRoute(Protocol):
    """The shape of every route. The constructor loads the model.

    Attributes
    ----------
    source : LabelSource
        Whose labels these are.
    batch_size : int
        Scripts a call takes.
    """

    source: LabelSource
    batch_size: int

    def __init__(self, context: Context) -> None: ...

    def prepare(self, task: Task) -> Any:
        """Turn a task into the route's input; runs in worker threads."""

    def prepare_text(self, text: Text) -> Any:
        """Turn a text without a study into the route's input; ConfigError where the route needs a video."""

    def __call__(self, batch: Sequence[Any]) -> Sequence[LabelResult | ValexError]:
        """Judge scripts, one each and in order."""

    def close(self) -> None:
        """Free the model."""


def route(name: str) -> type[LabelRoute]:
    """Return the class of a route.

    Raises
    ------
    ConfigError
        There is no route of that name.
    """
    found: type[LabelRoute] = load_object(get_route(name).factory)
    return found


def foreign(source: LabelSource, language: str | None) -> tuple[Notice, ...]:
    """Return what is to be said of a text in a language that the model does not name: it is labelled all the same."""
    if language is None or not source.languages or language in source.languages:
        return ()
    text = f"the text's language is {language}; the label model was made for: {', '.join(source.languages)}"
    return (Notice(code="language-not-covered", text=text),)
