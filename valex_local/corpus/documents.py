"""Sentences of documents, as in the files of ValueEval'24: their ids, and the language that they are in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from valex_local.files.text import clean_text

DOCUMENT = "document"
"""The grouping of sentences by their document."""

LANGUAGES = ("bg", "de", "el", "en", "fr", "he", "it", "nl", "tr")
"""ISO 639-1 codes of the languages of ValueEval'24."""

_TRANSLATED = "english"
"""Ends the names of the folders with machine translations, such as ``training-english``."""


class DocumentColumns(NamedTuple):
    """The columns with the id of a document and the number of a sentence in it."""

    document: str
    sentence: str

    @classmethod
    def of(cls, plain: Mapping[str, str]) -> DocumentColumns | None:
        """Return the columns ``Text-ID`` and ``Sentence-ID`` if a table has both, given by their plain names."""
        return cls(plain["textid"], plain["sentenceid"]) if {"textid", "sentenceid"} <= plain.keys() else None

    def id_of(self, cells: Mapping[str, str]) -> str:
        """Return the id of the sentence in a row, such as ``EN_001:12``; "" if the row has neither cell.

        Raises
        ------
        ValueError
            The row has only one of the two cells.
        """
        document, sentence = (clean_text(cells[column]).strip() for column in self)
        if not document and not sentence:
            return ""
        if not document or not sentence:
            raise ValueError(f"column {self.sentence if document else self.document} is empty")
        number = re.fullmatch(r"0*(\d+)(?:\.0+)?", sentence)
        return f"{document}:{sentence if number is None else number[1]}"


def language_of_place(path: Path) -> str | None:
    """Return the language that a file or its folder names: ``training-english``, ``EL`` or ``sentences-el.tsv``."""
    for name in (path.stem, path.resolve().parent.name):
        last = re.split(r"[\W_]+", name.lower())[-1]
        if last == _TRANSLATED:
            return "en"
        if last in LANGUAGES:
            return last
    return None


def language_of_document(document: str) -> str | None:
    """Return the language of the original that the id of a document begins with: ``el`` of ``EL_M_001``."""
    code = document.strip().partition("_")[0].lower()
    return code if code in LANGUAGES else None


def tables_named(name: str, files: Iterable[Path]) -> list[Path]:
    """Return the TSV and CSV files whose name begins with a word, such as ``sentences-el.tsv``."""
    found = (file for file in files if file.suffix.lower() in (".tsv", ".csv"))
    return [file for file in found if re.match(rf"{name}(?![a-z])", file.name, re.IGNORECASE)]
