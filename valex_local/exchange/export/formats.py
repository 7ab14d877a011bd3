"""The table of formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from valex_local.errors import ConfigError
from valex_local.exchange.export.arrow import Parquet
from valex_local.exchange.export.elan import Elan
from valex_local.exchange.export.label_studio import LabelStudio
from valex_local.exchange.export.screenplays import Screenplays
from valex_local.exchange.export.selection import Material
from valex_local.exchange.export.subtitles import Srt, SubtitleFiles, Vtt
from valex_local.exchange.export.tables import Authors, Long, Pyvalues, Wide


class ExportWriter(Protocol):
    """Writes what is exported to a file, or into a folder that is there and empty."""

    def __call__(self, material: Material, target: Path) -> None:
        """Write; notes in the material what was left out."""


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes
    ----------
    writer : callable
        Makes the writer.
    suffixes : tuple of str
        What its file may end in, the default first; empty where it is a folder of files.
    has_labels : bool
        Whether labels are in it.
    """

    writer: Callable[[], ExportWriter]
    suffixes: tuple[str, ...] = ()
    has_labels: bool = False


_TABLE = (".csv", ".tsv")

FORMATS: dict[str, Format] = {
    "srt": Format(lambda: SubtitleFiles(Srt())),
    "vtt": Format(lambda: SubtitleFiles(Vtt())),
    "fountain": Format(lambda: Screenplays("fountain")),
    "text": Format(lambda: Screenplays("text")),
    "eaf": Format(Elan),
    "authors": Format(Authors, _TABLE, has_labels=True),
    "long": Format(Long, _TABLE, has_labels=True),
    "wide": Format(Wide, _TABLE, has_labels=True),
    "pyvalues": Format(Pyvalues, (".tsv",), has_labels=True),
    "parquet": Format(Parquet, has_labels=True),
    "labelstudio": Format(LabelStudio, has_labels=True),
}


def get_format(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    ConfigError
        There is no such format.
    """
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r}", hint=f"There are: {', '.join(FORMATS)}")
    return FORMATS[name]
