"""Matching lines of two scripts, and comparing their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from tests.comparison.made import act, lines, say, show
from valex_local.comparison import matching
from valex_local.comparison.lines import ComparedLine, LineKind
from valex_local.comparison.matching import contains, find, in_order, joined, kendall, match_lines


def text(words: str) -> ComparedLine:
    return ComparedLine(LineKind.TEXT, words)


def speech(words: str) -> ComparedLine:
    return ComparedLine(LineKind.SPEECH, words)


def pairs(one, other):
    return [(match.line, match.other_line) for match in match_lines(one, other)]


# --- finding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needle", "held", "expected"),
    [
        ("TRY 27", "day 9 try 27 landed it", True),
        ("TRY 27", "try 28", False),
        ("TRY 2", "try 27", False),
        ("My style, my rules", "MY STYLE MY RULES", True),
        ("My style, my rules", "my style my rulcs", True),
        ("Budget", "a budget of gadgets", True),
        ("get", "budget", False),
        ("Budget: $12 for all of it", "budget", False),
        ("1,000 falls", "1 000 falls", True),
    ],
)
def test_a_screen_text_is_found_by_its_letters_and_all_its_numerals(needle, held, expected):
    assert contains(text(held).plain, text(needle)) is expected


def test_a_text_is_found_over_the_ends_of_lines():
    assert contains(joined([text("My style"), text("my rules")]), text("My style, my rules"))
    assert not contains(joined([]), text("My style"))


def test_speech_may_be_heard_otherwise():
    heard, said = (
        speech("1 outfit, 1 thrift store, and only $12."),
        speech("One outfit, one thrift store, and only twelve"),
    )
    assert find(heard.plain, said.plain, LineKind.SPEECH) is not None
    assert find(speech("something else was said here").plain, said.plain, LineKind.SPEECH) is None


def test_where_it_is_found():
    found = find(text("try 27").plain, text("day 9 try 27").plain, LineKind.TEXT)
    assert found is not None
    assert text("day 9 try 27").plain[found.start : found.end].strip() == "try 27"


# --- matching -------------------------------------------------------------------------------------------------------


def test_lines_match_wherever_they_stand_and_only_their_kind():
    one = lines(
        say("the first line of all"), show("A CAPTION HERE"), say("and then a second one"), act("the first line")
    )
    other = lines(act("x"), say("and then a second one"), say("A caption here"), show("a caption here"),
                  say("the first line of all"))  # fmt: skip
    assert pairs(one, other) == [(0, 4), (1, 3), (2, 1)]


def test_one_line_may_match_several():
    one = lines(say("here is the first part. and here comes the second"))
    other = lines(say("and here comes the second"), say("here is the first part"))
    found = match_lines(one, other)
    assert [(match.line, match.other_line) for match in found] == [(0, 1), (0, 0)]
    assert found[0].start < found[1].start
    assert [(m.other_line, m.line) for m in match_lines(other, one)] == [(0, 0), (0, 1)]


def test_nothing_is_matched_twice():
    one = lines(show("again and again"), show("again and again"))
    assert pairs(one, lines(show("again and again"))) == [(0, 0)]
    assert pairs(one, one) == [(0, 0), (1, 1)]


def test_of_lines_that_are_alike_the_one_at_the_same_place_matches():
    one = lines(show("again and again"), say("this is the first"), say("that was number two"), show("again and again"))
    assert pairs(one, one[1:]) == [(1, 0), (2, 1), (3, 2)]
    assert pairs(one, one[:3]) == [(0, 0), (1, 1), (2, 2)]


def test_a_short_line_is_not_looked_for_inside_a_longer_one():
    assert pairs(lines(say("no")), lines(say("no I have never been there"))) == []
    assert pairs(lines(say("No!")), lines(say("no"))) == [(0, 0)]


def test_lines_that_are_repeated_are_aligned_once(monkeypatch):
    made = []
    monkeypatch.setattr(matching, "find", lambda *args, **more: made.append(args) or find(*args, **more))
    one, other = lines(*[say("again and again")] * 30), lines(*[say("again and again it goes")] * 30)
    assert pairs(one, other) == [(n, n) for n in range(30)]
    assert len(made) == 1
    assert pairs(one, one) == [(n, n) for n in range(30)]
    assert len(made) == 1


SAID = st.lists(st.sampled_from(["no", "I see it", "and then we left", "I see it and then we left", "🔥", "number 5"]))


@given(SAID, SAID)
def test_matches_are_the_same_from_either_side(one, other):
    ours, theirs = (
        lines(*(say(text) if n % 2 else show(text) for n, text in enumerate(texts))) for texts in (one, other)
    )
    matches = match_lines(ours, theirs)
    assert len({(m.place, m.other_place) for m in matches}) == len(matches)
    assert all(ours[m.line].kind is theirs[m.other_line].kind for m in matches)
    assert len(match_lines(theirs, ours)) == len(matches)


@given(SAID)
def test_a_script_is_itself(texts):
    ours = lines(*(say(text) if n % 3 else show(text) for n, text in enumerate(texts)))
    spoken = [n for n, line in enumerate(ours) if line.words]
    assert pairs(ours, ours) == [(n, n) for n in spoken]
    assert len(in_order(match_lines(ours, ours))) == len(spoken)


# --- order ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "tau"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 1),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1),
        ([1, 2, 3, 4], [1, 2, 4, 3], 4 / 6),
        ([1, 2, 3], [2, 3, 1], -1 / 3),
        ([1, 1, 2], [1, 2, 3], 1),
        ([1], [1], None),
        ([], [], None),
        ([1, 1], [1, 2], None),
    ],
)
def test_kendall(one, other, tau):
    assert kendall(one, other) == (None if tau is None else pytest.approx(tau))


def test_kendall_leaves_out_what_begins_together():
    assert kendall([0.0, 0.8, 5.0], [2, 1, 3], slack=1.0) == 1
    assert kendall([0.0, 0.8, 5.0], [2, 1, 3]) == pytest.approx(1 / 3)
    assert kendall([0.0, 1.0], [2, 1], slack=1.0) is None


@given(st.permutations(range(7)), st.permutations(range(7)))
def test_kendall_is_that_of_scipy_without_ties(one, other):
    assert kendall(one, other) == pytest.approx(kendalltau(one, other).statistic)


def test_what_has_moved_is_not_in_order():
    one = lines(say("this is the first"), say("that was number two"), say("here comes a third"))
    other = lines(say("here comes a third"), say("this is the first"), say("that was number two"))
    assert [match.line for match in in_order(match_lines(one, other))] == [0, 1]


def test_speech_carries_the_order_and_captions_go_with_it():
    one = lines(show("FIRST CAPTION"), say("this is the first"), show("SECOND CAPTION"), say("that was number two"),
                show("THIRD CAPTION"))  # fmt: skip
    other = lines(say("this is the first"), show("FIRST CAPTION"), say("that was number two"), show("SECOND CAPTION"),
                  show("THIRD CAPTION"))  # fmt: skip
    assert [match.line for match in in_order(match_lines(one, other))] == [1, 3, 4]
