"""The search index of the list of posts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import Dialogue, Post, PostText, Scene, Script
from valex_local.report.gather import Gathered
from valex_local.report.words import fold, searched, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Café", "cafe"), ("ÜBER", "uber"), ("ﬁne ①", "fine 1"), ("Ἀθῆναι", "αθηναι"), ("İ", "i"), ("straße", "straße")],
)
def test_case_accents_and_forms_do_not_count(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_again_changes_nothing_that_is_searched(text: str) -> None:
    assert words(" ".join(words(text))) == words(text)


def test_words_are_parted_at_marks_but_keep_their_own() -> None:
    assert words('"Rock\'n\'roll!", she said: $12.50 (#thrift) @ann') == [
        "rock'n'roll", "she", "said", "$12.50", "#thrift", "@ann",
    ]  # fmt: skip


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_every_word_of_a_post_is_found(caption: str, said: str) -> None:
    line = Dialogue(ref=None, speaker="MAN", text=said, start=None, end=None)
    script = Script(name="x", scenes=(Scene(start=None, end=None, elements=(line,), written_by="import"),))
    text = PostText(caption=caption, hashtags=("tag",), author="Ann B")
    found = searched(Gathered("some_post", Post(id="some_post", text=text), {"script.x": script}))
    for word in (*words(caption), *words(said), "man", "tag", "ann", "b", "some_post"):
        assert word in found.split(" ")
    assert found.split(" ") == sorted(set(found.split(" ")))
