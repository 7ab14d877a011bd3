"""Read texts and label sheets as labs keep them, and match the two; none of it needs a model."""

from valex_local.corpus.match import Corpus, match, read_corpus
from valex_local.corpus.sheets import Sheet, gold_of, read_sheet, sheet_files
from valex_local.corpus.texts import Text, Texts, join_texts, read_texts
from valex_local.corpus.writers import write_authors, write_long

__all__ = [
    "Corpus",
    "Sheet",
    "Text",
    "Texts",
    "gold_of",
    "join_texts",
    "match",
    "read_corpus",
    "read_sheet",
    "read_texts",
    "sheet_files",
    "write_authors",
    "write_long",
]
