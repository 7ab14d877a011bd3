from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.stages.script.grounded import adds_nothing, content, leaks, leaves_nothing_out, stem

SOURCES = ("one person", "talking to the camera", "red dress", "A man in a blue shirt holds a green box.")


@pytest.mark.parametrize(
    ("one", "other"),
    [("rides", "riding"), ("sits", "sitting"), ("boxes", "box"), ("dances", "dance"), ("falls", "falling")],
)
def test_endings_do_not_count(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(
    ("one", "other"), [("dress", "dre"), ("bus", "bu"), ("red", "read"), ("ring", "r"), ("man", "men")]
)
def test_short_words_and_stems_are_kept(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize(
    ("line", "supported"),
    [
        ("A person is talking to the camera with a red dress.", True),
        ("A person talks, and there is a dress.", True),
        ("A man holds a green box.", True),
        ("A man in a blue shirt.", True),
        ("A red box.", False),
        ("A man in a red shirt.", False),
        ("Green dress.", False),
        ("A blue person.", False),
        ("The box is green.", False),
        ("Nobody is talking.", False),
        ("She is talking to the camera.", False),
        ("A person is in a red dress on the box.", False),
        ("A person is wearing a red dress.", False),
        ("Two persons.", False),
        ("A person is talking to the camera, and there is a person.", False),
        ("A person is talking to the camera, and there is a.", False),
        ("There is a.", False),
        ("", False),
    ],
)
def test_words_that_belong_together_stay_together(line: str, supported: bool) -> None:
    assert adds_nothing(line, SOURCES) is supported


@given(st.lists(st.sampled_from(SOURCES), min_size=1, unique=True), st.text(max_size=10))
def test_what_the_sources_say_adds_nothing_and_any_other_word_does(told: list[str], more: str) -> None:
    line = " and ".join(told)
    assert adds_nothing(line, SOURCES)
    assert leaves_nothing_out(line, told)
    assert not adds_nothing(f"{line} and dragon{''.join(c for c in more if c.isalnum())}", SOURCES)


def test_what_is_left_out_is_noticed() -> None:
    assert leaves_nothing_out("A person is talking to the camera.", SOURCES[:2])
    assert not leaves_nothing_out("A person is talking.", SOURCES[:2])


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("A vorn is frobbing in a drall.", True),
        ("The vorn frobs, a drall.", True),
        ("vorn", True),
        ("A vorn sings.", False),
        ("A dog is running.", False),
        ("is in a", False),
    ],
)
def test_text_of_the_prompt_is_recognised(text: str, copied: bool) -> None:
    assert leaks(text, ("Look at it.", "A vorn is frobbing in a drall.")) is copied


@given(st.text(max_size=80))
def test_any_text_leaks_from_itself_if_it_says_something(text: str) -> None:
    assert leaks(text, (text,)) is bool(content(text))
