"""What lines that we did not hear or read may look like: no quotation, no markup, nobody else's words."""

from __future__ import annotations

import re
from collections.abc import Sequence

RETYPED_WORDS = 4
"""An invented line that shares so many words in a row with the evidence retypes it."""

_LEFT_OUT = frozenset('"“”„‟«»‹›「」『』〝〞＂：[]')
_SINGLE_QUOTES = "'‘’‚‛`´"
# An apostrophe follows a letter; a quotation opens before one.
_OPENING = re.compile(rf"(?<!\w)[{_SINGLE_QUOTES}]")
# Scripts that write without spaces count character by character.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff]|[^\W_]+")


def plain_line(text: str) -> str:
    """Return `text` on one line, without quotation marks, brackets and other marks that a script gives a meaning."""
    kept = "".join(c if c.isprintable() else " " for c in text if c not in _LEFT_OUT)
    return " ".join(_OPENING.sub("", kept).split()).replace(": ", ", ").rstrip(": ")


def is_plain(text: str) -> bool:
    """Whether a line holds nothing that `plain_line` would take away, spaces apart."""
    return plain_line(text) == " ".join(text.split())


def retypes(line: str, sources: Sequence[str]) -> bool:
    """Whether a line says again what was said, shown or published.

    Parameters
    ----------
    line : str
        A line by a writer.
    sources : sequence of str
        The texts of the evidence.

    Returns
    -------
    bool
        True where the line holds `RETYPED_WORDS` words in a row of one source, or the whole of one of three words.
    """
    words = _words(line)
    runs = {tuple(words[i : i + n]) for n in (RETYPED_WORDS - 1, RETYPED_WORDS) for i in range(len(words) - n + 1)}
    for source in map(_words, sources):
        length = RETYPED_WORDS if len(source) != RETYPED_WORDS - 1 else len(source)
        if any(tuple(source[i : i + length]) in runs for i in range(len(source) - length + 1)):
            return True
    return False


def is_one_of(line: str, sources: Sequence[str]) -> bool:
    """Whether a line is the whole of one of the texts, letter case and marks apart."""
    words = _words(line)
    return any(words == _words(source) for source in sources)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
