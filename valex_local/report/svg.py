"""How charts are drawn: SVG as trees of elements, so that every text and attribute is escaped by the library.

Colours, fonts and strokes are classes of ``style.css``; only geometry stands in the elements, since the pages' content
security policy allows no style attributes.
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
"""The colours of the circle: the four poles and the three borders on which a value stands."""

_LONGEST = 240
_MOST_TICKS = 4


def pole(value: Value) -> str:
    """Return the colour of a value: one of `POLES`."""
    return "-".join(_POLES[order] for order in value.higher_orders)


def pole_of(order: HigherOrder) -> str:
    """Return the colour of a pole."""
    return _POLES[order]


def hatch(value: Value) -> str:
    """Return the fill of a value's conflicted bar: a pattern that the page defines once."""
    return f"url(#hatch-{pole(value)})"


def element(parent: ET.Element | None, tag: str, text: str | None = None, /, **attributes: str | float) -> ET.Element:
    """Return a new element; ``stroke_width`` is the attribute ``stroke-width``, ``class_`` is ``class``."""
    named = {name.rstrip("_").replace("_", "-"): _plain(value) for name, value in attributes.items()}
    made = ET.Element(tag, named) if parent is None else ET.SubElement(parent, tag, named)
    made.text = text
    return made


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """Return a coordinate with one decimal at most."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def percent(share: float) -> str:
    """Return a share of a width as an attribute."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def picture(width: float, height: float, kind: str, name: str, *, left: float = 0, top: float = 0) -> ET.Element:
    """Return the root of a chart: an image with a name for those who do not see it."""
    box = " ".join(map(number, (left, top, width, height)))
    return element(None, "svg", viewBox=box, class_=f"chart {kind}", role="img", aria_label=spoken(name))


def markup(root: ET.Element) -> Markup:
    """Return an element as the text of a page; the library has escaped what it holds."""
    return Markup(ET.tostring(root, encoding="unicode"))


def point(radius: float, degrees: float) -> tuple[float, float]:
    """Return where a point of the circle lies: degrees run anticlockwise from the right, as in mathematics."""
    angle = math.radians(degrees)
    return radius * math.cos(angle), -radius * math.sin(angle)


def ring_sector(inner: float, outer: float, start: float, end: float) -> str:
    """Return the path of a piece of a ring between two angles in degrees, anticlockwise from `start` to `end`."""
    corners = [point(inner, start), point(inner, end), point(outer, end), point(outer, start)]
    a, b, c, d = (" ".join(map(number, corner)) for corner in corners)
    large = int(end - start > 180)
    into, out = number(inner), number(outer)
    return f"M{a}A{into} {into} 0 {large} 0 {b}L{c}A{out} {out} 0 {large} 1 {d}Z"


def arc(radius: float, start: float, end: float) -> str:
    """Return the path of an arc; it runs clockwise where `end` is the smaller angle."""
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


# Marks that turn the direction of a text: in an attribute nothing can hold them in.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def spoken(text: str) -> str:
    """Return `text` for an attribute or a tooltip: one line, without marks of direction, at most 240 characters."""
    plain = _TURNING.sub("", one_line(text))
    return plain if len(plain) <= _LONGEST else cut(plain, _LONGEST)


def cut(text: str, length: int) -> str:
    """Return the start of a text with an ellipsis where it was longer; no letter loses its accents."""
    if len(text) <= length:
        return text
    end = length - 1
    while end > 0 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end].rstrip() + "…"
