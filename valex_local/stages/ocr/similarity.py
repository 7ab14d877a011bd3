"""When two readings are the same text, or one the beginning of the other; when two boxes are one place."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valex_local.records import Box

LETTERS_PER_SLIP = 5
"""One text may be misread in one letter of so many: short words differ when one letter does."""

SAME_PLACE = 0.5
"""Share of the smaller box that two boxes must share to be one place."""


def plain(text: str) -> str:
    """Return the text without case and spaces, which recognisers often get wrong."""
    return "".join(text.casefold().split())


def similarity(one: str, other: str) -> float:
    """Return how alike two texts are, from 0 to 1, case and spaces aside."""
    from rapidfuzz.distance import Indel

    return Indel.normalized_similarity(plain(one), plain(other))


def same_text(one: str, other: str) -> bool:
    """Say whether two readings are one text, but for misread letters.

    Another figure makes another text: day 1 and day 2 are no slip, while a letter may be misread as a figure.
    """
    from rapidfuzz.distance import Levenshtein

    a, b = plain(one), plain(other)
    slips = Levenshtein.editops(a, b)
    if len(slips) > max(len(a), len(b)) // LETTERS_PER_SLIP:
        return False
    before = ("" if slip.tag == "insert" else a[slip.src_pos] for slip in slips)
    after = ("" if slip.tag == "delete" else b[slip.dest_pos] for slip in slips)
    return not any((x + y).isdecimal() for x, y in zip(before, after, strict=True))


def begins(shorter: str, longer: str) -> bool:
    """Say whether `longer` is `shorter` and further words, as in captions that grow word by word."""
    length = len(plain(shorter))
    if not 0 < length < len(plain(longer)):
        return False
    heads = list(accumulate(longer.split()))[:-1]
    if not longer[-1].isascii():
        # Scripts without spaces grow by the character.
        heads.append(plain(longer)[:length])
    return any(same_text(shorter, head) for head in heads)


def same_place(one: Box, other: Box) -> bool:
    """Say whether two boxes share most of the smaller one."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    smaller = min(one.width * one.height, other.width * other.height)
    return max(0.0, width) * max(0.0, height) >= SAME_PLACE * smaller > 0
