"""Build charts as trees of SVG elements, so that the library escapes every text and attribute.

Colours, fonts and strokes are classes in ``style.css``; the elements contain only geometry, because the content
security policy of the pages allows no style attributes.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from markupsafe import Markup

from valex_local.files.text import one_line
from valex_local.schwartz import HigherOrder, Value

_POLES = {
    HigherOrder.OPENNESS: "open",
    HigherOrder.SELF_ENHANCEMENT: "self",
    HigherOrder.CONSERVATION: "keep",
    HigherOrder.SELF_TRANSCENDENCE: "beyond",
}
POLES: tuple[str, ...] = ("open", "open-self", "self", "self-keep", "keep", "keep-beyond", "beyond")
"""The colours of the circle: the four poles, and the three borders between poles that have a value on them."""

_LONGEST = 240
_MOST_TICKS = 4


def pole(value: Value) -> str:
    """Return the colour of a value: one of `POLES`."""
    return "-".join(_POLES[order] for order in value.higher_orders)


def pole_of(order: HigherOrder) -> str:
    """Return the colour of a pole."""
    return _POLES[order]


def hatch(value: Value) -> str:
    """Return the fill of a value's conflicted bar: a reference to a pattern that the page defines once."""
    return f"url(#hatch-{pole(value)})"


def element(parent: ET.Element | None, tag: str, text: str | None = None, /, **attributes: str | float) -> ET.Element:
    """Return a new element.

    Parameters
    ----------
    parent : Element or None
        The element to append it to.
    tag : str
        Name of the element.
    text : str, optional
        Its text.
    **attributes : str or float
        Its attributes; ``stroke_width`` stands for ``stroke-width`` and ``class_`` for ``class``.

    Returns
    -------
    Element
        The element.
    """
    named = {name.rstrip("_").replace("_", "-"): _plain(value) for name, value in attributes.items()}
    made = ET.Element(tag, named) if parent is None else ET.SubElement(parent, tag, named)
    made.text = text
    return made


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """Return a coordinate as text with at most one decimal."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def percent(share: float) -> str:
    """Return a share as a percentage for an attribute."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def picture(width: float, height: float, kind: str, name: str, *, left: float = 0, top: float = 0) -> ET.Element:
    """Return the root element of a chart.

    Parameters
    ----------
    width, height : float
        Size of the drawing, in its own units.
    kind : str
        CSS class of the chart.
    name : str
        Name of the chart for screen readers.
    left, top : float
        Coordinates of the top left corner.

    Returns
    -------
    Element
        An empty ``svg`` element.
    """
    box = " ".join(map(number, (left, top, width, height)))
    return element(None, "svg", viewBox=box, class_=f"chart {kind}", role="img", aria_label=plain_label(name))


def markup(root: ET.Element) -> Markup:
    """Return an element as markup for a page; the library has escaped its content."""
    return Markup(ET.tostring(root, encoding="unicode"))


def point(radius: float, degrees: float) -> tuple[float, float]:
    """Return the coordinates of a point on a circle; degrees count anticlockwise from the right, as in mathematics."""
    angle = math.radians(degrees)
    return radius * math.cos(angle), -radius * math.sin(angle)


def ring_sector(inner: float, outer: float, start: float, end: float) -> str:
    """Return the path of a sector of a ring.

    Parameters
    ----------
    inner, outer : float
        Radii of the ring.
    start, end : float
        Angles in degrees, anticlockwise from `start` to `end`.

    Returns
    -------
    str
        The attribute ``d`` of a path.
    """
    corners = [point(inner, start), point(inner, end), point(outer, end), point(outer, start)]
    a, b, c, d = (" ".join(map(number, corner)) for corner in corners)
    large = int(end - start > 180)
    into, out = number(inner), number(outer)
    return f"M{a}A{into} {into} 0 {large} 0 {b}L{c}A{out} {out} 0 {large} 1 {d}Z"


def arc(radius: float, start: float, end: float) -> str:
    """Return the path of an arc.

    Parameters
    ----------
    radius : float
        Radius of the circle.
    start, end : float
        Angles in degrees; the arc runs clockwise if `end` is the smaller one.

    Returns
    -------
    str
        The attribute ``d`` of a path.
    """
    (x1, y1), (x2, y2) = point(radius, start), point(radius, end)
    r, large, clockwise = number(radius), int(abs(end - start) > 180), int(end < start)
    return f"M{number(x1)} {number(y1)}A{r} {r} 0 {large} {clockwise} {number(x2)} {number(y2)}"


def ticks(highest: float) -> tuple[int, ...]:
    """Return up to four round numbers up to `highest`, in steps of 1, 2 or 5 times a power of 10."""
    if highest < 1:
        return ()
    step = 1
    for factor in _steps():
        step = factor
        if highest // step <= _MOST_TICKS:
            break
    return tuple(range(step, int(highest) + 1, step))


def _steps() -> Sequence[int]:
    return [factor * 10**power for power in range(10) for factor in (1, 2, 5)]


# Characters that change the direction of text; in an attribute they cannot be isolated.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain_label(text: str) -> str:
    """Return `text` for an attribute or a tooltip: one line without direction marks, at most 240 characters."""
    plain = _DIRECTION.sub("", one_line(text))
    return plain if len(plain) <= _LONGEST else cut(plain, _LONGEST)


def cut(text: str, length: int) -> str:
    """Return a text shortened to `length` characters, with an ellipsis; no letter loses its accents."""
    if len(text) <= length:
        return text
    end = length - 1
    while end > 0 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end].rstrip() + "…"
