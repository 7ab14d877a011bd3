"""Subtitles, read by pysubs2."""

from __future__ import annotations

import html
import re
from itertools import pairwise

import pysubs2
import pytest
from hypothesis import given, settings

from tests.exchange.exported import (
    HOSTILE,
    NAMED,
    ONE,
    SILENT,
    TWO,
    any_lines,
    dialogue,
    export,
    make_study,
    on_screen,
    one_post,
    script,
)
from valex_local.errors import InputError
from valex_local.records import Post
from valex_local.rendering.subtitles import WORD_JOINER, Srt, Vtt
from valex_local.rendering.timing import TimedSpan, lanes, timed_lines

FORMS = {"srt": Srt(), "vtt": Vtt()}


def read(text, form):
    subtitles = pysubs2.SSAFile.from_string(text, format_=form, keep_unknown_html_tags=False)
    back = html.unescape if form == "vtt" else str
    return [(cue.start, cue.end, back(cue.text).replace(WORD_JOINER, "")) for cue in subtitles]


def expected(spans):
    return [(span.start, span.end, span.text.replace(WORD_JOINER, "")) for span in spans]


@pytest.mark.parametrize("form", FORMS)
def test_speech_and_screen_text_are_two_tracks(tmp_path, form):
    found, folder = export(make_study(tmp_path), form)
    assert found.posts == 2
    assert found.files == 4
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{post}.{track}.{form}" for post in (ONE, NAMED) for track in ("speech", "text")
    ]
    speech = read((folder / f"{ONE}.speech.{form}").read_text("utf-8"), form)
    assert speech[1] == (5200, 9400, "My budget was thirty euros, and here is what I found.")
    assert len(speech) == 4
    text = read((folder / f"{ONE}.text.{form}").read_text("utf-8"), form)
    assert [cue[2] for cue in text] == ["THRIFT CHALLENGE", "my budget was thirty euros", "30 € only"]


def test_posts_without_a_script_are_named(tmp_path):
    found, _ = export(make_study(tmp_path), "srt")
    assert found.left_out == {TWO: "it has script.gemini but no script.template", SILENT: "no script"}


@pytest.mark.parametrize("form", FORMS)
@given(any_lines)
@settings(max_examples=80, deadline=None)
def test_any_words_are_read_as_they_were(form, lines):
    timed, _ = timed_lines(Post(id="p"), script(*lines))
    for spans in (timed.speech, timed.screen_text, timed.actions):
        assert read(FORMS[form](spans), form) == expected(spans)
        assert [span.start for span in spans] == sorted(span.start for span in spans)
        assert all(span.start < span.end for span in spans)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markup(form, text):
    timed, _ = timed_lines(
        Post(id="p"), script(dialogue("before", 0, 1), dialogue(text, 1, 2, text), dialogue("after", 2, 3))
    )
    source = FORMS[form](timed.speech)
    assert read(source, form) == expected(timed.speech)
    assert source.count("-->") == len(timed.speech)
    assert "\n\n\n" not in source


def test_srt_as_it_is_written():
    spans = [TimedSpan(0, 1500, "<b>a --> b</b>"), TimedSpan(3_600_000, 3_661_001, "{\\an8}5")]
    joiner = WORD_JOINER
    assert Srt()(spans) == (
        f"1\n00:00:00,000 --> 00:00:01,500\n<{joiner}b>a --{joiner}> b<{joiner}/b>\n"
        f"\n2\n01:00:00,000 --> 01:01:01,001\n{{{joiner}\\an8}}5\n"
    )


def test_vtt_as_it_is_written():
    spans = [TimedSpan(0, 1500, "<b> & --> b", "OLD > MAN"), TimedSpan(2000, 2100, "hi", "SPEAKER")]
    assert Vtt()(spans) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v OLD &gt; MAN>&lt;b&gt; &amp; --&gt; b</v>\n"
        "\n00:00:02.000 --> 00:00:02.100\nhi\n"
    )


def test_a_line_without_an_end_lasts_until_the_next():
    lines = (dialogue("a", 1), on_screen("b", 2.5), dialogue("c", 20), on_screen("d", 4, 4))
    timed, untimed = timed_lines(Post(id="p"), script(*lines, dialogue("never", None)))
    assert [(span.start, span.end) for span in timed.speech] == [(1000, 2500), (20_000, 25_000)]
    assert [(span.start, span.end) for span in timed.screen_text] == [(2500, 4000), (4000, 4001)]
    assert untimed == 1


def test_lines_without_times_are_counted(tmp_path):
    study = one_post(tmp_path, dialogue("a", 1, 2), dialogue("b"), dialogue(" "))
    found, folder = export(study, "vtt")
    assert found.notices == ["1 × line left out because it has no time"]
    assert "\nb\n" not in (folder / f"{ONE}.speech.vtt").read_text()


def test_scripts_without_times_and_without_words_are_left_out(tmp_path):
    study = make_study(tmp_path)
    with pytest.raises(InputError, match=r"the lines of script.gemini have no times; no script|no script.gemini"):
        export(study, "srt", script="gemini")
    assert not (study.root / "exports" / "srt").exists()
    silent = one_post(tmp_path / "other", on_screen(" ", 0, 1))
    with pytest.raises(InputError, match="the script has no speech and no on-screen text"):
        export(silent, "vtt")


def test_a_track_without_words_has_no_file(tmp_path):
    found, folder = export(one_post(tmp_path, on_screen("SALE", 0, 1)), "srt")
    assert found.files == 1
    assert [path.name for path in folder.iterdir()] == [f"{ONE}.text.srt"]


@given(any_lines)
@settings(max_examples=50, deadline=None)
def test_lanes_hold_everything_and_nothing_that_overlaps(lines):
    timed, _ = timed_lines(Post(id="p"), script(*lines))
    for spans in (timed.speech, timed.screen_text):
        divided = lanes(spans)
        assert sorted((s.start, s.end, s.text) for lane in divided for s in lane) == sorted(
            (s.start, s.end, s.text) for s in spans
        )
        for lane in divided:
            assert all(one.end <= other.start for one, other in pairwise(lane))


def test_file_names_are_those_of_posts(tmp_path):
    _, folder = export(make_study(tmp_path), "srt")
    assert all(re.fullmatch(r"[\w.@-]+\.(speech|text)\.srt", path.name) for path in folder.iterdir())
