import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import Box
from valex_local.stages.ocr.similarity import begins, same_place, same_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I am so sorry", "l am so s0rry"),
        ("Total cost", "Tota1 cost"),
        ("my friend, Maya", "my friend Maya"),
        ("Landed it", "LANDEDIT"),
        ("对不起我的朋友", "对不起我的明友"),
    ],
)
def test_slips_of_the_reader_leave_a_text_the_same(one, other):
    assert same_text(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("TRY 26", "TRY 27"), ("Day 1", "Day 2"), ("go", "no"), ("$12", "$72"), ("try number 4", "try number 47")],
)
def test_figures_and_short_words_differ_by_one_character(one, other):
    assert not same_text(one, other)


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        ("I am", "I am so sorry"),
        ("so l said", "So I said no"),
        ("Iam so", "I am so sorry"),
        ("对不起", "对不起我的朋友"),
    ],
)
def test_a_growing_caption_begins_as_it_was(shorter, longer):
    assert begins(shorter, longer)
    assert not begins(longer, shorter)


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [("You", "Your turn"), ("try 4", "try 47"), ("sorry", "I am sorry"), ("", "text"), ("a", "a")],
)
def test_another_caption_does_not(shorter, longer):
    assert not begins(shorter, longer)


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=2, max_size=8), st.data())
def test_whole_words_from_the_start_are_a_beginning(words, data):
    count = data.draw(st.integers(1, len(words) - 1))
    assert begins(" ".join(words[:count]), " ".join(words))


def test_places():
    box = Box(left=0.2, top=0.5, width=0.4, height=0.1)
    assert same_place(box, Box(left=0.2, top=0.5, width=0.1, height=0.1))
    assert not same_place(box, Box(left=0.2, top=0.58, width=0.4, height=0.1))
    assert not same_place(box, Box(left=0.2, top=0.5, width=0.0, height=0.0))
