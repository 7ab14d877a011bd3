"""Times of any usual form are times, in scripts and subtitles; those beyond the video are counted in a notice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.exchange.imported_times import with_checked_times
from valex_local.exchange.script_parser import parse_script
from valex_local.records import Dialogue, OnScreenText, Script

FORMS = [
    ("[12s] ", 12.0, None),
    ("[00:12 --> 00:14] ", 12.0, 14.0),
    ("[00:12 to 00:14] ", 12.0, 14.0),
    ("[0m12s-0m14s] ", 12.0, 14.0),
    ("[12-14s] ", 12.0, 14.0),
    ("[12.0 - 14.5] ", 12.0, 14.5),
    ("[00:12:250] ", 12.25, None),
    ("[00:00:12,500] ", 12.5, None),
    ("(0:12): ", 12.0, None),
    ("[1:02:03] ", 3723.0, None),
    ("00:12 - 00:14 ", 12.0, 14.0),
    ("00:12–00:14: ", 12.0, 14.0),
    ("**00:12** ", 12.0, None),
    ("**00:12:** ", 12.0, None),
    ("00:12 ", 12.0, None),
    ("- 00:12 ", 12.0, None),
    ("**[00:12 – 00:14]** ", 12.0, 14.0),
    ("[00:12]\n", 12.0, None),
    ("00:12 --> 00:14\n", 12.0, 14.0),
    ("[at 0:12] ", 12.0, None),
    ("[T=12s] ", 12.0, None),
    ("[Timestamp: 00:12] ", 12.0, None),
    ("[~0:12] ", 12.0, None),
    ("[0:12s - 0:14s] ", 12.0, 14.0),
    ("[0:12 / 0:14] ", 12.0, 14.0),
    ("[00:12...00:14] ", 12.0, 14.0),
    ("[00:12 bis 00:14] ", 12.0, 14.0),
    ("[00:12 à 00:14] ", 12.0, 14.0),
    ("[12 Sek.] ", 12.0, None),
    ("[00:00:12:05] ", 12.0, None),
    ("<00:12> ", 12.0, None),
    ("{00:12} ", 12.0, None),
    ("【00:12】", 12.0, None),
    ("### 00:12 - 00:14\n", 12.0, 14.0),
]


def spoken(script: Script) -> list[tuple[str, str, float | None, float | None]]:
    return [(e.speaker, e.text, e.start, e.end) for s in script.scenes for e in s.elements if isinstance(e, Dialogue)]


@pytest.mark.parametrize(("form", "start", "end"), FORMS)
def test_a_time_before_speech(form, start, end):
    script = parse_script(f'{form}GIRL: "Hi."', "x")
    assert spoken(script) == [("GIRL", "Hi.", start, end)]
    assert not any(isinstance(e, OnScreenText) for scene in script.scenes for e in scene.elements)


WORDS = st.text("abc ", min_size=1).filter(str.strip)


@given(st.lists(st.tuples(st.sampled_from(FORMS), WORDS), min_size=1, max_size=8))
def test_every_line_of_a_script_has_its_time(lines):
    script = parse_script("\n\n".join(f'{form}GIRL: "{words.strip()}"' for (form, _, _), words in lines), "x")
    assert [(start, end) for *_, start, end in spoken(script)] == [(start, end) for (_, start, end), _ in lines]


@pytest.mark.parametrize(
    "line",
    [
        'GIRL (0:12): "Hi."',
        'GIRL [00:12]: "Hi."',
        'GIRL: "Hi." (0:12)',
        'GIRL: "Hi." [00:12]',
        '**GIRL** (0:12): "Hi."',
    ],
)
def test_a_time_beside_the_name_or_after_the_words(line):
    script = parse_script(line, "x")
    assert [e.kind for scene in script.scenes for e in scene.elements] == ["dialogue"]
    assert spoken(script) == [("GIRL", "Hi.", 12.0, None)]


@pytest.mark.parametrize("form", ["[2] ", "[2-4] ", "[0'05\"] ", "[00:12;05] ", "1. [00:12] ", "1) 0:12 "])
def test_a_time_that_is_not_understood_is_no_screen_text_and_the_speech_is_speech(form):
    script = parse_script(f'{form}GIRL: "Hi."', "x")
    assert [words for _, words, *_ in spoken(script)] == ["Hi."]
    assert not any(isinstance(e, OnScreenText) for scene in script.scenes for e in scene.elements)


def test_a_time_in_the_brackets_of_screen_text_is_its_time():
    (element,) = parse_script("[00:12 - SALE]", "x").scenes[0].elements
    assert (element.kind, element.text, element.start) == ("text", "SALE", 12.0)


@pytest.mark.parametrize("text", ["7:30 am, the alarm rings.", "3:2 is the ratio.", "10:30 is late.", "12s of fun"])
def test_a_time_in_prose_is_prose(text):
    (element,) = parse_script(text, "x").scenes[0].elements
    assert (element.text, element.start) == (text, None)


def test_a_time_after_a_heading():
    (scene,) = parse_script("INT. KITCHEN - DAY [0:00-0:05]\nGIRL: hi", "x").scenes
    assert (scene.heading, scene.start, scene.end) == ("INT. KITCHEN - DAY", 0.0, 5.0)


SRT = "1\n00:00:00,000 --> 00:00:01,500\nI bought\na coat.\n\n2\n00:00:01,500 --> 00:00:02,000\n<i>GIRL: Eleven!</i>\n"
VTT = (
    "WEBVTT - x\n\nNOTE no\n\n00:00.000 --> 00:01.500 align:start\nI bought\na coat.\n\n"
    "00:01.500 --> 00:02.000\n<v Girl>Eleven!\n"
)


@pytest.mark.parametrize("text", [SRT, VTT, SRT.replace("\n", "\r\n"), SRT.replace("\n\n", "\n"), "\n" + SRT])
def test_subtitles(text):
    script = parse_script(text, "x")
    assert spoken(script) == [("VOICE", "I bought a coat.", 0.0, 1.5), ("GIRL", "Eleven!", 1.5, 2.0)]
    assert [n.text for n in script.notices] == [
        "the file is subtitles of 2 cues, read as speech; cues without a speaker: 1"
    ]


def test_times_beyond_the_video_are_kept_and_counted():
    script = with_checked_times(parse_script("[0:05-0:12] GIRL: A\n[1:35] GIRL: B\n[0:02] GIRL: C", "x"), 10.0)
    assert [(start, end) for *_, start, end in spoken(script)] == [(5.0, 12.0), (95.0, None), (2.0, None)]
    assert [notice.text for notice in script.notices] == [
        "1 of 3 times are earlier than the one before",
        "2 times beyond the end of the video: up to 95 s of 10 s",
    ]


@given(st.text(st.sampled_from('0123456789:.,-[]() smhto>→\n"GIRL')))
def test_any_text_is_read(text):
    with_checked_times(parse_script(text, "x"), 1.0)
