"""Colours: legible, and distinguishable with every kind of colour blindness."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

STYLE = (files("valex_local.report") / "style.css").read_text("utf-8")
POLES = ("open", "self", "keep", "beyond")
# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}
# Ottosson (2020): linear RGB to cone responses, their cube roots to Oklab.
_CONES = np.array([[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
_LAB = np.array([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])


def themes() -> dict[str, dict[str, str]]:
    """Return the colours of each theme; dark and print change those of light."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    light, dark, paper = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light, "dark": {**light, **dark}, "paper": {**light, **paper}}


def linear(colour: str) -> NDArray[np.float64]:
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG 2."""
    light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) + 0.05 for c in (one, other))
    return light[1] / light[0]


def oklab(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = _LAB @ np.cbrt(_CONES @ np.clip(colour, 0, 1))
    return result


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
def test_texts_and_charts_have_contrast(theme: str) -> None:
    colours = themes()[theme]
    for ground in ("ground", "raised", "sunken"):
        for text in ("ink", "quiet", "link"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["warn"], colours["warn-ground"]) >= 4.5
    for pole in POLES:
        assert contrast(colours[pole], colours["ground"]) >= 3, pole
        assert contrast(colours["on-pole"], colours[pole]) >= 4.5, pole


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
@pytest.mark.parametrize("eye", EYES)
def test_poles_are_told_apart(theme: str, eye: str) -> None:
    colours = themes()[theme]
    for one, other in combinations(POLES, 2):
        apart = np.linalg.norm(oklab(EYES[eye] @ linear(colours[one])) - oklab(EYES[eye] @ linear(colours[other])))
        assert apart >= 0.09, (one, other)
