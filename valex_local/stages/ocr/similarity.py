"""Whether two readings are the same text or one begins the other, and whether two boxes are the same place."""

from __future__ import annotations

import re
from itertools import accumulate

from valex_local.records import Box

LOOK_ALIKE = str.maketrans({"l": "I", "1": "I", "|": "I", "0": "O", "o": "O", "5": "S", "s": "S", "$": "S", "8": "B"})
"""Characters that recognisers take for one another, to one of each kind. No two figures look alike."""

PUNCTUATION = re.compile(r"(?<!\d)[.,:;]|[.,:;](?!\d)")
"""Punctuation that recognisers miss; that of a number counts."""

LETTERS_PER_ERROR = 5
"""Two readings may differ in one letter out of this many and be the same text; shorter words must be equal."""

SAME_PLACE = 0.5
"""Fraction of the smaller box that must be inside the other one for two boxes to be the same place."""


def plain(text: str) -> str:
    """Return the text without case and spaces, which recognisers often get wrong."""
    return "".join(text.casefold().split())


def similarity(one: str, other: str) -> float:
    """Return the similarity of two texts, from 0 to 1, ignoring case and spaces."""
    from rapidfuzz.distance import Indel

    return Indel.normalized_similarity(plain(one), plain(other))


def same_text(one: str, other: str) -> bool:
    """Return whether two readings are the same text, except for misread letters.

    Another digit makes another text: "day 1" and "day 2" differ, while a letter may be misread as a digit.
    """
    from rapidfuzz.distance import Levenshtein

    a, b = plain(one), plain(other)
    edits = Levenshtein.editops(a, b)
    if len(edits) > max(len(a), len(b)) // LETTERS_PER_ERROR:
        return False
    before = ("" if edit.tag == "insert" else a[edit.src_pos] for edit in edits)
    after = ("" if edit.tag == "delete" else b[edit.dest_pos] for edit in edits)
    return not any((x + y).isdecimal() for x, y in zip(before, after, strict=True))


def same_words(one: str, other: str) -> bool:
    """Return whether two readings are equal, except for case, spaces, punctuation and characters that look alike."""
    if plain(one) == plain(other):
        return True
    return _by_looks(one) == _by_looks(other)


def _by_looks(text: str) -> str:
    return plain(PUNCTUATION.sub("", text).translate(LOOK_ALIKE))


def begins(shorter: str, longer: str) -> bool:
    """Return whether `longer` is `shorter` plus further words, as in captions that grow word by word."""
    length = len(plain(shorter))
    if not 0 < length < len(plain(longer)):
        return False
    heads = list(accumulate(longer.split()))[:-1]
    if not longer[-1].isascii():
        # Captions in writing systems without spaces grow by the character.
        heads.append(plain(longer)[:length])
    return any(same_words(shorter, head) for head in heads)


def same_place(one: Box, other: Box) -> bool:
    """Return whether two boxes share most of the smaller one."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    smaller = min(one.width * one.height, other.width * other.height)
    return max(0.0, width) * max(0.0, height) >= SAME_PLACE * smaller > 0


def hull(one: Box, other: Box) -> Box:
    """Return the smallest box around two boxes."""
    left, top = min(one.left, other.left), min(one.top, other.top)
    right = max(one.left + one.width, other.left + other.width)
    bottom = max(one.top + one.height, other.top + other.height)
    return Box(left=left, top=top, width=min(1.0, right - left), height=min(1.0, bottom - top))
