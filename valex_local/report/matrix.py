"""Matrix of values that occur together: counts for present below the diagonal, for conflicted above it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from valex_local.report.svg import element, markup, picture, pole
from valex_local.schwartz import CIRCLE

CELL = 25.0
_LEFT, _TOP = 178.0, 30.0
_STRIP = 4.0
_SHADES = 5


def matrix(present: NDArray[np.int64], conflicted: NDArray[np.int64], *, name: str) -> Markup:
    """Return the matrix as SVG.

    Parameters
    ----------
    present, conflicted : ndarray of int, (19, 19)
        Number of posts in which two values are both present, and both conflicted; symmetric.
    name : str
        Name of the chart for screen readers.

    Returns
    -------
    Markup
        The SVG element.
    """
    size = CELL * len(CIRCLE)
    root = picture(_LEFT + size + 1, _TOP + size + 1, "matrix", name)
    for at, value in enumerate(CIRCLE):
        place = at * CELL
        element(root, "text", str(value), x=_LEFT - 12, y=_TOP + place + CELL / 2, dy="0.34em", class_="row")
        element(root, "text", value.code, x=_LEFT + place + CELL / 2, y=_TOP - 10, class_="column")
        strip = f"band p-{pole(value)}"
        element(root, "rect", x=_LEFT - 8, y=_TOP + place, width=_STRIP, height=CELL, class_=strip)
        element(root, "rect", x=_LEFT + place, y=_TOP - 7, width=CELL, height=_STRIP, class_=strip)
        element(root, "rect", x=_LEFT + place, y=_TOP + place, width=CELL, height=CELL, class_="diagonal")
    for side, counts in (("present", np.tril(present, -1)), ("conflicted", np.triu(conflicted, 1))):
        _draw_side(root, side, counts)
    element(root, "rect", x=_LEFT, y=_TOP, width=size, height=size, class_="frame")
    return markup(root)


def _draw_side(root: ET.Element, side: str, counts: NDArray[np.int64]) -> None:
    highest = int(counts.max(initial=0))
    for row, column in zip(*np.nonzero(counts), strict=True):
        count = int(counts[row, column])
        shade = -(-_SHADES * count // highest)
        x, y = _LEFT + column * CELL, _TOP + row * CELL
        cell = element(root, "g", class_=f"cell {side} shade-{shade}")
        element(cell, "title", f"{CIRCLE[row]} and {CIRCLE[column]}: both {side} in {count} posts")
        element(cell, "rect", x=x + 0.5, y=y + 0.5, width=CELL - 1, height=CELL - 1)
        element(cell, "text", str(count), x=x + CELL / 2, y=y + CELL / 2, dy="0.34em")
