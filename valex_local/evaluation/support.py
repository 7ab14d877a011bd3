"""The support that a value needs: a number of texts, as in the paper (30), or a share of them, as in its code (5 %)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from math import ceil

MIN_SUPPORT = 30
"""Gold positives that a value needs to count in the averages of a polarity, as in the paper."""

_SHARE = re.compile(r"(?P<percent>\d+(?:[.,]\d+)?)\s*%")


def support_given(given: int | str) -> int | str:
    """Return a support in its plain form: a number of texts such as 30, or a share of them such as ``"5%"``.

    Raises
    ------
    ValueError
        It is neither a number of at least 1 nor a share above 0 % and up to 100 %.
    """
    text = str(given).strip()
    if re.fullmatch(r"\d+", text) and int(text) >= 1:
        return int(text)
    share = _SHARE.fullmatch(text)
    if share is None or not 0 < Fraction(plain := share["percent"].replace(",", ".")) <= 100:
        raise ValueError(f"expected a number of texts such as 30, or a share of them such as 5%, not {text!r}")
    return f"{plain}%"


def support_count(given: int | str, texts: int) -> int:
    """Return the support that a value needs, as a number of texts.

    A share is rounded up, since a value counts if its share of the texts reaches the limit: 5 % of 888 texts are 44.4,
    so 45. The code of the paper's authors does the same.

    Parameters
    ----------
    given : int or str
        A number of texts, or a share of them such as ``"5%"``.
    texts : int
        The number of texts.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        `given` is neither.
    """
    plain = support_given(given)
    if isinstance(plain, int):
        return plain
    return max(1, ceil(Fraction(plain.removesuffix("%")) * texts / 100))


def smallest_support(given: Sequence[int | str], texts: int) -> int:
    """Return the smallest of several supports, as a number of texts."""
    return min(support_count(one, texts) for one in given)
