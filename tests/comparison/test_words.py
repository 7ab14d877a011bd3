"""Words of any language, and longest common subsequences."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.comparison.words import common, plain_text, words


def keys(text: str) -> list[str]:
    return [word.key for word in words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don’t stop, don't!", ["dont", "stop", "dont"]),
        ("second-hand / second hand", ["second", "hand", "second", "hand"]),
        ("It was $12.50, not twelve.", ["it", "was", "12", "50", "not", "twelve"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("#thrift_shop 🔥 @me", ["thrift", "shop", "me"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("ｆｕｌｌ ①", ["full", "1"]),
        ("你好world再见", ["你", "好", "world", "再", "见"]),
        ("ありがとう", list("ありがとう")),
        ("ที่นี่", ["ที่", "นี่"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("so\u00adft zero\u200dwidth", ["soft", "zerowidth"]),
        ("‘quoted’ words", ["quoted", "words"]),
        ("... — !", []),
        ("", []),
    ],
)
def test_words_of(text, expected):
    assert keys(text) == expected


@given(st.text())
def test_words_stand_where_they_say_and_marks_around_them_do_not_matter(text):
    found = words(text)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(text[word.start].isalnum() and word.key for word in found)
    kept = {at for word in found for at in range(word.start, word.end)}
    assert not any(char.isalnum() for at, char in enumerate(text) if at not in kept)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
def test_letter_case_and_form_do_not_matter_to_words_in_latin_letters(text):
    plain = "".join(c for c in text if c.isascii())
    assert keys(plain.upper()) == keys(plain.lower()) == keys(unicodedata.normalize("NFKC", plain))


def test_plain_text_separates_words_by_spaces_but_not_letters_of_spaceless_scripts():
    assert plain_text(keys("Try 27!")) == " try 27 "
    assert plain_text(keys("你好 world 再见")) == " 你好 world 再见 "
    assert plain_text([]) == "  "


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("abcd", "abcd", [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ("abcd", "acd", [(0, 0), (2, 1), (3, 2)]),
        ("abc", "", []),
        ("xxab", "xab", [(1, 0), (2, 1), (3, 2)]),
        ("abxx", "abx", [(0, 0), (1, 1), (2, 2)]),
    ],
)
def test_common(one, other, expected):
    assert common(list(one), list(other)) == expected


def longest(one, other):
    """Return the length of a longest common subsequence by the textbook algorithm."""
    row = [0] * (len(other) + 1)
    for a in one:
        above = row[:]
        for j, b in enumerate(other):
            row[j + 1] = above[j] + 1 if a == b else max(above[j + 1], row[j])
    return row[-1]


@given(st.lists(st.sampled_from(["a", "bb", "ccc", "the", "I"])), st.lists(st.sampled_from(["a", "bb", "ccc", "I"])))
def test_what_is_common_is_a_longest_common_subsequence(one, other):
    found = common(one, other)
    assert len(found) == longest(one, other)
    assert all(one[i] == other[j] for i, j in found)
    assert all(i < k and j < m for (i, j), (k, m) in pairwise(found))
    assert [(i, i) for i in range(len(one))] == common(one, one)


def test_a_removed_line_keeps_no_stray_word():
    whole = ["the", "dress", "was", "five", "my", "friend", "said", "i", "would", "stop", "i", "spent", "nine"]
    cut = ["the", "dress", "was", "five", "i", "spent", "nine"]
    assert [i for i, _ in common(whole, cut)] == [0, 1, 2, 3, 10, 11, 12]
