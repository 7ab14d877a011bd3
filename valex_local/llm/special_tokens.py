"""Marks in the texts of chats: what a model takes for the bounds of turns, pictures and documents."""

from __future__ import annotations

import re

JOINER = "\N{WORD JOINER}"
"""Shows nothing and joins no line: what it stands in reads as before, and is no token of its own any more."""

# Tokens that stand for something are written as tags (<|im_end|>, <start_of_turn>, </s>, <<SYS>>, <image>, DeepSeek's
# <｜User｜> with wide bars) or in square brackets: [INST], [/INST], [gMASK], [|user|], and Ollama's pictures: [img-0].
# Words in brackets that transcripts have, such as [laughs] or [Music], are none.
_MARK = re.compile(
    rf"""
      <(?=[|｜])
    | <(?=[^\s<>{JOINER}][^\s<>]*>)
    | \[(?=/?[A-Z][A-Z0-9_]+\] | gMASK\] | img-\d+\] | \|[^\s\[\]]*\])
    """,
    re.VERBOSE,
)


def break_marks(text: str) -> str:
    """Put a word joiner after the first character of every mark in a text.

    A server puts prompts together and cuts them into tokens by itself, and it takes such marks in a content for its
    own: a post that says ``<|im_end|>`` could end its turn and begin one of the system. Where the tokenizer is ours,
    contents are cut apart from the template instead, and nothing in them is changed.

    Ordinary text is left as it is: ``a < b``, ``<3``, ``[laughs]``. Taking the joiners out gives the text back.
    """
    return _MARK.sub(lambda mark: mark[0] + JOINER, text)
