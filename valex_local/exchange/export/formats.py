"""The table of export formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from valex_local.errors import ConfigError
from valex_local.system.imports import load_object

if TYPE_CHECKING:
    from pathlib import Path

    from valex_local.exchange.export.selection import Material


class ExportWriter(Protocol):
    """Write an export to a file or into an empty folder."""

    def __call__(self, material: Material, target: Path) -> None:
        """Write `material`, and record in it what was left out."""


@dataclass(frozen=True)
class Format:
    """An export format.

    Attributes
    ----------
    factory : str
        Its writer, as ``module:name`` of a class or function that is called without arguments.
    about : str
        A short description for the help page.
    suffixes : tuple of str
        Possible file extensions, the default first; empty if the format is a folder of files.
    has_labels : bool
        Whether it contains labels.
    """

    factory: str
    about: str
    suffixes: tuple[str, ...] = ()
    has_labels: bool = False

    def writer(self) -> ExportWriter:
        """Import and return the writer.

        Raises
        ------
        MissingExtra
            The format needs a library that is not installed.
        """
        made: ExportWriter = load_object(self.factory)()
        return made


_TABLE = (".csv", ".tsv")

FORMATS: dict[str, Format] = {
    "srt": Format("valex_local.exchange.export.subtitles:srt", "SubRip subtitles: speech and on-screen text"),
    "vtt": Format("valex_local.exchange.export.subtitles:vtt", "WebVTT subtitles: speech and on-screen text"),
    "fountain": Format("valex_local.exchange.export.screenplays:fountain", "screenplays"),
    "text": Format("valex_local.exchange.export.screenplays:text", "scripts as plain text, as in the paper"),
    "eaf": Format("valex_local.exchange.export.elan:Elan", "ELAN annotation files"),
    "rttm": Format("valex_local.exchange.export.rttm:Rttm", "who speaks when, for tools of diarization"),
    "posts": Format("valex_local.exchange.export.tables:Posts", "posts, a row for each: author, date, length", _TABLE),
    "codings": Format(
        "valex_local.exchange.export.tables:Codings", "what people decided, with confidence and notes", _TABLE
    ),
    "authors": Format(
        "valex_local.exchange.export.tables:Authors",
        "labels in the format of the paper's authors: -1, 0, 1, 2",
        _TABLE,
        has_labels=True,
    ),
    "long": Format(
        "valex_local.exchange.export.tables:Long", "labels, one row for each post and value", _TABLE, has_labels=True
    ),
    "wide": Format("valex_local.exchange.export.tables:Wide", "labels, one row for each post", _TABLE, has_labels=True),
    "pyvalues": Format(
        "valex_local.exchange.export.tables:Pyvalues", "labels for the library pyvalues", (".tsv",), has_labels=True
    ),
    "parquet": Format(
        "valex_local.exchange.export.arrow:Parquet", "labels and script lines, as two Parquet tables", has_labels=True
    ),
    "labelstudio": Format(
        "valex_local.exchange.export.label_studio:LabelStudio",
        "Label Studio tasks with predictions, and the configuration",
        has_labels=True,
    ),
}
"""All formats by name."""

ALIASES = {"csv": "long", "elan": "eaf", "subrip": "srt", "webvtt": "vtt"}
"""Other names of formats."""


def get_format(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    ConfigError
        There is no such format.
    """
    name = ALIASES.get(name, name)
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r}", hint=f"The formats are: {', '.join(FORMATS)}")
    return FORMATS[name]
