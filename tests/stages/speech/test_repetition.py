from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.settings import SpeechSettings
from valex_local.stages.speech.engine import RawSegment, RecognisedWord
from valex_local.stages.speech.filters import reason_to_drop
from valex_local.stages.speech.repetition import FEWEST_ROUNDS, Run, find_runs, mark_refrains

Said = tuple[str, float, float]
"""A word, its length in seconds and its probability."""


def window(said: Sequence[Said], *, ratio: float = 5.0) -> RawSegment:
    words, at = [], 0.0
    for text, length, probability in said:
        words.append(RecognisedWord(f" {text}", at, at + length, probability))
        at += length
    return RawSegment(0.0, at, "".join(w.text for w in words), tuple(words), -0.2, 0.1, ratio)


def say(text: str, *, length: float = 0.25, probability: float = 0.95) -> list[Said]:
    return [(word, length, probability) for word in text.split()]


def kept(segment: RawSegment) -> str:
    lines = mark_refrains([segment], max_compression=2.4)
    return " ".join(x.text.strip() for x in lines if reason_to_drop(x, 1.0, SpeechSettings()) is None)


def test_a_refrain_and_the_sentences_around_it_are_kept() -> None:
    said = say("My mother told me") + 7 * say("be kind to people,") + say("and so I help.")
    assert kept(window(said)) == " ".join(word for word, _, _ in said)


def test_of_a_refrain_counted_wrong_only_the_rounds_without_length_go() -> None:
    said = 7 * say("be kind,") + 2 * say("be kind,", length=0.0) + say("be kind,") + say("that is why.")
    assert kept(window(said)) == "be kind, " * 8 + "that is why."


def test_a_loop_is_dropped_for_its_improbable_first_round_though_its_words_last() -> None:
    assert kept(window(say("flanked!", probability=0.1) + 14 * say("flanked!"))) == ""


def test_a_loop_is_dropped_for_words_without_length_however_probable() -> None:
    assert kept(window(10 * (say("I love you") + say("so much,", length=0.02)))) == ""


def test_a_round_that_was_begun_goes_with_its_loop() -> None:
    assert kept(window(6 * say("and so am I,", length=0.0) + say("and so"))) == ""


def test_what_was_said_before_a_loop_stays() -> None:
    assert kept(window(say("This was it.") + 9 * say("thank you", length=0.0))) == "This was it."


def test_windows_that_do_not_repeat_themselves_and_translations_stay_as_they_are() -> None:
    plain = window(4 * say("no"), ratio=1.5)
    translated = RawSegment(0, 20, " so so so so", (), -0.2, 0.1, 9.0)
    assert mark_refrains([plain, translated], max_compression=2.4) == [plain, translated]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("a b c", []),
        ("a a", []),
        ("x a a a y", [Run(1, 4, 1)]),
        ("a b a b a b a", [Run(0, 7, 2)]),
        ("a a b a a b a a b", [Run(0, 9, 3)]),
    ],
)
def test_runs(text: str, runs: list[Run]) -> None:
    assert find_runs(text.split()) == runs


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_runs_repeat_their_unit(words: list[str]) -> None:
    reached = 0
    for run in find_runs(words):
        assert run.start >= reached and run.end - run.start >= FEWEST_ROUNDS * run.length
        assert all(words[i] == words[i - run.length] for i in range(run.start + run.length, run.end))
        reached = run.end


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c."]), st.sampled_from([0.0, 0.3]), st.floats(0, 1)), min_size=1))
def test_no_word_is_lost_added_or_moved(said: list[Said]) -> None:
    whole = window(said)
    lines = mark_refrains([whole], max_compression=2.4)
    assert [w for line in lines for w in line.words] == list(whole.words)
    assert "".join(line.text for line in lines) == whole.text
