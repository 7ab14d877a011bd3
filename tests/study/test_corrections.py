"""Corrections: a layer over records, which survives new records."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.exported import ONE, make_study
from valex_local.errors import ConfigError, InputError
from valex_local.records import Edits, ScreenText, Script, Segment, Transcript, Word
from valex_local.study import Study
from valex_local.study.corrections import LOST, corrected, retimed
from valex_local.study.editing import Change, Editor

NEVER = dict.fromkeys(("avg_logprob", "no_speech_probability", "compression_ratio", "voice"))


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


@pytest.fixture
def editor(study):
    return Editor(study, "anna")


def segments(study, **options):
    return study.read(ONE, "transcript", Transcript, **options).segments


def codes(record):
    return [notice.code for notice in record.notices]


def test_a_line_is_read_as_corrected_and_stays_as_found(study, editor):
    before = segments(study)
    editor.correct(ONE, "S2", Change(text="Thirty euros was all I had.", end=9.0))
    after = segments(study)
    assert (after[1].text, after[1].start, after[1].end) == ("Thirty euros was all I had.", 5.2, 9.0)
    assert after[1].id == "S2"
    assert after[0] == before[0]
    assert segments(study, as_found=True) == before
    assert codes(study.read(ONE, "transcript", Transcript)) == ["corrected"]
    raw = study.read_raw(ONE, "transcript", Transcript)
    assert raw == study.read(ONE, "transcript", Transcript).model_dump(mode="json")
    assert (study.folder(ONE) / "transcript.json").read_text("utf-8") == study.read(
        ONE, "transcript", Transcript, as_found=True
    ).to_json()


def test_a_second_correction_of_a_line_adds_to_the_first(study, editor):
    first = editor.correct(ONE, "S2", Change(text="Thirty euros."))
    second = Editor(study, "ben").correct(ONE, "S2", Change(speaker="TILDA"))
    assert (second.id, second.text, second.speaker, second.by) == (first.id, "Thirty euros.", "TILDA", "ben")
    assert len(study.edits(ONE).corrections) == 1


def test_a_removed_line_is_among_the_dropped(study, editor):
    gone = segments(study)[1]
    editor.correct(ONE, "S2", Change(removed=True))
    transcript = study.read(ONE, "transcript", Transcript)
    assert gone.id not in [segment.id for segment in transcript.segments]
    assert ("removed by anna", gone.text) in [(line.reason, line.text) for line in transcript.dropped]
    editor.correct(ONE, "S2", Change(text="It was there after all."))
    assert segments(study)[1].text == "It was there after all."


def test_speech_can_be_added_corrected_and_removed(study, editor):
    last = len(segments(study))
    for start in (2.0, 1.0):
        editor.add(ONE, Change(text=f"Said at {start:g}", start=start, end=start + 0.5, speaker="TILDA"))
    added = {segment.id: segment for segment in segments(study) if segment.avg_logprob is None}
    assert {name: segment.start for name, segment in added.items()} == {f"S{last + 1}": 2.0, f"S{last + 2}": 1.0}
    editor.correct(ONE, f"S{last + 1}", Change(text="Said later"))
    assert next(s for s in segments(study) if s.id == f"S{last + 1}").text == "Said later"
    assert [w.text for w in next(s for s in segments(study) if s.id == f"S{last + 2}").words] == [" Said", " at", " 1"]
    for name in [one.id for one in study.edits(ONE).corrections]:
        editor.undo(ONE, name)
    assert study.read(ONE, "transcript", Transcript) == study.read(ONE, "transcript", Transcript, as_found=True)


def test_screen_text_is_corrected_and_left_out(study, editor):
    editor.correct(ONE, "T1", Change(text="THRIFT!"))
    editor.correct(ONE, "T2", Change(removed=True))
    tracks = study.read(ONE, "text", ScreenText).tracks
    assert tracks[0].text == "THRIFT!"
    assert tracks[1].left_out == "removed by anna"


def test_speakers_are_named_by_line_and_by_name(study, editor):
    editor.correct(ONE, "S1", Change(speaker="HER SISTER"))
    editor.name_speaker(ONE, "speaker", "TILDA")
    script = study.read(ONE, "script.template", Script)
    said = {e.ref: e.speaker for scene in script.scenes for e in scene.elements if e.kind == "dialogue"}
    assert said.pop("S1") == "HER SISTER"
    assert set(said.values()) == {"TILDA"}
    assert codes(script)[-1] == "corrected"
    editor.undo(ONE, "SPEAKER")
    script = study.read(ONE, "script.template", Script)
    assert "TILDA" not in {e.speaker for scene in script.scenes for e in scene.elements if e.kind == "dialogue"}


def test_a_new_transcript_keeps_what_still_applies_and_lists_what_does_not(study, editor):
    editor.correct(ONE, "S2", Change(text="Thirty euros."))
    editor.correct(ONE, "S3", Change(text="Gone."))
    found = study.read(ONE, "transcript", Transcript, as_found=True)
    # A better model hears one more line first, the second as before, and the third otherwise.
    first = found.segments[0].model_copy(update={"start": 0.0, "end": 0.1, "text": "Hm."})
    third = found.segments[2].model_copy(update={"text": "Something else entirely"})
    lines = (first, *found.segments[:2], third)
    renumbered = tuple(line.model_copy(update={"id": f"S{n}"}) for n, line in enumerate(lines, 1))
    study.write(ONE, "transcript", found.model_copy(update={"segments": renumbered}))
    transcript = study.read(ONE, "transcript", Transcript)
    assert [segment.text for segment in transcript.segments][2:] == ["Thirty euros.", "Something else entirely"]
    assert codes(transcript)[-2:] == ["corrected", LOST]
    assert "C2" in transcript.notices[-1].text


def test_lines_with_equal_words_are_told_apart_by_time(study, editor):
    found = study.read(ONE, "transcript", Transcript, as_found=True)
    twice = tuple(
        found.segments[0].model_copy(update={"id": f"S{n}", "start": n, "end": n + 0.9, "text": "No."})
        for n in (1, 2, 3)
    )
    study.write(ONE, "transcript", found.model_copy(update={"segments": twice}))
    editor.correct(ONE, "S2", Change(text="Nope."))
    editor.correct(ONE, "S3", Change(text="Never."))
    assert [segment.text for segment in segments(study)] == ["No.", "Nope.", "Never."]


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("S99", Change(text="a")),
        ("K1", Change(text="a")),
        ("S1", Change(end=0.0, start=3.0)),
        ("S2", Change(end=1.0)),
        ("S1", Change(speaker="x" * 61)),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(study, editor, line, change):
    with pytest.raises(InputError):
        editor.correct(ONE, line, change)
    assert study.edits(ONE) is None


def test_added_speech_needs_words_and_times(editor, study):
    with pytest.raises(InputError):
        editor.add(ONE, Change(text="Hello"))
    with pytest.raises(InputError):
        editor.undo(ONE, "C1")
    with pytest.raises(ConfigError):
        Editor(study, " ")


def test_forgetting_a_post_removes_its_corrections(study, editor):
    editor.correct(ONE, "S2", Change(text="Thirty euros."))
    study.forget(ONE)
    left = [path for path in study.root.rglob("*") if path.is_file() and b"Thirty euros" in path.read_bytes()]
    assert not left


def test_records_without_corrections_are_untouched(study):
    transcript = study.read(ONE, "transcript", Transcript)
    assert corrected(transcript, Edits()) is transcript


TIMES = st.floats(0, 100, allow_nan=False)


@st.composite
def spoken(draw):
    times = sorted(draw(st.lists(TIMES, min_size=2, max_size=12)))
    pairs = itertools.pairwise(times)
    words = [Word(text=f" {draw(st.sampled_from('abc'))}", start=a, end=b, probability=0.5) for a, b in pairs]
    start, end = sorted(draw(st.tuples(TIMES, TIMES)))
    return words, draw(st.lists(st.sampled_from(["a", "b", "c", "new"]), max_size=10)), start, end


@given(spoken())
def test_words_of_a_corrected_line_are_in_order_and_within_it(case):
    words, spelled, start, end = case
    found = retimed(words, " ".join(spelled), start, end)
    assert [word.text.strip() for word in found] == spelled
    times = [time for word in found for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(round(start, 3) <= time <= round(end, 3) for time in times)


@given(spoken())
def test_words_that_were_heard_keep_their_times(case):
    words, *_ = case
    text = "".join(word.text for word in words)
    assert retimed(words, text, words[0].start, words[-1].end) == tuple(words)


def test_segments_by_people_have_no_figures():
    assert Segment(id="S1", start=0, end=1, text="a", **NEVER).avg_logprob is None


def test_a_study_keeps_edits_of_posts_apart(study, editor):
    editor.correct(ONE, "S2", Change(text="Thirty euros."))
    assert [post for post in Study(study.root).post_ids() if study.edits(post)] == [ONE]
