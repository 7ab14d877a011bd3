"""Rules for lines that a writer adds: no quotations, no markup, no words of the evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence

RETYPED_WORDS = 4
"""A line repeats the evidence if it shares this many consecutive words with it."""

_LEFT_OUT = frozenset('"“”„‟«»‹›「」『』〝〞＂：[]')
_SINGLE_QUOTES = "'‘’‚‛`´"
# An apostrophe follows a letter; a quotation opens before one.
_OPENING = re.compile(rf"(?<!\w)[{_SINGLE_QUOTES}]")
# In writing systems without spaces, each character counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff]|[^\W_]+")


def plain_line(text: str) -> str:
    """Return `text` on one line, without quotation marks, brackets and other marks that mean something in a script."""
    kept = "".join(c if c.isprintable() else " " for c in text if c not in _LEFT_OUT)
    return " ".join(_OPENING.sub("", kept).split()).replace(": ", ", ").rstrip(": ")


def is_plain(text: str) -> bool:
    """Return whether `plain_line` leaves a line as it is, apart from spaces."""
    return plain_line(text) == " ".join(text.split())


def retypes(line: str, sources: Sequence[str]) -> bool:
    """Return whether a line repeats what was said, shown or published.

    Parameters
    ----------
    line : str
        A line by a writer.
    sources : sequence of str
        The texts of the evidence.

    Returns
    -------
    bool
        True if the line contains `RETYPED_WORDS` consecutive words of a source, or a whole source of three words.
    """
    told = words(line)
    runs = {tuple(told[i : i + n]) for n in (RETYPED_WORDS - 1, RETYPED_WORDS) for i in range(len(told) - n + 1)}
    for source in map(words, sources):
        length = RETYPED_WORDS if len(source) != RETYPED_WORDS - 1 else len(source)
        if any(tuple(source[i : i + length]) in runs for i in range(len(source) - length + 1)):
            return True
    return False


def is_one_of(line: str, sources: Sequence[str]) -> bool:
    """Return whether a line equals one of the texts, ignoring case and punctuation."""
    told = words(line)
    return any(told == words(source) for source in sources)


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return _WORD.findall(text.casefold())
