"""Draw the timeline of a video, with a lane each for shots, speech, screen text and captions.

Positions are percentages, so that a lane fills the width of the page without stretching its content. Clicking an item
seeks the player. ``report.js`` makes every lane one stop of the Tab key and lets the arrow keys move inside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

from markupsafe import Markup

from valex_local.records import (
    Captions,
    KeyframeCaption,
    Media,
    ScreenText,
    Speakers,
    SpeakerSegment,
    Track,
    Transcript,
)
from valex_local.rendering.timing import clock
from valex_local.report.svg import element, markup, percent, plain_label

_ROW = 12.0
_BAR = 10.0
_MOST_ROWS = 5
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_MOST_TICKS = 9


@dataclass(frozen=True)
class LaneItem:
    """An item in a lane: its time in seconds, and its content in words."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Lane:
    """A lane of the timeline: its name and kind, the number of its items, and its drawing."""

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
    *,
    speakers: Speakers | None = None,
) -> tuple[Lane, ...]:
    """Return the lanes of a video, for the records that exist.

    Parameters
    ----------
    duration : float
        Length of the lanes, in seconds.
    media, transcript, text, captions : Media, Transcript, ScreenText, Captions or None
        The records of the post.
    speakers : Speakers, optional
        Who speaks when, shown if several people do.

    Returns
    -------
    tuple of Lane
        The lanes that have items; none if the duration is 0.
    """
    if duration <= 0:
        return ()
    found: list[tuple[str, str, list[LaneItem]]] = []
    if media is not None:
        found.append(("Shots", "shots", [_shot(n, s.start, s.end) for n, s in enumerate(media.shots, 1)]))
    if transcript is not None:
        speech = [
            LaneItem(s.start, s.end, f"{s.id}, {clock(s.start)}{f', {s.language}' if s.language else ''}: {s.text}")
            for s in transcript.segments
        ]
        found.append(("Speech", "speech", speech))
    if speakers is not None and speakers.several:
        found.append(("Speakers", "speakers", [_speaker(segment) for segment in speakers.segments]))
    if text is not None:
        found.append(("Screen text", "text", [_on_screen(track) for track in text.tracks]))
    if media is not None and captions is not None:
        found.append(("Captions", "captions", list(_captions(media, captions))))
    return tuple(Lane(name, kind, len(inside), _lane(kind, inside, duration)) for name, kind, inside in found if inside)


def _shot(number: int, start: float, end: float) -> LaneItem:
    return LaneItem(start, end, f"Shot {number}, {clock(start)} to {clock(end)}")


def _speaker(segment: SpeakerSegment) -> LaneItem:
    sure = "" if segment.confidence is None else f", probability {segment.confidence:.2f}"
    return LaneItem(segment.start, segment.end, f"{segment.speaker}, {clock(segment.start)}{sure}")


def _on_screen(track: Track) -> LaneItem:
    left_out = f" (left out of scripts: {track.left_out})" if track.left_out else ""
    return LaneItem(track.start, track.end, f"{track.id}, {clock(track.start)}: {track.text}{left_out}")


def _captions(media: Media, captions: Captions) -> Iterator[LaneItem]:
    texts = {caption.keyframe: describe(caption) for caption in captions.keyframes}
    for keyframe in media.keyframes:
        if texts.get(keyframe.id):
            text = f"{keyframe.id}, {clock(keyframe.time)}: {texts[keyframe.id]}"
            yield LaneItem(keyframe.time, keyframe.time, text)


def describe(caption: KeyframeCaption) -> str:
    """Return the description of a keyframe: its caption, else its tags; "" if it has neither."""
    return caption.caption or ", ".join(tag.label for tag in caption.tags)


def stacked(items: Sequence[LaneItem]) -> list[int]:
    """Return the row of each item, so that items in a row do not overlap; those that fit nowhere go to the last row."""
    ends: list[float] = []
    rows = []
    for item in items:
        row = next((at for at, end in enumerate(ends) if end <= item.start), len(ends))
        row = min(row, _MOST_ROWS - 1)
        if row == len(ends):
            ends.append(0.0)
        ends[row] = max(ends[row], item.end)
        rows.append(row)
    return rows


def _lane(kind: str, items: Sequence[LaneItem], duration: float) -> Markup:
    rows = stacked(items) if kind == "text" else [0] * len(items)
    height = (max(rows) + 1) * _ROW if kind == "text" else 2 * _ROW
    root = element(None, "svg", width="100%", height=height, class_=f"lane {kind}", data_duration=f"{duration:.3f}")
    for at, (item, row) in enumerate(zip(items, rows, strict=True)):
        place = _place(kind, item, row, height, duration)
        shape = element(
            root, "rect", role="button", tabindex="0" if at == 0 else "-1", aria_label=plain_label(item.text),
            data_seek=f"{item.start:.3f}", data_start=f"{item.start:.3f}", data_end=f"{item.end:.3f}",
            class_="item even" if at % 2 else "item", **place,
        )  # fmt: skip
        element(shape, "title", plain_label(item.text))
    element(root, "line", x1="0%", x2="0%", y1=0, y2=height, class_="playhead")
    return markup(root)


def _place(kind: str, item: LaneItem, row: int, height: float, duration: float) -> dict[str, str | float]:
    """Return the position and size of an item, as attributes."""
    start, end = (min(max(t / duration, 0.0), 1.0) for t in (item.start, item.end))
    place: dict[str, str | float] = {"x": percent(start), "width": percent(max(end - start, 0.004)), "rx": 2}
    if kind == "captions":
        return {**place, "width": 8, "height": 8, "y": (height - 8) / 2, "rx": 4}
    if kind == "text":
        return {**place, "y": row * _ROW + 1, "height": _BAR}
    return {**place, "y": 2, "height": height - 4}


def axis(duration: float) -> Markup:
    """Return the time axis below the lanes."""
    hours = 3600 * ceil(duration / 3600 / _MOST_TICKS)
    step = next((s for s in _STEPS if duration / s <= _MOST_TICKS), hours)
    root = element(None, "svg", width="100%", height=18, class_="axis", aria_hidden="true")
    for at, time in enumerate(_times(duration, step)):
        x = percent(time / duration)
        element(root, "line", x1=x, x2=x, y1=0, y2=4)
        anchor = "start" if time == 0 else "end" if time > 0.97 * duration else "middle"
        rest = {"class_": "second"} if at % 2 else {}  # every second time is left out where there is little space
        element(root, "text", f"{time // 60}:{time % 60:02d}", x=x, y=15, text_anchor=anchor, **rest)
    return markup(root)


def _times(duration: float, step: int) -> Iterable[int]:
    return range(0, floor(duration) + 1, step)
