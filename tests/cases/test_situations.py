"""Situations that users of other tools have met: files that are odd in a known way are read, or said to be odd."""

from __future__ import annotations

import pytest

from valex_local.exchange.script_parser import parse_script
from valex_local.posts.dates import iso_time


def cues(text: str) -> list[tuple[str, float | None, float | None]]:
    script = parse_script(text, "x")
    return [(e.text, e.start, e.end) for s in script.scenes for e in s.elements if e.kind == "dialogue"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "times",
    [
        ("0:0:1.0 --> 0:0:2.5", "0:0:3.25 --> 0:0:4.0"),
        ("00:00:01.000 --> 00:00:02.500", "00:00:03.250 --> 00:00:04.000"),
        ("0:1,0 --> 0:2,5", "0:3,25 --> 0:4"),
        ("00:01.000 --> 00:02.500 align:left position:37.5%,start", "00:03.250 --> 00:04.000 line:93.33%"),
    ],
)
def test_times_of_cues_in_any_usual_form(times: tuple[str, str]) -> None:
    text = "".join(f"{number}\n{time}\nLine {number}\n\n" for number, time in enumerate(times, 1))
    assert cues(text) == [("Line 1", 1.0, 2.5), ("Line 2", 3.25, 4.0)]


def test_two_who_speak_in_one_cue_have_a_line_each() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n- Are you\nthere?\n- Yes - I am\n\n00:03.000 --> 00:04.000\n- Only one\n"
    assert cues(text) == [("Are you there?", 1.0, 2.0), ("Yes - I am", 1.0, 2.0), ("- Only one", 3.0, 4.0)]


@pytest.mark.parametrize("order", ["MPEGTS:900000,LOCAL:00:00:00.000", "LOCAL:00:00:00.000,MPEGTS:900000"])
def test_times_of_a_stream_are_said(order: str) -> None:
    script = parse_script(f"WEBVTT\nX-TIMESTAMP-MAP={order}\n\n00:00:16.360 --> 00:00:20.840\nHi\n", "x")
    (notice,) = script.notices
    assert "may be off by 10 s" in notice.text


def test_a_stream_that_starts_with_the_video_needs_no_word() -> None:
    (notice,) = parse_script(
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00.000\n\n00:01.0 --> 00:02.0\nHi\n", "x"
    ).notices
    assert "off" not in notice.text


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("2025-04-07 8:30:00 AM", "2025-04-07T08:30:00Z"),
        ("2025-04-07 08:30 PM", "2025-04-07T20:30:00Z"),
        ("2025-04-07 8:30", "2025-04-07T08:30:00Z"),
        ("2025-04-07T12:05 a.m.", "2025-04-07T00:05:00Z"),
    ],
)
def test_times_that_a_spreadsheet_has_rewritten(cell: str, time: str) -> None:
    assert iso_time(cell) == time


@pytest.mark.parametrize("cell", ["2025-04-07 25:00", "2025-04-07 13:00 PM", "2025-13-07 8:30"])
def test_times_that_do_not_exist(cell: str) -> None:
    with pytest.raises(ValueError):
        iso_time(cell)
