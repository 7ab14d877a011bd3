"""The interface of stages.

A stage is a class. Its constructor loads the model; `prepare` reads and decodes the input of one post and may run in a
thread while the model works; the call maps a batch of prepared inputs to outputs, one for each and in order. A stage
writes no files: it returns records and the bytes of side files, and the executor writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from valex_local.errors import ValexError
from valex_local.records import Post, Record
from valex_local.settings import Settings

if TYPE_CHECKING:
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Item:
    """One post as a stage sees it.

    Attributes
    ----------
    post : Post
        The post; `post.video.path` is the video file.
    folder : Path
        The post's folder, to read side files (keyframes, audio) from. A stage never writes to it.
    records : dict of str to Record
        The records the step reads, by file stem (``"media"``, ``"transcript"``, ``"script.template"``).
    """

    post: Post
    folder: Path
    records: Mapping[str, Record] = field(default_factory=dict)

    def get(self, stem: str, kind: type[R]) -> R:
        """Return the record of a stem, checked to be of a kind."""
        record = self.records[stem]
        if not isinstance(record, kind):
            raise TypeError(f"{stem} is a {type(record).__name__}, not a {kind.__name__}")
        return record

    @property
    def script(self) -> str | None:
        """Return the name of the script that the step reads, if it reads one."""
        stems = (stem.partition(".") for stem in self.records)
        return next((name for kind, _, name in stems if kind == "script"), None)


@dataclass(frozen=True)
class Output:
    """The result of a stage for one item: a record and its side files (path in the post's folder to bytes)."""

    record: Record
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a stage is built from.

    Attributes
    ----------
    settings : Settings
        All settings; a stage reads only its own section.
    models : dict of str to StoredModel
        The verified model of each role the step names; optional roles without a model are absent.
    device : Device
        Where to compute, and with how many threads.
    variant : str
        What is loaded: ``"local"``, ``"encoder"`` for the labels of every script by this route, or empty.
    """

    settings: Settings
    models: Mapping[str, StoredModel]
    device: Device
    variant: str = ""


class Stage(Protocol):
    """The interface of every stage. `batch_size` is the maximum number of prepared inputs of a call."""

    batch_size: int

    def __init__(self, context: Context) -> None: ...

    def prepare(self, item: Item) -> Any:
        """Return the decoded input of one item; called in worker threads.

        Raises
        ------
        ValexError
            The item cannot be done.
        """

    def __call__(self, batch: Sequence[Any]) -> Sequence[Output | ValexError]:
        """Return the outputs of prepared inputs, one for each and in order."""

    def close(self) -> None:
        """Free the model."""
