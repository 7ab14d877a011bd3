"""Charts: geometry and labels."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.made import HOSTILE
from valex_local.records import Captions, KeyframeCaption, Media, Shot, Tag, ValueLabel
from valex_local.report.circle import (
    BAND,
    HOLE,
    RIM,
    SECTOR,
    Sector,
    count_circle,
    definitions,
    draw,
    label_circle,
    start_of,
)
from valex_local.report.counts import count_values
from valex_local.report.histogram import Confidences, histogram
from valex_local.report.matrix import matrix
from valex_local.report.svg import POLES, arc, cut, number, percent, plain_label, point, pole, ring_sector, ticks
from valex_local.report.timeline import LaneItem, axis, describe, lanes, stacked
from valex_local.schwartz import CIRCLE, State, Value


def labels(**present: float) -> list[ValueLabel]:
    states = {v: State.PRESENT if v.code in present else State.ABSENT for v in CIRCLE}
    return [ValueLabel(value=v, present=present.get(v.code, 0.1), state=states[v]) for v in CIRCLE]


# --- the circle ---


def test_the_circle_runs_anticlockwise_from_the_top() -> None:
    assert start_of(CIRCLE[0]) == 90
    x, y = point(1, start_of(CIRCLE[0]) + SECTOR / 2)
    assert x < 0 and y < 0, "the first value stands left of the top"
    x, y = point(1, start_of(CIRCLE[-1]) + SECTOR / 2)
    assert x > 0 and y < 0, "the last value stands right of the top"


def test_every_value_has_a_sector_with_its_name_figures_and_words() -> None:
    states = ["".join("p" if v is Value.FACE else "c" if v is Value.HEDONISM else "a" for v in CIRCLE)] * 3
    root = ET.fromstring(count_circle(count_values(states), 3, conflicted=True, name="Values"))
    sectors = [g for g in root.iter("g") if "sector" in g.get("class", "")]
    assert len(sectors) == 19
    assert [g.get("data-value") for g in sectors] == [str(n) for n in range(19)]
    texts = {g.findtext("title", "").partition(":")[0]: "".join(g.itertext()) for g in sectors}
    assert "Face: present in 3 of 3 posts, conflicted in 0" in " ".join(texts.values())
    assert "3 / 0" in texts["Face"] and "0 / 3" in texts["Hedonism"]
    assert root.get("role") == "img" and root.get("aria-label") == "Values"


def test_conflicted_bars_are_hatched_and_defined_in_the_page() -> None:
    states = ["c" * 19]
    drawn = count_circle(count_values(states), 1, conflicted=True, name="Values")
    used = set(re.findall(r'fill="url\(#([\w-]+)\)"', drawn))
    shared = ET.fromstring(definitions())
    assert used == {f"hatch-{pole(value)}" for value in CIRCLE} == {f"hatch-{name}" for name in POLES}
    assert used <= {e.get("id") for e in shared.iter()}
    assert set(re.findall(r'href="#([\w-]+)"', drawn)) <= {e.get("id") for e in shared.iter()}


def test_without_conflict_one_bar_fills_the_sector() -> None:
    drawn = ET.fromstring(label_circle(labels(AC=1.0), name="Values"))
    (sector,) = [g for g in drawn.iter("g") if "Achievement" in g.findtext("title", "")]
    assert sum("bar" in p.get("class", "") for p in sector.iter("path")) == 1
    assert sector.findtext("title") == "Achievement: present, probability present 1.00"


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_bars_are_as_long_as_their_share(share: float) -> None:
    sectors = [Sector(v, share, None, "", "told") for v in CIRCLE]
    drawn = ET.fromstring(draw(sectors, [], "Values"))
    for bar in (p for p in drawn.iter("path") if p.get("class") == "bar"):
        outer = re.findall(r"A([\d.]+) ", bar.get("d", ""))[-1]
        assert float(outer) == pytest.approx(HOLE + share * (RIM - HOLE), abs=0.06)


def test_a_bar_of_nothing_is_not_drawn() -> None:
    drawn = draw([Sector(v, 0.0, 0.0, "", "told") for v in CIRCLE], [], "Values")
    assert 'class="bar' not in drawn


def test_looks_tell_states_apart() -> None:
    values = labels(AC=0.8)
    values[0] = ValueLabel(value=CIRCLE[0])
    values[1] = ValueLabel(value=CIRCLE[1], present=0.2, conflicted=0.9, state=State.CONFLICTED)
    drawn = ET.fromstring(label_circle(values, name="Values"))
    first, second, third, *_ = drawn.iter("g")
    assert [g.get("class", "").split()[-1] for g in (first, second, third)] == ["not-assessed", "held", "absent"]
    assert "not assessed" in "".join(first.itertext())
    assert "0.90" in "".join(second.itertext())


def test_the_poles_share_the_band_without_gap_or_overlap() -> None:
    drawn = ET.fromstring(draw([Sector(v, 0.5, None, "", "told") for v in CIRCLE], [], "Values"))
    pieces = [p for p in drawn.iter("path") if p.get("class", "").startswith("band")]
    assert len(pieces) == 4
    spans = []
    for piece in pieces:
        ends = re.match(r"M(\S+) (\S+)A\S+ \S+ 0 (\d) 0 (\S+?) (\S+?)L", piece.get("d", ""))
        assert ends is not None
        places = (ends.group(1, 2), ends.group(4, 5))
        start, end = (math.degrees(math.atan2(-float(y), float(x))) % 360 for x, y in places)
        spans.append((end - start) % 360)
    assert sum(spans) == pytest.approx(360, abs=4)
    assert [round(span / SECTOR, 1) for span in spans] == [3.5, 4.0, 6.0, 5.5]
    assert BAND[0] > RIM


def test_hostile_texts_stay_texts_in_a_chart() -> None:
    for text in HOSTILE:
        label = plain_label(text)
        root = ET.fromstring(draw([Sector(v, 0.5, 0.5, label, label) for v in CIRCLE], [], label))
        assert {e.tag for e in root.iter()} == {"svg", "circle", "g", "title", "path", "text", "tspan", "textPath"}
        assert root.get("aria-label") == label


# --- small things ---


@given(st.floats(0, 1e6))
def test_ticks_are_few_round_and_within(highest: float) -> None:
    found = ticks(highest)
    assert len(found) <= 4
    assert all(0 < tick <= highest for tick in found)
    assert len({b - a for a, b in pairwise(found)}) <= 1
    assert bool(found) == (highest >= 1)
    for tick in found[:1]:
        assert str(tick)[0] in "125" and set(str(tick)[1:]) <= {"0"}


@given(st.floats(-1000, 1000))
def test_coordinates_have_one_decimal(value: float) -> None:
    text = number(value)
    assert re.fullmatch(r"-?\d+(\.[1-9])?", text)
    assert float(text) == pytest.approx(value, abs=0.051)
    assert text != "-0"


def test_shares_and_arcs() -> None:
    assert [percent(s) for s in (0, 0.5, 1 / 3, 1)] == ["0%", "50%", "33.33%", "100%"]
    assert arc(10, 90, 0) == "M0 -10A10 10 0 0 1 10 0"
    assert arc(10, 0, 90) == "M10 0A10 10 0 0 0 0 -10"
    assert ring_sector(1, 2, 0, 90) == "M1 0A1 1 0 0 0 0 -1L0 -2A2 2 0 0 1 2 0Z"


@given(st.text(max_size=400))
def test_spoken_text_is_one_short_line_without_marks_of_direction(text: str) -> None:
    label = plain_label(text)
    assert len(label) <= 240
    assert "\n" not in label
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", label)


def test_cutting_keeps_accents_with_their_letters() -> None:
    assert cut("short", 5) == "short"
    assert cut("a long text", 7) == "a long…"
    assert cut("cafe\u0301 noir", 6) in ("caf…", "cafe\u0301…")


# --- matrix and histogram ---


def test_the_matrix_holds_present_below_and_conflicted_above() -> None:
    present, conflicted = np.zeros((19, 19), dtype=np.int64), np.zeros((19, 19), dtype=np.int64)
    present[4, 2] = present[2, 4] = 7
    present[3, 3] = 50
    conflicted[4, 2] = conflicted[2, 4] = 3
    root = ET.fromstring(matrix(present, conflicted, name="Together"))
    titles = [e.text for e in root.iter("title")]
    assert titles == [
        "Achievement and Stimulation: both present in 7 posts",
        "Stimulation and Achievement: both conflicted in 3 posts",
    ]
    below, above = root.iter("g")
    rect = below.find("rect")
    assert rect is not None and "present shade-5" in below.get("class", "") and "conflicted" in above.get("class", "")
    other = above.find("rect")
    assert other is not None
    assert float(rect.get("y", 0)) - float(rect.get("x", 0)) > float(other.get("y", 0)) - float(other.get("x", 0))


def test_an_empty_matrix_can_be_drawn() -> None:
    nothing = np.zeros((19, 19), dtype=np.int64)
    assert "cell" not in matrix(nothing, nothing, name="Together")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_confidences_keep_median_shares_and_bars(values: list[float]) -> None:
    found = Confidences()
    found.add(values[:10])
    found.add(values[10:])
    rounded = sorted(round(v * 100) for v in values)
    assert found.median == rounded[(len(rounded) - 1) // 2] / 100
    assert found.below(0.5) == pytest.approx(sum(v < 50 for v in rounded) / len(rounded))
    assert sum(found.bars()) == len(found) == len(values)
    assert len(list(ET.fromstring(histogram(found, name="x")).iter("title"))) == 10


def test_no_confidences_have_no_median() -> None:
    assert Confidences().median is None
    assert Confidences().below(0.5) == 0


# --- the timeline ---


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 20)), max_size=30))
def test_stretches_in_a_row_do_not_overlap(found: list[tuple[float, float]]) -> None:
    stretches = [LaneItem(start, start + length, "") for start, length in sorted(found)]
    rows = stacked(stretches)
    assert len(rows) == len(stretches) and all(0 <= row < 5 for row in rows)
    for row in range(4):  # the last one takes what has no place
        inside = [s for s, r in zip(stretches, rows, strict=True) if r == row]
        assert all(a.end <= b.start for a, b in pairwise(inside))


def test_lanes_place_things_by_their_time_and_can_be_reached() -> None:
    media = Media(duration=20, shots=(Shot(start=0, end=5), Shot(start=5, end=20)))
    (shots,) = lanes(20, media, None, None, None)
    assert (shots.name, shots.count) == ("Shots", 2)
    first, second = ET.fromstring(shots.picture).iter("rect")
    assert (first.get("x"), first.get("width")) == ("0%", "25%")
    assert (second.get("x"), second.get("width"), second.get("data-seek")) == ("25%", "75%", "5.000")
    assert [e.get("tabindex") for e in (first, second)] == ["0", "-1"]
    assert all(e.get("role") == "button" and e.get("aria-label") for e in (first, second))


def test_what_ends_after_the_video_stays_inside_the_lane() -> None:
    media = Media(duration=10, shots=(Shot(start=8, end=30), Shot(start=40, end=50)))
    (shots,) = lanes(10, media, None, None, None)
    shown = [(e.get("x"), e.get("width")) for e in ET.fromstring(shots.picture).iter("rect")]
    assert shown[0] == ("80%", "20%") and shown[1][0] == "100%"


def test_a_video_of_no_length_has_no_lanes() -> None:
    assert lanes(0, Media(), None, None, Captions()) == ()


@given(st.floats(0.5, 1e15))
def test_the_axis_has_few_times(duration: float) -> None:
    texts = [e.text for e in ET.fromstring(axis(duration)).iter("text")]
    assert 1 <= len(texts) <= 11
    assert texts[0] == "0:00"


def test_a_keyframe_is_told_by_its_sentence_or_its_tags() -> None:
    tags = tuple(Tag(category="place", label=label, probability=0.9) for label in ("kitchen", "two people"))
    assert describe(KeyframeCaption(keyframe="K1", caption="A cat.", tags=tags)) == "A cat."
    assert describe(KeyframeCaption(keyframe="K1", tags=tags)) == "kitchen, two people"
    assert describe(KeyframeCaption(keyframe="K1")) == ""
