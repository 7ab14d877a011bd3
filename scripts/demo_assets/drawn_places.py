"""Places of the drawn world: the static background behind things and people.

A place is drawn with a pen whose unit is the width of the frame and whose origin is the top left corner of the frame;
`height` is the height of the frame in widths. A place extends a little beyond the frame, because the camera moves.
"""

# ruff: noqa: PLR0917 (x, y, width, height and colour in this order are easiest to read)
from __future__ import annotations

import random
from collections.abc import Callable

from drawn_pen import COLORS, INK, Color, Pen, arc, curve, mix, shade
from drawn_things import THINGS

Place = Callable[[Pen, float, random.Random], None]
PLACES: dict[str, Place] = {}
LEFT, RIGHT = -0.2, 1.2


def _place(name: str) -> Callable[[Place], Place]:
    def register(place: Place) -> Place:
        PLACES[name] = place
        return place

    return register


def _band(pen: Pen, top: float, bottom: float, color: Color) -> None:
    pen.polygon([(LEFT, top), (RIGHT, top), (RIGHT, bottom), (LEFT, bottom)], color)


def _gradient(pen: Pen, top: float, bottom: float, first: Color, last: Color, steps: int = 96) -> None:
    height = (bottom - top) / steps
    for i in range(steps):
        _band(pen, top + i * height, top + (i + 1.2) * height, mix(first, last, i / (steps - 1)))


def _planks(pen: Pen, top: float, bottom: float, color: Color) -> None:
    _gradient(pen, top, bottom, shade(color, -0.18), shade(color, 0.06))
    for i in range(-3, 15):
        pen.line([(0.5 + (i - 5.5) * 0.1, top), (0.5 + (i - 5.5) * 0.26, bottom)], 0.004, shade(color, -0.3), 0.5)
    _band(pen, top - 0.025, top, COLORS["white"])


def _plant(pen: Pen, x: float, y: float, size: float) -> None:
    at = pen.moved(x, y, size)
    for angle in (-52, -28, -8, 14, 34, 56):
        leaf = at.moved(0, -0.3, 1.0, angle)
        half = curve((0, 0), (0.16, -0.3), (0, -0.68))
        leaf.polygon(half + [(-px, py) for px, py in reversed(half)], shade(COLORS["green"], -0.1 - angle / 300))
    at.polygon([(-0.2, -0.34), (0.2, -0.34), (0.14, 0), (-0.14, 0)], (206, 112, 74))
    at.box(0, -0.34, 0.46, 0.08, (224, 132, 92), 0.02)


def _window(pen: Pen, x: float, y: float, width: float, height: float, sky: Color) -> None:
    pen.box(x, y, width + 0.04, height + 0.04, COLORS["white"], 0.01)
    pen.box(x, y, width, height, sky)
    pen.polygon([(x - width * 0.1, y - height / 2), (x + width * 0.15, y - height / 2),
                 (x - width * 0.25, y + height / 2), (x - width / 2, y + height / 2)],
                COLORS["white"], 0.25)  # fmt: skip
    pen.box(x, y, 0.014, height, COLORS["white"])
    pen.box(x, y, width, 0.014, COLORS["white"])
    pen.box(x, y + height / 2 + 0.03, width + 0.1, 0.028, shade(COLORS["white"], -0.08), 0.01)


def _pane(pen: Pen, x: float, y: float, width: float, height: float) -> None:
    """Draw a window without glazing bars: small windows with bars look like letters."""
    glass = (96, 118, 146)
    pen.box(x, y + height * 0.1, width, height * 0.8, glass)
    pen.disc(x, y - height * 0.28, width / 2, glass)
    shine = [(x + width * 0.1, y - height * 0.3), (x + width * 0.4, y - height * 0.3)]
    pen.polygon(
        [*shine, (x - width * 0.1, y + height * 0.5), (x - width * 0.4, y + height * 0.5)], COLORS["white"], 0.16
    )
    pen.box(x, y + height / 2 + 0.008, width + 0.035, 0.018, shade(COLORS["white"], -0.08), 0.006)


