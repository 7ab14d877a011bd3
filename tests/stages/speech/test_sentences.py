from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from valex_local.stages.speech.engine import RawSegment, RecognisedWord
from valex_local.stages.speech.sentences import sentences


def heard(text: str, *, start: float = 0.0, pace: float = 0.4, logprob: float = -0.2) -> RawSegment:
    """A segment whose words follow one another."""
    words = tuple(
        RecognisedWord(f" {word}", start + i * pace, start + (i + 1) * pace, 0.9) for i, word in enumerate(text.split())
    )
    return RawSegment(start, words[-1].end, f" {text}", words, logprob, 0.1, 1.2)


def texts(lines: list[RawSegment]) -> list[str]:
    return [line.text.strip() for line in lines]


def test_a_sentence_over_two_segments_is_joined_and_the_next_parted() -> None:
    found = sentences([heard("This was it. We've never"), heard("been there.", start=2.0)])
    assert texts(found) == ["This was it.", "We've never been there."]
    assert (found[0].start, found[0].end) == (0.0, found[0].words[-1].end)
    assert found[1].end == 2.8


def test_a_long_pause_parts() -> None:
    assert len(sentences([heard("no full stop"), heard("here either", start=3.0)])) == 2


def test_closing_quotes_belong_to_the_sentence() -> None:
    assert texts(sentences([heard("“Do it!” she said.")])) == ["“Do it!”", "she said."]


def test_other_scripts_end_sentences_too() -> None:
    assert len(sentences([heard("你好。 再见。")])) == 2


def test_without_ends_of_sentences_whispers_own_breaks_part_long_lines() -> None:
    segments = [heard("one two three four five six seven eight nine ten", start=4.0 * i) for i in range(6)]
    found = sentences(segments)
    assert len(found) == 3
    assert all(line.end - line.start <= 13 for line in found)


def test_windows_are_not_joined() -> None:
    assert len(sentences([heard("the first"), heard("and the second", start=0.8, logprob=-0.9)])) == 2


def test_translations_stay_as_they_are() -> None:
    segments = [RawSegment(0, 2, " One. Two.", (), -0.2, 0.1, 1.2), RawSegment(2, 3, " three", (), -0.2, 0.1, 1.2)]
    assert sentences(segments) == segments


@given(
    st.lists(
        st.tuples(st.text("ab.!? ”", min_size=1).filter(str.strip), st.floats(0, 3), st.sampled_from([-0.2, -0.5])),
        max_size=8,
    )
)
def test_no_word_is_lost_added_or_moved(parts: list[tuple[str, float, float]]) -> None:
    segments, at = [], 0.0
    for text, gap, logprob in parts:
        segments.append(heard(text, start=at + gap, logprob=logprob))
        at = segments[-1].end
    found = sentences(segments)
    assert [w for line in found for w in line.words] == [w for s in segments for w in s.words]
    assert all(line.text == "".join(w.text for w in line.words) for line in found)
    assert all((line.start, line.end) == (line.words[0].start, line.words[-1].end) for line in found)


def test_figures_are_kept() -> None:
    line = sentences([heard("Yes. No.")])[1]
    assert replace(line, start=0, end=0, text="", words=()) == RawSegment(0, 0, "", (), -0.2, 0.1, 1.2)
