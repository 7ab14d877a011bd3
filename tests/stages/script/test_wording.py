from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valex_local.stages.script.wording import is_one_of, is_plain, plain_line, retypes

SAID = ("This week I bought nothing new at all.", "Look at this!", "Mom.", "今週は何も買わなかった")


@pytest.mark.parametrize(
    "line",
    [
        "A girl holds up a jacket.",
        "The girl's friend laughs, and the clock shows 10:30.",
        "Zwei Leute tanzen – am Strand.",
    ],
)
def test_plain_lines(line: str) -> None:
    assert is_plain(line)
    assert plain_line(line) == line


@pytest.mark.parametrize(
    "line",
    [
        'He says "no".', "He says “no”.", "He says 'no'.", "Er sagt „nein“.", "«Non»", "彼は「いいえ」", "MAN: no way",
        "Genre:", "男：いいえ", "[SALE]", "a \u202eright-to-left mark", "a\0b", "`quoted`",
    ],
)  # fmt: skip
def test_lines_that_quote_or_mark(line: str) -> None:
    assert not is_plain(line)
    assert is_plain(plain_line(line))


@settings(deadline=None)
@given(st.text())
def test_what_is_made_plain_is_plain(text: str) -> None:
    assert is_plain(plain_line(text))


@pytest.mark.parametrize(
    ("line", "again"),
    [
        ("She tells that she bought nothing new at all.", True),
        ("BOUGHT NOTHING, NEW AT", True),
        ("She bought nothing new.", False),
        ("Someone yells look at this and points.", True),
        ("She looks at the camera.", False),
        ("Her mom stands behind her.", False),
        ("彼女は何も買わなかったと言う", True),
        ("", False),
    ],
)
def test_lines_that_retype_the_evidence(line: str, again: bool) -> None:
    assert retypes(line, SAID) is again


def test_a_whole_text_is_known_again() -> None:
    assert is_one_of("MOM", SAID)
    assert not is_one_of("MOM AND DAD", SAID)