@_place("plain")
def _plain(pen: Pen, height: float, dice: random.Random) -> None:
    color = dice.choice([(236, 231, 220), (214, 226, 236), (226, 236, 216), (240, 222, 222), (84, 92, 112)])
    _gradient(pen, -0.2, height + 0.2, shade(color, 0.3), shade(color, -0.12))


@_place("shop")
def _shop(pen: Pen, height: float, dice: random.Random) -> None:
    floor = height * 0.76
    _gradient(pen, -0.2, floor, (247, 226, 196), (240, 206, 170))
    for i in range(-2, 13, 2):
        pen.box(i * 0.11, height * 0.36, 0.11, height * 0.9, (236, 200, 162), opacity=0.35)
    for i in range(6):
        _bulb(pen, -0.05 + i * 0.22, height * 0.045 + 0.02 * (i % 2))
    muted = [
        mix(COLORS[c], (240, 214, 184), 0.5) for c in ("green", "purple", "orange", "pink", "brown", "grey", "blue")
    ]
    rail = height * 0.4
    pen.line([(LEFT, rail), (RIGHT, rail)], 0.016, (128, 116, 112))
    for i in range(13):
        x = -0.12 + i * 0.105
        pen.line([*arc(x, rail - 0.01, 0.016, 0.016, 180, 380), (x, rail + 0.03)], 0.006, (128, 116, 112))
        THINGS[dice.choice(("shirt", "dress", "jacket"))](pen.moved(x, rail + 0.16, 0.27), dice.choice(muted))
    for x in (-0.14, 0.5, 1.14):
        pen.line([(x, rail), (x, floor + 0.02)], 0.016, (128, 116, 112))
    _planks(pen, floor, height + 0.2, (190, 136, 92))
    _plant(pen, 0.06, floor + 0.1, 0.24)


def _bulb(pen: Pen, x: float, y: float) -> None:
    pen.line([(x, -0.2), (x, y)], 0.005, INK)
    pen.disc(x, y + 0.025, 0.06, (255, 244, 200), 0.35)
    pen.disc(x, y + 0.02, 0.026, (255, 232, 150))


@_place("room")
def _room(pen: Pen, height: float, dice: random.Random) -> None:
    floor = height * 0.72
    wall = dice.choice([(72, 122, 132), (176, 128, 120), (112, 116, 164)])
    _gradient(pen, -0.2, floor, shade(wall, 0.18), shade(wall, -0.05))
    _window(pen, 0.28, height * 0.3, 0.34, 0.44, (255, 190, 130))
    pen.disc(0.32, height * 0.34, 0.05, (255, 226, 150))
    for dx, color in ((-0.22, -0.25), (0.22, -0.2)):
        pen.box(0.28 + dx, height * 0.32, 0.1, 0.66, shade(wall, color), 0.03)
    pen.box(0.78, height * 0.26, 0.26, 0.32, COLORS["white"], 0.01)
    pen.box(0.78, height * 0.26, 0.22, 0.28, (240, 214, 160))
    THINGS["heart" if dice.random() < 0.3 else "tree"](pen.moved(0.78, height * 0.26, 0.17), (96, 150, 120))
    pen.box(0.82, height * 0.46, 0.34, 0.022, (126, 84, 60), 0.006)
    for i in range(7):
        tall = 0.07 + 0.03 * dice.random()
        hue = COLORS[dice.choice(("red", "yellow", "blue", "green", "orange", "white"))]
        pen.box(0.69 + i * 0.034, height * 0.46 - 0.011 - tall / 2, 0.028, tall, shade(hue, -0.1))
    _planks(pen, floor, height + 0.2, (150, 104, 78))
    pen.oval(0.5, floor + 0.26, 0.56, 0.14, (208, 180, 150))
    pen.oval(0.5, floor + 0.26, 0.46, 0.11, (188, 110, 96))
    _plant(pen, 0.96, floor + 0.07, 0.34)


