"""Special tokens in the texts of chats, which a model would take for the start or end of turns, images or documents."""

from __future__ import annotations

import re

JOINER = "\N{WORD JOINER}"
"""An invisible character that allows no line break: text with it reads the same, but is no special token any more."""

# Special tokens are written as tags (<|im_end|>, <start_of_turn>, </s>, <<SYS>>, <image>, DeepSeek's <｜User｜> with
# wide bars) or in square brackets: [INST], [/INST], [gMASK], [|user|], and Ollama's images: [img-0]. Words in brackets
# as in transcripts, such as [laughs] or [Music], are not special tokens.
_SPECIAL_TOKEN = re.compile(
    rf"""
      <(?=[|｜])
    | <(?=[^\s<>{JOINER}][^\s<>]*>)
    | \[(?=/?[A-Z][A-Z0-9_]+\] | gMASK\] | img-\d+\] | \|[^\s\[\]]*\])
    """,
    re.VERBOSE,
)


def break_special_tokens(text: str) -> str:
    """Return a text with a word joiner after the first character of every special token.

    A server assembles and tokenizes prompts itself and cannot distinguish special tokens in a content from its own: a
    post that says ``<|im_end|>`` could end its turn and begin a system turn. Engines with their own tokenizer tokenize
    contents separately from the template instead and do not change them.

    Ordinary text is left as it is: ``a < b``, ``<3``, ``[laughs]``. Removing the joiners gives the original text.
    """
    return _SPECIAL_TOKEN.sub(lambda found: found[0] + JOINER, text)
