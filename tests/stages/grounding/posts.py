"""Posts with drawn keyframes and a script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from valex_local.records import Action, Dialogue, Element, Keyframe, Media, Post, Record, Scene, Script, Shot
from valex_local.stages.base import Item

SAID = Dialogue(ref="S1", speaker="SPEAKER", text="Hello there", start=0.0, end=1.0)


def keyframe(number: int, time: float) -> Keyframe:
    return Keyframe(id=f"K{number}", time=time, shot=0, file=f"keyframes/K{number}.jpg", width=27, height=48)


def media(*times: float) -> Media:
    keyframes = tuple(keyframe(number, time) for number, time in enumerate(times, 1))
    return Media(duration=30.0, shots=(Shot(start=0, end=30),), keyframes=keyframes)


def action(text: str, *keyframes: str, start: float | None = None, end: float | None = None) -> Action:
    return Action(text=text, keyframes=keyframes, start=start, end=end)


def scene(*elements: Element, start: float | None = None, end: float | None = None, by: str = "llm") -> Scene:
    return Scene(start=start, end=end, elements=elements, written_by=by)


def script(*scenes: Scene, name: str = "local", language: str | None = None) -> Script:
    return Script(name=name, language=language, scenes=scenes)


def draw(folder: Path, of: Media, *, seed: int = 0) -> None:
    """Draw a picture of noise around a colour for each keyframe."""
    rng = np.random.default_rng(seed)
    (folder / "keyframes").mkdir(parents=True, exist_ok=True)
    for still in of.keyframes:
        noise = rng.integers(-60, 61, (still.height, still.width, 3))
        pixels = np.clip(rng.integers(0, 256, 3) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / still.file)


def post(folder: Path, of: Media, written: Script, *, seed: int = 0) -> Item:
    draw(folder, of, seed=seed)
    records: dict[str, Record] = {"media": of, f"script.{written.name}": written}
    return Item(Post(id=folder.name), folder, records)


LINES: Sequence[str] = (
    "A dog runs across the street.",
    "A woman laughs.",
    "Two boys sit on a bench and wait.",
    "A red car.",
)
