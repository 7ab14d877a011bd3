"""Words of any language, and what two sequences have in common.

A word is a run of letters, marks and digits, apostrophes within it aside, in one letter case: *Don’t* and *don't* are
one word, *second-hand* is two. Numerals stay as they stand: *12* is not *twelve*. Han, kana, Thai, Lao, Khmer and
Burmese are written without spaces: there every letter with its marks counts as a word.
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
    """A word of a text: what it is compared by, and where it stands, ``text[start:end]``."""

    key: str
    start: int
    end: int


def words(text: str) -> tuple[ComparedWord, ...]:
    """Return the words of a text in order."""
    return tuple(ComparedWord(key, start, end) for start, end in _spans(text) if (key := _key(text[start:end])))


def _spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    grows = False  # whether a letter would go on with the last word
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
    """Return what a word is compared by: NFKC, in one letter case, letters and marks and digits alone."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return "".join(char for char in plain if char.isalnum() or _is_mark(char))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def plain_text(keys: Iterable[str]) -> str:
    """Return words as a text for comparison by letters, a space at either end: a short word only fits a whole one."""
    spaced = "".join(key if _SPACELESS.match(key) else f" {key} " for key in keys)
    return f" {' '.join(spaced.split())} "


def common(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return a longest common subsequence, as the places of its elements in both.

    There may be many; of the first from the left and the first from the right it is the one in fewer pieces, so that a
    word is seen where its neighbours are.
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
