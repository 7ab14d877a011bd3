"""Draw the circle of values: 19 sectors in the order of the theory, anticlockwise as in Schwartz et al. (2012)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from markupsafe import Markup

from valex_local.records import ValueLabel
from valex_local.report.counts import ValueCount
from valex_local.report.svg import POLES, arc, element, hatch, markup, picture, point, pole, pole_of, ring_sector, ticks
from valex_local.schwartz import CIRCLE, HigherOrder, State, Value
from valex_local.states import with_cutoff

SECTOR = 360 / len(CIRCLE)
"""Angle of one value, in degrees."""

HOLE, RIM = 46.0, 158.0
"""Radius at which bars start, and at which the longest bar ends."""

BAND = (RIM + 8, RIM + 26)
"""Inner and outer radius of the ring with the names of the poles."""

NAMES = BAND[1] + 11
_WIDTH, _HEIGHT = 660.0, 460.0
_GAP = 1.2  # degrees between bars
_LINE = 1.15  # em
_CLEAR = 6.0  # keeps a name below the circle from those beside it
_STEEP = 0.6  # sine of the angle from which a name is above or below the circle
_BASELINE = 3.6  # distance of the baseline from the middle of the band, which centres the letters in it


@dataclass(frozen=True)
class Sector:
    """The content of a sector.

    Attributes
    ----------
    value : Value
        The value.
    present, conflicted : float or None
        Lengths of the two bars as shares of the longest; no bar is drawn for None.
    figures : str
        Figures shown after the name of the value.
    tooltip : str
        The content of the sector in words.
    look : str
        CSS class of the sector: ``held``, ``absent`` or ``not-assessed``.
    leads : bool
        Whether a click on the sector leads to the posts with the value.
    present_from, conflicted_from : float or None
        Cut-offs, on the scale of the bars; a line is drawn for those up to 1.
    """

    value: Value
    present: float | None
    conflicted: float | None
    figures: str
    tooltip: str
    look: str = "held"
    leads: bool = False
    present_from: float | None = None
    conflicted_from: float | None = None


def start_of(value: Value) -> float:
    """Return the angle in degrees at which the sector of a value starts; the first one starts at the top."""
    return 90 + CIRCLE.index(value) * SECTOR


def count_circle(counts: Sequence[ValueCount], posts: int, *, conflicted: bool, name: str) -> Markup:
    """Return the circle of a study, with the number of posts in which each value is present and conflicted.

    Parameters
    ----------
    counts : sequence of ValueCount
        One for each value, in the order of the circle.
    posts : int
        Number of posts that have labels.
    conflicted : bool
        Whether the route assesses conflict; if not, one bar fills the sector.
    name : str
        Name of the chart for screen readers.

    Returns
    -------
    Markup
        The SVG element.
    """
    highest = max((max(c.present, c.conflicted) for c in counts), default=0)
    sectors = []
    for count in counts:
        both = f"{count.present} / {count.conflicted}" if conflicted else f"{count.present}"
        tooltip = f"{count.value}: present in {count.present} of {posts} posts"
        tooltip += f", conflicted in {count.conflicted}" if conflicted else ""
        look = "held" if count.present or count.conflicted else "absent"
        look = "not-assessed" if count.not_assessed == posts else look
        lengths = [c / highest if highest else 0.0 for c in (count.present, count.conflicted)]
        figures = "not assessed" if look == "not-assessed" else both
        pair = (lengths[0], lengths[1] if conflicted else None)
        sectors.append(Sector(count.value, *pair, figures, tooltip, look, leads=True))
    rings = [(tick / highest, str(tick)) for tick in ticks(highest)]
    return draw(sectors, rings, name)


def label_circle(values: Sequence[ValueLabel], *, name: str) -> Markup:
    """Return the circle of a post, with the probabilities that each value is present and conflicted."""
    conflicted = any(label.conflicted is not None for label in values)
    sectors = [_label_sector(label, conflicted) for label in values]
    return draw(sectors, [(0.5, "0.5"), (1.0, "1")], name)


def _label_sector(label: ValueLabel, conflicted: bool) -> Sector:
    tooltip = f"{label.value}: {label.state.value.replace('_', ' ')}"
    if label.present is not None:
        tooltip += f", probability present {_figures(label.present, label.present_from)}"
    if label.conflicted is not None:
        tooltip += f", conflicted {_figures(label.conflicted, label.conflicted_from)}"
    # The name is followed by the probability that decides the state; the bars and the table show both.
    shown = label.conflicted if label.state is State.CONFLICTED or label.present is None else label.present
    looks = {State.ABSENT: "absent", State.NOT_ASSESSED: "not-assessed"}
    return Sector(
        label.value,
        label.present,
        (label.conflicted or 0.0) if conflicted else None,
        "not assessed" if shown is None else f"{shown:.2f}",
        tooltip,
        looks.get(label.state, "held"),
        present_from=label.present_from,
        conflicted_from=label.conflicted_from,
    )


def _figures(probability: float, cutoff: float | None) -> str:
    shown, limit = with_cutoff(probability, cutoff)
    if limit == "never":
        return f"{shown} (never called)"
    return f"{shown} (called from {limit})" if limit else shown


def draw(sectors: Sequence[Sector], rings: Sequence[tuple[float, str]], name: str) -> Markup:
    """Return the circle as SVG.

    Parameters
    ----------
    sectors : sequence of Sector
        One for each value, in the order of the circle.
    rings : sequence of (float, str)
        Lines of the scale: position as a share of the longest bar, and text.
    name : str
        Name of the chart for screen readers.

    Returns
    -------
    Markup
        The SVG element.
    """
    root = picture(_WIDTH, _HEIGHT, "circle", name, left=-_WIDTH / 2, top=-_HEIGHT / 2)
    # On narrow screens the chart becomes square, which cuts off the margins with the names.
    root.set("preserveAspectRatio", "xMidYMid slice")
    element(root, "circle", r=HOLE, class_="ring")
    for share, _ in rings:
        element(root, "circle", r=_radius(share), class_="ring")
    for sector in sectors:
        _draw_sector(root, sector)
    for share, text in rings:
        # On the border between the last and the first value, where there is no bar.
        element(root, "text", text, x=0, y=-_radius(share), dy="0.32em", class_="scale")
    for order in HigherOrder:
        _draw_pole(root, order)
    return markup(root)


def _radius(share: float) -> float:
    return HOLE + share * (RIM - HOLE)


def _draw_sector(root: ET.Element, sector: Sector) -> None:
    value, start = sector.value, start_of(sector.value)
    group = element(root, "g", class_=f"sector p-{pole(value)} {sector.look}")
    element(group, "title", sector.tooltip)
    if sector.leads:
        # Makes the whole sector clickable, not only its bars.
        element(group, "path", d=ring_sector(HOLE, RIM, start, start + SECTOR), class_="ground")
        group.set("data-value", str(CIRCLE.index(value)))
    low, high = start + _GAP, start + SECTOR - _GAP
    middle = (low + high) / 2 if sector.conflicted is not None else high
    if sector.present:
        element(group, "path", d=ring_sector(HOLE, _radius(sector.present), low, middle), class_="bar")
    if sector.conflicted:
        shape = ring_sector(HOLE, _radius(sector.conflicted), middle, high)
        element(group, "path", d=shape, class_="bar conflicted", fill=hatch(value))
    for cutoff, *angles in ((sector.present_from, low, middle), (sector.conflicted_from, middle, high)):
        if cutoff is not None and cutoff <= 1:
            element(group, "path", d=arc(_radius(cutoff), *angles), class_="cutoff")
    _draw_name(group, sector, start + SECTOR / 2)


def _draw_name(group: ET.Element, sector: Sector, degrees: float) -> None:
    """Draw the name of the value and its figures; narrow screens show the code instead."""
    x, y = point(NAMES, degrees)
    anchor = "middle" if abs(x) < 1 else "start" if x > 0 else "end"
    y += _CLEAR if anchor == "middle" else 0
    first, _, rest = sector.value.partition(": ")
    # Next to the circle there is space for two lines; above and below it, for one long line.
    lines = [f"{first}:", rest] if rest and abs(y) < _STEEP * NAMES else [str(sector.value)]
    text = element(group, "text", x=x, y=y, text_anchor=anchor, class_="name")
    # The lines grow away from the circle: upwards at its top, downwards at its bottom.
    upwards = (1 - y / NAMES) / 2
    rise = 0.85 - _LINE * len(lines) * upwards
    for at, line in enumerate(lines):
        spans = element(text, "tspan", line, x=x, dy=f"{rise if at == 0 else _LINE:.2f}em")
    element(spans, "tspan", f"\u2002{sector.figures}", class_="figures")
    element(group, "text", sector.value.code, x=x, y=y, dy="0.32em", text_anchor=anchor, class_="code")


def _draw_pole(root: ET.Element, order: HigherOrder) -> None:
    """Draw the part of the band for a pole; a value on a border has half of its sector in each of two poles."""
    start, end = _pole_angles(order)
    piece = ring_sector(*BAND, start + _GAP / 4, end - _GAP / 4)
    element(root, "path", d=piece, class_=f"band p-{pole_of(order)}")
    text = element(root, "text", class_="pole-name")
    element(text, "textPath", str(order), href=f"#{_pole_path(order)}", startOffset="50%", text_anchor="middle")


def definitions() -> Markup:
    """Return the definitions that all circles of a page use: hatches of bars, and paths for the names of poles.

    A page contains them once, because ids of elements must be unique.
    """
    root = element(None, "svg", class_="definitions", aria_hidden="true", width="0", height="0")
    defs = element(root, "defs")
    for name in POLES:
        shape = element(
            defs, "pattern", id=f"hatch-{name}", class_=f"p-{name}", width=5, height=5,
            patternUnits="userSpaceOnUse", patternTransform="rotate(45)",
        )  # fmt: skip
        element(shape, "rect", width=5, height=5, class_="hatch-ground")
        element(shape, "rect", width=2.2, height=5, class_="hatch-line")
    for order in HigherOrder:
        element(defs, "path", id=_pole_path(order), d=_pole_line(order))
    return markup(root)


def _pole_path(order: HigherOrder) -> str:
    return f"pole-{pole_of(order)}"


def _pole_angles(order: HigherOrder) -> tuple[float, float]:
    """Return the angles at which a pole starts and ends: in the middle of the values on its borders."""
    inside = [value for value in CIRCLE if order in value.higher_orders]
    start, end = start_of(inside[0]), start_of(inside[-1]) + SECTOR
    start += SECTOR / 2 if len(inside[0].higher_orders) > 1 else 0
    end -= SECTOR / 2 if len(inside[-1].higher_orders) > 1 else 0
    return start, end


def _pole_line(order: HigherOrder) -> str:
    """Return the path along which the name of a pole is written, so that it is upright in both halves of the circle."""
    start, end = _pole_angles(order)
    upper = (start + end) / 2 % 360 < 180
    middle = sum(BAND) / 2
    return arc(middle - _BASELINE, end, start) if upper else arc(middle + _BASELINE, start, end)