@_place("skate park")
def _skate_park(pen: Pen, height: float, dice: random.Random) -> None:
    ground = height * 0.66
    _gradient(pen, -0.2, ground, (98, 172, 232), (222, 240, 246))
    pen.disc(0.78, height * 0.16, 0.15, (255, 246, 200), 0.35)
    pen.disc(0.78, height * 0.16, 0.1, (255, 226, 110))
    for layer, tone in ((0.3, (176, 200, 220)), (0.2, (146, 174, 200))):
        x = LEFT
        while x < RIGHT:
            width, tall = dice.uniform(0.08, 0.16), dice.uniform(0.4, 1.0) * layer
            _tower(pen, x, ground, width, tall, tone)
            x += width * dice.uniform(0.9, 1.2)
    for i in range(9):
        pen.disc(
            -0.15 + i * 0.165, ground - 0.02, dice.uniform(0.06, 0.1), shade(COLORS["green"], dice.uniform(-0.3, 0))
        )
    _fence(pen, ground)
    _gradient(pen, ground, height + 0.2, (196, 194, 192), (150, 150, 156))
    for tilt in (-0.5, 0.1, 0.8):
        pen.line([(0.5 + tilt * 0.7, ground), (0.5 + tilt * 1.8, height + 0.2)], 0.006, (172, 170, 170))
    _ramp(pen, ground + 0.14)


def _tower(pen: Pen, x: float, ground: float, width: float, tall: float, color: Color) -> None:
    pen.polygon([(x, ground), (x, ground - tall), (x + width, ground - tall), (x + width, ground)], color)
    for row in range(int(tall / 0.045)):
        for column in range(int(width / 0.036)):
            pen.box(x + 0.022 + column * 0.036, ground - tall + 0.028 + row * 0.045, 0.014, 0.02, shade(color, 0.35))


def _fence(pen: Pen, ground: float) -> None:
    for i in range(60):
        x = LEFT + i * 0.05
        for lean in (-0.16, 0.16):
            pen.line([(x, ground), (x + lean, ground - 0.16)], 0.0025, (120, 130, 142), 0.55)
    for i in range(8):
        pen.line([(LEFT + i * 0.22, ground + 0.01), (LEFT + i * 0.22, ground - 0.18)], 0.011, (104, 112, 126))
    pen.line([(LEFT, ground - 0.165), (RIGHT, ground - 0.165)], 0.009, (104, 112, 126))


def _ramp(pen: Pen, bottom: float) -> None:
    left = curve((0.24, bottom), (0.04, bottom), (0.02, bottom - 0.14), (0.0, bottom - 0.32), steps=20)
    pen.polygon([*left, (LEFT, bottom - 0.32), (LEFT, bottom)], (214, 122, 84))
    pen.polygon([*left, *[(x - 0.03, y) for x, y in reversed(left)]], (236, 158, 112))
    pen.line([(LEFT, bottom - 0.32), (0.005, bottom - 0.32)], 0.018, (110, 112, 124))
    right = curve((0.72, bottom), (0.96, bottom), (1.0, bottom - 0.1), (1.02, bottom - 0.22), steps=20)
    pen.polygon([*right, (RIGHT, bottom - 0.22), (RIGHT, bottom)], (74, 134, 160))
    pen.polygon([*right, *[(x + 0.03, y) for x, y in reversed(right)]], (116, 172, 192))
    pen.line([(1.015, bottom - 0.22), (RIGHT, bottom - 0.22)], 0.018, (110, 112, 124))


@_place("park")
def _park(pen: Pen, height: float, dice: random.Random) -> None:
    ground = height * 0.62
    _gradient(pen, -0.2, ground, (250, 196, 150), (254, 236, 206))
    pen.disc(0.3, ground - 0.34, 0.2, (255, 240, 200), 0.4)
    pen.disc(0.3, ground - 0.34, 0.13, (255, 250, 226))
    for y, color, start in ((0.24, (196, 176, 176), 0.1), (0.14, (150, 168, 140), -0.2)):
        hills = curve((LEFT, ground - y), (0.2, ground - y - 0.3 - start), (0.5, ground - y + 0.3),
                      (0.8, ground - y - 0.34 + start), (RIGHT, ground - y + 0.05), steps=40)  # fmt: skip
        pen.polygon([*hills, (RIGHT, ground), (LEFT, ground)], color)
    for x in (-0.02, 0.9, 1.1, 0.12):
        size = dice.uniform(0.5, 0.72)
        THINGS["tree"](pen.moved(x, ground + 0.04 - size / 2, size), shade((112, 148, 84), dice.uniform(-0.2, 0.1)))
    _gradient(pen, ground, height + 0.2, (136, 170, 92), (96, 140, 74))
    path = curve((0.62, ground), (0.5, ground + 0.2), (1.0, height), (1.3, height + 0.2))
    pen.polygon(
        [*path, (0.3, height + 0.2), *curve((0.1, height), (0.2, ground + 0.22), (0.55, ground))], (226, 204, 164)
    )
    for _ in range(50):
        x, y = dice.uniform(LEFT, RIGHT), dice.uniform(ground + 0.05, height + 0.1)
        color = COLORS[dice.choice(("white", "yellow", "pink"))]
        if x < 0.1 or (x > 0.72 and y < height * 0.72):
            pen.disc(x, y, 0.008, color)


