"""The figures of a post, on examples where the correct value is known."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.comparison.made import ELEMENTS, HEARD, READ, act, evidence, lines, say, show, track, transcript, whole
from valex_local.comparison.evidence import NO_SPEECH, NO_TEXT, PostEvidence, read_evidence
from valex_local.comparison.lines import ComparedLine, LineKind, script_lines
from valex_local.comparison.measures import compare_lines, measure
from valex_local.records import (
    Dialogue,
    Grounding,
    GroundingFigures,
    OnScreenText,
    Post,
    PostLine,
    Scene,
    ScreenText,
    Script,
    Transcript,
)
from valex_local.study import Study

ALL = evidence(HEARD, READ)
WHOLE = whole("a").scenes[0].elements


def of(*elements, heading=None):
    return measure(lines(*elements, heading=heading), ALL)


def words(*texts):
    return sum(len(text.split()) for text in texts)


# --- speech ---------------------------------------------------------------------------------------------------------


def test_a_whole_script_keeps_all_and_adds_nothing():
    found = of(*WHOLE)
    assert (found.speech_kept, found.speech_added) == (1, 0)
    assert (found.text_kept, found.text_added, found.text_words_added) == (1, 0, 0)
    assert found.order_in_time == 1


def test_a_line_removed():
    found = of(*(element for element in WHOLE if element != say(HEARD[1])))
    assert found.speech_kept == pytest.approx(1 - words(HEARD[1]) / words(*HEARD), abs=1e-6)
    assert found.speech_added == 0
    assert found.text_kept == 1


def test_a_line_added():
    found = of(say("watch this everybody"), *WHOLE)
    assert found.speech_kept == 1
    assert found.speech_added == pytest.approx(3 / (3 + words(*HEARD)), abs=1e-6)


def test_a_word_replaced_is_one_lost_and_one_added():
    found = of(*(say(e.text.replace("rivers", "oceans")) if isinstance(e, Dialogue) else e for e in WHOLE))
    assert found.speech_kept == pytest.approx(1 - 1 / words(*HEARD), abs=1e-6)
    assert found.speech_added == pytest.approx(1 / words(*HEARD), abs=1e-6)


def test_case_marks_and_the_cut_of_lines_do_not_matter():
    found = of(say(" ".join(HEARD).upper().replace(" ", ", ") + "!"), *map(show, READ))
    assert (found.speech_kept, found.speech_added) == (1, 0)


def test_speech_in_another_order_keeps_what_is_in_order():
    found = of(say(HEARD[1]), say(HEARD[0]))
    assert found.speech_kept == pytest.approx(max(words(HEARD[0]), words(HEARD[1])) / words(*HEARD), abs=1e-6)


def test_chinese_counts_by_the_letter():
    known = evidence(["我们穿旧衣服"])
    found = measure(lines(say("我们穿新衣服")), known)
    assert (found.speech_kept, found.speech_added) == (pytest.approx(5 / 6, abs=1e-6), pytest.approx(1 / 6, abs=1e-6))


# --- screen text ----------------------------------------------------------------------------------------------------


def test_captions_dropped():
    found = of(*(element for element in WHOLE if element not in (show(READ[1]), show(READ[2]))))
    assert (found.text_kept, found.text_added, found.text_words_added) == (0.5, 0, 0)
    assert found.speech_kept == 1


def test_captions_added():
    found = of(*WHOLE, show("Follow me for jackets"))
    assert found.text_kept == 1
    assert found.text_added == 0.2
    # "jackets" is none of the words read, "jacket" is.
    assert found.text_words_added == pytest.approx(4 / (4 + words(*READ)), abs=1e-6)


def test_words_that_were_read_elsewhere_are_not_added():
    found = of(*WHOLE, show("budget budget style hooray"))
    assert found.text_added == 0.2
    assert found.text_words_added == pytest.approx(2 / (4 + words(*READ)), abs=1e-6)


def test_another_figure_is_another_text():
    found = of(show("Jacket $5"))
    assert (found.text_kept, found.text_added) == (0, 1)


def test_a_text_read_with_a_letter_wrong_is_kept():
    found = of(show("My stvle, my rules"))
    assert (found.text_kept, found.text_added, found.text_words_added) == (0.25, 0, 0)


def subtitled(tmp_path):
    """Return the evidence of a post whose first line of speech is shown on screen."""
    study = Study(tmp_path / "study", create=True)
    study.write("p", "post", Post(id="p"))
    study.write("p", "transcript", transcript(*HEARD))
    study.write("p", "text", ScreenText(tracks=(track(1, 0.2, HEARD[0]), track(2, 9.0, "Jacket $4"))))
    return read_evidence(study, "p")


def test_subtitles_are_no_screen_text_that_must_be_kept_and_none_that_is_added(tmp_path):
    known = subtitled(tmp_path)
    assert [line.text for line in known.subtitles] == [HEARD[0]]
    without, with_them = (measure(lines(*texts), known) for texts in ([], [show(HEARD[0]), show("Jacket $4")]))
    assert (without.text_kept, without.text_added) == (0, None)
    assert (with_them.text_kept, with_them.text_added) == (1, 0)


def test_texts_that_a_script_marks_as_repeating_speech_do_not_count():
    found = of(*WHOLE, show("something else", repeats="S1"))
    assert (found.text_lines, found.text_added) == (4, 0)


# --- what is not assessed -------------------------------------------------------------------------------------------


def test_without_evidence_there_are_no_shares():
    found = measure(lines(*WHOLE), PostEvidence(None, None))
    shares = (found.speech_kept, found.speech_added, found.text_kept, found.text_added, found.text_words_added)
    assert shares == (None,) * 5
    assert found.order_in_time is None
    assert (found.speech_lines, found.text_lines) == (4, 4)


def test_a_silent_post_has_nothing_to_keep_and_all_is_added():
    found = measure(lines(say("hello there")), evidence())
    assert (found.speech_kept, found.speech_added, found.text_kept, found.text_added) == (None, 1, None, None)


def test_an_empty_script_keeps_nothing_and_has_nothing_to_add():
    found = measure((), ALL)
    assert (found.speech_kept, found.speech_added, found.text_kept, found.text_added) == (0, None, 0, None)
    assert (found.speakers, found.telling_speakers, found.order_in_time) == (0, None, None)


@pytest.mark.parametrize("skipped", [True, False])
def test_records_that_were_skipped_or_are_not_there_are_no_evidence(tmp_path, skipped):
    study = Study(tmp_path / "study", create=True)
    study.write("p", "post", Post(id="p"))
    if skipped:
        study.write("p", "transcript", Transcript(skipped="no audio track"))
        study.write("p", "text", ScreenText(skipped="no video track"))
    known = read_evidence(study, "p")
    assert (known.heard, known.read, known.subtitles) == (None, None, ())
    why = ("no audio track", "no video track") if skipped else ("no record", "no record")
    assert known.missing == (f"{NO_SPEECH} ({why[0]})", f"{NO_TEXT} ({why[1]})")


# --- counts ---------------------------------------------------------------------------------------------------------


def test_counts():
    found = of(say("one two", "GIRL"), say("three", "girl"), say("four", "BOY"), act("He runs, fast."), show("A B"),
               heading="EXT. PARK")  # fmt: skip
    assert (found.speakers, found.speech_lines, found.speech_words) == (2, 3, 4)
    assert (found.action_words, found.text_lines, found.headings) == (3, 1, 1)


@pytest.mark.parametrize(
    ("names", "share"),
    [
        (["SPEAKER"], 0),
        (["SPEAKER", "Speaker 2", "SPEAKER B"], 0),
        (["SPEAKER", "OLD MAN"], 0.5),
        (["SPEAKER OF THE HOUSE", "LOUDSPEAKER"], 1),
    ],
)
def test_descriptive_names(names, share):
    assert of(*(say("hi", name) for name in names)).telling_speakers == share


def test_the_published_text_is_no_line():
    scene = Scene(start=None, end=None, elements=(PostLine(text="my caption"),), written_by="import")
    assert script_lines(Script(name="x", scenes=(scene,))) == ()


# --- order ----------------------------------------------------------------------------------------------------------


def test_order_in_time_of_the_reverse():
    assert of(*reversed(WHOLE)).order_in_time == -1


def test_order_in_time_counts_pairs():
    # Of the eight lines the last two change places: one pair of 28.
    elements = [*WHOLE[:6], WHOLE[7], WHOLE[6]]
    assert of(*elements).order_in_time == pytest.approx(26 / 28, abs=1e-6)


def test_what_begins_within_a_second_has_no_order():
    heard, shown = ComparedLine(LineKind.SPEECH, HEARD[0], start=3.0), ComparedLine(LineKind.TEXT, READ[0], start=3.9)
    known = PostEvidence((heard,), (shown,))
    assert measure(lines(show(READ[0]), say(HEARD[0])), known).order_in_time is None


def test_subtitles_tell_of_order_too(tmp_path):
    known = subtitled(tmp_path)
    assert measure(lines(show("Jacket $4"), show(HEARD[0])), known).order_in_time == -1


# --- what both hold -------------------------------------------------------------------------------------------------


def test_two_scripts():
    one, other = lines(*WHOLE), lines(*WHOLE[2:4], *WHOLE[:2])
    found = compare_lines(one, other)
    kept = 2 * max(words(HEARD[0]), words(HEARD[1]))
    assert found.speech_shared == pytest.approx(kept / (words(*HEARD) + words(*HEARD[:2])), abs=1e-6)
    assert found.text_shared == pytest.approx(4 / 6, abs=1e-6)
    assert found.matched_lines == 4
    # Of six pairs the two within each block stand in one order, the four between them in the reverse.
    assert found.order == pytest.approx(-2 / 6, abs=1e-6)


def test_two_scripts_with_nothing_in_common():
    found = compare_lines(lines(say("one thing")), lines(show("ANOTHER")))
    assert (found.speech_shared, found.text_shared, found.order, found.matched_lines) == (0, 0, None, 0)
    nothing = compare_lines((), ())
    assert (nothing.speech_shared, nothing.text_shared) == (None, None)


@given(ELEMENTS)
def test_a_script_compared_with_itself_keeps_all_adds_nothing_and_stands_in_order(elements):
    ours = lines(*elements)
    found = compare_lines(ours, ours)
    assert found.speech_shared in (None, 1)
    assert found.text_shared in (None, 1)
    assert found.order in (None, 1)
    assert found.matched_lines == sum(bool(x.words) for x in ours if x.kind in (LineKind.SPEECH, LineKind.TEXT))


@given(ELEMENTS)
def test_evidence_that_says_what_the_script_says_is_kept_whole(elements):
    ours = lines(*elements)
    heard = [element.text for element in elements if isinstance(element, Dialogue)]
    read = [element.text for element in elements if isinstance(element, OnScreenText) and element.repeats is None]
    found = measure(ours, evidence(heard, read))
    assert found.speech_kept in (None, 1)
    assert found.speech_added in (None, 0)
    assert found.text_kept in (None, 1)
    assert found.text_added in (None, 0)
    assert found.text_words_added in (None, 0)


@given(ELEMENTS, ELEMENTS)
def test_what_two_scripts_share_is_the_same_from_either_side(one, other):
    here, there = lines(*one), lines(*other)
    ours, theirs = compare_lines(here, there), compare_lines(there, here)
    assert ours.speech_shared == theirs.speech_shared
    for figure in (ours.speech_shared, ours.text_shared):
        assert figure is None or 0 <= figure <= 1
    assert ours.order is None or -1 <= ours.order <= 1


def test_grounding_is_taken_from_its_record():
    figures = GroundingFigures(lines=4, below_chance=1, mean_percentile=0.75, keyframes=8, spoken_of=2, things=3)
    known = measure((), PostEvidence(None, None), Grounding(script="a", figures=figures))
    assert (known.actions_match, known.keyframes_spoken, known.things_not_found) == (0.75, 0.25, 0)
    skipped = Grounding(script="a", skipped="no CLIP weights", figures=figures)
    for nothing in (measure((), PostEvidence(None, None)), measure((), PostEvidence(None, None), skipped)):
        assert (nothing.actions_match, nothing.keyframes_spoken, nothing.things_not_found) == (None, None, None)
