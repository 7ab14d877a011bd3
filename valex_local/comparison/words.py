"""Split text of any language into words, and find what two sequences have in common.

A word is a run of letters, marks and digits; apostrophes inside it and letter case are ignored: *Don’t* and *don't* are
the same word, *second-hand* is two. Numerals are not converted: *12* differs from *twelve*. Han, kana, Thai, Lao, Khmer
and Burmese are written without spaces, so there every letter with its marks counts as a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_APOSTROPHES = frozenset("'’‘ʼ＇`´")
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)


@dataclass(frozen=True)
class ComparedWord:
    """A word of a text: the key by which it is compared, and its place, ``text[start:end]``."""

    key: str
    start: int
    end: int


def words(text: str) -> tuple[ComparedWord, ...]:
    """Return the words of a text in order."""
    return tuple(ComparedWord(key, start, end) for start, end in _spans(text) if (key := _key(text[start:end])))


def _spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    grows = False  # whether a letter would continue the last word
    for at, char in enumerate(text):
        if char.isalnum():
            alone = _SPACELESS.match(char) is not None
            if grows and not alone:
                spans[-1] = (spans[-1][0], at + 1)
            else:
                spans.append((at, at + 1))
            grows = not alone
        elif _is_mark(char) and spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], at + 1)
        elif char not in _APOSTROPHES and unicodedata.category(char) != "Cf":
            grows = False
    return spans


def _key(word: str) -> str:
    """Return the key of a word: NFKC, case-folded, with letters, marks and digits only."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return "".join(char for char in plain if char.isalnum() or _is_mark(char))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def plain_text(keys: Iterable[str]) -> str:
    """Return words as a text with a space at both ends, so that a short word does not match a part of a longer one."""
    spaced = "".join(key if _SPACELESS.match(key) else f" {key} " for key in keys)
    return f" {' '.join(spaced.split())} "


def common(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return a longest common subsequence, as pairs of positions in both sequences.

    There may be many. Of the one found from the left and the one found from the right, the one in fewer pieces is
    returned, so that words are matched together with their neighbours.
    """
    forth = _longest(one, other)
    back = [(len(one) - 1 - i, len(other) - 1 - j) for i, j in reversed(_longest(one[::-1], other[::-1]))]
    return min(forth, back, key=_pieces)


def _longest(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[tuple[int, int]]:
    from rapidfuzz.distance import LCSseq

    return [
        (block.src_start + step, block.dest_start + step)
        for block in LCSseq.opcodes(one, other)
        if block.tag == "equal"
        for step in range(block.src_end - block.src_start)
    ]


def _pieces(places: Sequence[tuple[int, int]]) -> int:
    return sum(after != (i + 1, j + 1) for (i, j), after in pairwise(places))
