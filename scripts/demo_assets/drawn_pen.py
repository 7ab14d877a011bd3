"""A pen that draws smooth shapes in the local coordinates of the object being drawn.

Colours are RGB triples of 0 to 255. The y axis points down.
"""

# ruff: noqa: PLR0917 (x, y, width, height and colour in this order are easiest to read)
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from PIL import ImageDraw

Color = tuple[int, int, int]
Point = tuple[float, float]

COLORS: dict[str, Color] = {
    "red": (226, 61, 62),
    "orange": (246, 140, 46),
    "yellow": (250, 204, 58),
    "green": (64, 168, 92),
    "blue": (52, 112, 214),
    "purple": (136, 84, 198),
    "pink": (243, 126, 168),
    "brown": (142, 92, 58),
    "black": (44, 46, 56),
    "white": (247, 246, 242),
    "grey": (150, 156, 168),
}
INK: Color = (42, 40, 54)


def shade(color: Color, amount: float) -> Color:
    """Return `color` mixed with black (`amount` < 0) or white (`amount` > 0)."""
    end = 255 if amount > 0 else 0
    red, green, blue = (round(c + (end - c) * abs(amount)) for c in color)
    return red, green, blue


def mix(first: Color, second: Color, share: float) -> Color:
    """Return a mixture of two colours.

    Parameters
    ----------
    first, second : Color
        The colours.
    share : float
        Fraction of `second`, 0 to 1.

    Returns
    -------
    Color
        The mixture.
    """
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def arc(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360) -> list[Point]:
    """Return points along an ellipse.

    Parameters
    ----------
    x, y : float
        Its centre.
    rx, ry : float
        Its radii.
    start, end : float
        First and last angle, in degrees clockwise from the right.

    Returns
    -------
    list of Point
        The points, at most 6 degrees apart.
    """
    steps = max(8, round(abs(end - start) / 6))
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def curve(*points: Point, steps: int = 12) -> list[Point]:
    """Return `steps` + 1 points of the Bézier curve with the given control points (de Casteljau's algorithm)."""
    out = []
    for i in range(steps + 1):
        level: Sequence[Point] = points
        share = i / steps
        while len(level) > 1:
            level = [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairwise(level)]
        out.append(level[0])
    return out


@dataclass(frozen=True)
class Pen:
    """Draws in local coordinates: `unit` pixels around (`x`, `y`), turned clockwise by `angle` degrees."""

    draw: ImageDraw.ImageDraw
    x: float
    y: float
    unit: float
    angle: float = 0.0
    mirrored: bool = False

    def moved(self, x: float, y: float, size: float = 1.0, angle: float = 0.0) -> Pen:
        """Return a pen with its origin at a point of this one.

        Parameters
        ----------
        x, y : float
            The point, in the coordinates of this pen.
        size : float
            Unit of the new pen, in units of this one.
        angle : float
            Clockwise rotation relative to this pen, in degrees.

        Returns
        -------
        Pen
            The new pen, on the same image.
        """
        (px, py) = self._pixel((x, y))
        return replace(self, x=px, y=py, unit=self.unit * size, angle=self.angle + (-angle if self.mirrored else angle))

    def polygon(self, points: Iterable[Point], color: Color, opacity: float = 1.0) -> None:
        """Fill a polygon.

        Parameters
        ----------
        points : iterable of Point
            Its corners.
        color : Color
            Its colour.
        opacity : float
            From 0, invisible, to 1.
        """
        self.draw.polygon([self._pixel(p) for p in points], fill=(*color, round(255 * opacity)))

    def disc(self, x: float, y: float, radius: float, color: Color, opacity: float = 1.0) -> None:
        """Fill a circle.

        Parameters
        ----------
        x, y : float
            Its centre.
        radius : float
            Its radius.
        color : Color
            Its colour.
        opacity : float
            From 0, invisible, to 1.
        """
        self.polygon(arc(x, y, radius, radius), color, opacity)

    def oval(self, x: float, y: float, rx: float, ry: float, color: Color, opacity: float = 1.0) -> None:
        """Fill an ellipse.

        Parameters
        ----------
        x, y : float
            Its centre.
        rx, ry : float
            Its radii.
        color : Color
            Its colour.
        opacity : float
            From 0, invisible, to 1.
        """
        self.polygon(arc(x, y, rx, ry), color, opacity)

    def box(
        self, x: float, y: float, width: float, height: float, color: Color, radius: float = 0.0, opacity: float = 1.0
    ) -> None:
        """Fill a rectangle with rounded corners.

        Parameters
        ----------
        x, y : float
            Its centre.
        width, height : float
            Its size.
        color : Color
            Its colour.
        radius : float
            Radius of the corners.
        opacity : float
            From 0, invisible, to 1.
        """
        right, bottom = width / 2 - radius, height / 2 - radius
        corners = ((right, bottom, 0), (-right, bottom, 90), (-right, -bottom, 180), (right, -bottom, 270))
        points = [p for dx, dy, a in corners for p in arc(x + dx, y + dy, radius, radius, a, a + 90)]
        self.polygon(points, color, opacity)

    def line(self, points: Sequence[Point], width: float, color: Color, opacity: float = 1.0) -> None:
        """Draw a line with round corners, and with round ends if it is opaque.

        Parameters
        ----------
        points : sequence of Point
            Its points.
        width : float
            Its width.
        color : Color
            Its colour.
        opacity : float
            From 0, invisible, to 1.
        """
        pixels = [self._pixel(p) for p in points]
        fill = (*color, round(255 * opacity))
        self.draw.line(pixels, fill=fill, width=max(1, round(width * self.unit)), joint="curve")
        radius = width * self.unit / 2
        if opacity == 1.0:
            for px, py in pixels:
                self.draw.ellipse((px - radius, py - radius, px + radius, py + radius), fill=fill)

    def _pixel(self, point: Point) -> Point:
        x, y = (-point[0] if self.mirrored else point[0]) * self.unit, point[1] * self.unit
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        return self.x + x * cos - y * sin, self.y + x * sin + y * cos