@_place("stairwell")
def _stairwell(pen: Pen, height: float, dice: random.Random) -> None:
    _gradient(pen, -0.2, height + 0.2, (222, 226, 214), (196, 204, 196))
    _band(pen, height * 0.72, height + 0.2, (150, 172, 168))
    _band(pen, height * 0.71, height * 0.72, (110, 132, 130))
    _window(pen, 0.2, height * 0.2, 0.26, 0.36, (170, 214, 240))
    pen.box(0.84, height * 0.27, 0.24, 0.5, (150, 96, 70), 0.01)
    pen.box(0.84, height * 0.27, 0.19, 0.44, (170, 112, 82), 0.01)
    pen.disc(0.76, height * 0.28, 0.014, COLORS["yellow"])
    start, end, count = (0.0, height * 0.9), (1.1, height * 0.44), 11
    wide, tall = (end[0] - start[0]) / count, (start[1] - end[1]) / count
    for i in range(-2, count + 1):
        x, y = start[0] + i * wide, start[1] - i * tall
        pen.polygon([(x, y), (RIGHT, y), (RIGHT, y + tall + 0.01), (x, y + tall + 0.01)], (188, 180, 172))
        pen.polygon([(x, y), (x + wide, y), (x + wide, y + 0.02), (x, y + 0.02)], (226, 220, 212))
    _band(pen, height * 0.97, height + 0.2, (140, 132, 128))
    for i in range(-2, count + 2):
        x, y = start[0] + (i + 0.5) * wide, start[1] - i * tall
        pen.line([(x, y), (x, y - 0.2)], 0.008, (84, 92, 100))
    slope = [(start[0] + (i + 0.5) * wide, start[1] - i * tall - 0.2) for i in (-3, count + 2)]
    pen.line(slope, 0.026, (134, 84, 58))


@_place("street")
def _street(pen: Pen, height: float, dice: random.Random) -> None:
    ground = height * 0.7
    _gradient(pen, -0.2, ground, (170, 206, 236), (240, 240, 236))
    x = LEFT
    for color in ((224, 142, 112), (238, 206, 140), (136, 170, 180), (200, 150, 160), (170, 190, 140)):
        width, tall = dice.uniform(0.28, 0.36), dice.uniform(0.62, 0.8) * height * 0.72
        pen.polygon([(x, ground), (x, ground - tall), (x + width, ground - tall), (x + width, ground)], color)
        pen.box(x + width / 2, ground - tall, width + 0.03, 0.04, shade(color, -0.3), 0.01)
        for row in range(int((tall - 0.3) / 0.2)):
            for column in range(2):
                _pane(pen, x + width * (0.28 + 0.44 * column), ground - tall + 0.15 + row * 0.2, 0.085, 0.12)
        pen.box(x + width / 2, ground - 0.11, 0.1, 0.22, shade(color, -0.5), 0.01)
        x += width
    _gradient(pen, ground, ground + 0.22, (206, 200, 194), (188, 182, 178))
    _band(pen, ground + 0.22, ground + 0.25, (150, 146, 146))
    _gradient(pen, ground + 0.25, height + 0.2, (96, 98, 108), (76, 78, 88))
    for i in range(6):
        pen.box(-0.1 + i * 0.26, ground + 0.42, 0.14, 0.02, (236, 230, 210))
