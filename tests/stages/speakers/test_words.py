"""Lines divided where the speaker changes: no word is lost, and each has one speaker."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.stages.script.evidences import segment
from valex_local.records import Segment, Speakers, SpeakerSegment, Word
from valex_local.stages.speakers.words import spoken_parts


def line(*words: tuple[str, float, float], text: str | None = None) -> Segment:
    said = tuple(Word(text=f" {word}", start=start, end=end, probability=1.0) for word, start, end in words)
    whole = " ".join(word for word, _, _ in words) if text is None else text
    return segment(1, words[0][1], words[-1][2], whole).model_copy(update={"words": said})


def speakers(*turns: tuple[int, float, float]) -> Speakers:
    return Speakers(segments=tuple(SpeakerSegment(speaker=f"SPEAKER {n}", start=s, end=e) for n, s, e in turns))


def parts(found: Segment, who: Speakers | None) -> list[tuple[str, str, float, float]]:
    return [(p.speaker, p.text, p.start, p.end) for p in spoken_parts([found], who).get(found.id, ())]


HELLO = line(("Really?", 0.0, 0.5), ("Yes,", 1.0, 1.4), ("of", 1.4, 1.6), ("course.", 1.6, 2.0))


def test_a_line_is_divided_between_words() -> None:
    assert parts(HELLO, speakers((1, 0.0, 0.7), (2, 0.9, 2.1))) == [
        ("SPEAKER 1", "Really?", 0.0, 0.5),
        ("SPEAKER 2", "Yes, of course.", 1.0, 2.0),
    ]


def test_one_speaker_divides_nothing() -> None:
    assert not spoken_parts([HELLO], None)
    assert not spoken_parts([HELLO], Speakers(skipped="no model for the role speaker"))
    assert not spoken_parts([HELLO], speakers((1, 0.0, 0.7), (1, 0.9, 2.1)))


def test_a_word_outside_all_turns_goes_to_the_nearest() -> None:
    assert [p[0] for p in parts(HELLO, speakers((1, 5.0, 6.0), (2, 3.0, 4.0)))] == ["SPEAKER 2"]


def test_a_line_whose_words_are_not_its_text_stays_whole() -> None:
    translated = line(("Wirklich?", 0.0, 0.5), ("Ja.", 1.0, 2.0), text="Really? Yes.")
    assert parts(translated, speakers((1, 0.0, 0.4), (2, 0.9, 2.1))) == [("SPEAKER 2", "Really? Yes.", 0.0, 2.0)]
    without = segment(1, 0.0, 2.0, "Really? Yes.")
    assert [p[:2] for p in parts(without, speakers((1, 0.0, 0.4), (2, 0.9, 2.1)))] == [("SPEAKER 2", "Really? Yes.")]


times = st.floats(0, 20).map(lambda t: round(t, 3))
turns = st.lists(st.tuples(st.integers(1, 3), times, times).map(lambda t: (t[0], *sorted(t[1:]))), max_size=6)
words = st.lists(st.tuples(st.sampled_from(["no", "yes", "why?"]), times, times), min_size=1, max_size=8)


@given(words, turns)
def test_no_word_is_lost_or_said_twice(
    said: list[tuple[str, float, float]], who: list[tuple[int, float, float]]
) -> None:
    ordered = [(word, *sorted(span)) for word, *span in sorted(said, key=lambda one: one[1:])]
    found = line(*ordered)
    divided = parts(found, speakers(*who))
    if not divided:
        assert len({number for number, _, _ in who}) < 2
        return
    assert " ".join(text for _, text, _, _ in divided) == found.text
    assert all(found.start <= start <= end for _, _, start, end in divided)
    assert all(one[0] != after[0] for one, after in pairwise(divided))
