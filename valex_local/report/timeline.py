"""What happens when in a video: one lane each for shots, speech, screen text and captions.

Widths are shares of the lane, so a lane is as wide as its place and nothing in it is stretched. Each thing in a lane
seeks the player: ``report.js`` gives every lane one stop of the Tab key and moves inside it by the arrows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor

from markupsafe import Markup

from valex_local.records import Captions, KeyframeCaption, Media, ScreenText, Transcript
from valex_local.rendering.timing import clock
from valex_local.report.svg import element, markup, percent, spoken

_ROW = 12.0
_BAR = 10.0
_MOST_ROWS = 5
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_MOST_TICKS = 9


@dataclass(frozen=True)
class LaneItem:
    """Something in a lane: from when to when, and what it is in words."""

    start: float
    end: float
    told: str


@dataclass(frozen=True)
class Lane:
    """A lane of the timeline: its name and kind, how many things it holds, and its picture."""

    name: str
    kind: str
    count: int
    picture: Markup


def lanes(
    duration: float,
    media: Media | None,
    transcript: Transcript | None,
    text: ScreenText | None,
    captions: Captions | None,
) -> tuple[Lane, ...]:
    """Return the lanes of a video for the records that are there.

    Parameters
    ----------
    duration : float
        Seconds that the full width stands for.
    """
    if duration <= 0:
        return ()
    found: list[tuple[str, str, list[LaneItem]]] = []
    if media is not None:
        found.append(("Shots", "shots", [_shot(n, s.start, s.end) for n, s in enumerate(media.shots, 1)]))
    if transcript is not None:
        said = [LaneItem(s.start, s.end, f"{s.id}, {clock(s.start)}: {s.text}") for s in transcript.segments]
        found.append(("Speech", "speech", said))
    if text is not None:
        read = [LaneItem(t.start, t.end, f"{t.id}, {clock(t.start)}: {t.text}") for t in text.tracks]
        found.append(("Screen text", "text", read))
    if media is not None and captions is not None:
        found.append(("Captions", "captions", list(_captions(media, captions))))
    return tuple(Lane(name, kind, len(inside), _lane(kind, inside, duration)) for name, kind, inside in found if inside)


def _shot(number: int, start: float, end: float) -> LaneItem:
    return LaneItem(start, end, f"Shot {number}, {clock(start)} to {clock(end)}")


def _captions(media: Media, captions: Captions) -> Iterator[LaneItem]:
    told = {caption.keyframe: describe(caption) for caption in captions.keyframes}
    for keyframe in media.keyframes:
        if told.get(keyframe.id):
            yield LaneItem(keyframe.time, keyframe.time, f"{keyframe.id}, {clock(keyframe.time)}: {told[keyframe.id]}")


def describe(caption: KeyframeCaption) -> str:
    """Return what a keyframe shows in words: the sentence, else the tags; empty where neither is there."""
    return caption.caption or ", ".join(tag.label for tag in caption.tags)


def stacked(stretches: Sequence[LaneItem]) -> list[int]:
    """Return the row of each stretch, so that in a row none overlaps another; the last row takes what has no place."""
    ends: list[float] = []
    rows = []
    for stretch in stretches:
        row = next((at for at, end in enumerate(ends) if end <= stretch.start), len(ends))
        row = min(row, _MOST_ROWS - 1)
        if row == len(ends):
            ends.append(0.0)
        ends[row] = max(ends[row], stretch.end)
        rows.append(row)
    return rows


def _lane(kind: str, stretches: Sequence[LaneItem], duration: float) -> Markup:
    rows = stacked(stretches) if kind == "text" else [0] * len(stretches)
    height = (max(rows) + 1) * _ROW if kind == "text" else 2 * _ROW
    root = element(None, "svg", width="100%", height=height, class_=f"lane {kind}", data_duration=f"{duration:.3f}")
    for at, (stretch, row) in enumerate(zip(stretches, rows, strict=True)):
        item = _item(kind, stretch, row, height, duration)
        shape = element(
            root, "rect", role="button", tabindex="0" if at == 0 else "-1", aria_label=spoken(stretch.told),
            data_seek=f"{stretch.start:.3f}", data_start=f"{stretch.start:.3f}", data_end=f"{stretch.end:.3f}",
            class_="item even" if at % 2 else "item", **item,
        )  # fmt: skip
        element(shape, "title", spoken(stretch.told))
    element(root, "line", x1="0%", x2="0%", y1=0, y2=height, class_="playhead")
    return markup(root)


def _item(kind: str, stretch: LaneItem, row: int, height: float, duration: float) -> dict[str, str | float]:
    """Return where the shape of a stretch stands."""
    start, end = (min(max(t / duration, 0.0), 1.0) for t in (stretch.start, stretch.end))
    place: dict[str, str | float] = {"x": percent(start), "width": percent(max(end - start, 0.004)), "rx": 2}
    if kind == "captions":
        return {**place, "width": 8, "height": 8, "y": (height - 8) / 2, "rx": 4}
    if kind == "text":
        return {**place, "y": row * _ROW + 1, "height": _BAR}
    return {**place, "y": 2, "height": height - 4}


def axis(duration: float) -> Markup:
    """Return the line of times below the lanes."""
    step = next((s for s in _STEPS if duration / s <= _MOST_TICKS), _STEPS[-1])
    root = element(None, "svg", width="100%", height=18, class_="axis", aria_hidden="true")
    for time in _times(duration, step):
        x = percent(time / duration)
        element(root, "line", x1=x, x2=x, y1=0, y2=4)
        anchor = "start" if time == 0 else "end" if time > 0.97 * duration else "middle"
        element(root, "text", f"{time // 60}:{time % 60:02d}", x=x, y=15, text_anchor=anchor)
    return markup(root)


def _times(duration: float, step: int) -> Iterable[int]:
    return range(0, floor(duration) + 1, step)
