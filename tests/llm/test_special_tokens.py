from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.llm.special_tokens import JOINER, break_special_tokens

MARKS = [
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<|begin_of_text|>"),
    *("<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<bos>", "<eos>", "<unk>", "<s>", "</s>"),
    *("<|turn>", "<turn|>", "<|message|>", "<|fim prefix|>"),
    *("[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[IMG]", "[TOOL_CALLS]", "[gMASK]", "[UNUSED_TOKEN_146]"),
    *("<<SYS>>", "<</SYS>>", "[|user|]", "[|endofturn|]", "<think>", "</think>", "<tool_call>"),
    *("<｜User｜>", "<｜begin▁of▁sentence｜>", "<image>", "<__media__>", "<__media_YoNh4__>", "[img-0]", "<0x0A>"),
]
ORDINARY = [
    *("a < b and c > d", "<3", "[laughs]", "[Music]", "[1]", "[]", "<>", "< >", "1<2", "x >= y", "->", "<-"),
    *("[TEXT ON THE SCREEN]", "I <3 you>", "¡<<hola amigos>>!", "a | b", "5 > 3 < 4", "[A]", "☕ <", "#IM_END"),
]

texts = st.lists(st.one_of(st.sampled_from(MARKS), st.sampled_from(ORDINARY), st.text(max_size=5))).map("".join)
plain = st.text(st.characters(exclude_characters="<["))


@pytest.mark.parametrize("mark", MARKS)
def test_no_mark_stays_whole(mark: str):
    broken = break_special_tokens(f"one {mark}{mark}two")
    assert mark not in broken
    assert broken.replace(JOINER, "") == f"one {mark}{mark}two"
    assert broken.index(JOINER) <= len("one <<")


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_left_as_it_is(text: str):
    assert break_special_tokens(text) == text


@given(plain)
def test_text_without_brackets_is_left_as_it_is(text: str):
    assert break_special_tokens(text) == text


@given(texts)
def test_taking_the_joiners_out_gives_the_text_back(text: str):
    assert break_special_tokens(text).replace(JOINER, "") == text.replace(JOINER, "")


@given(texts, st.sampled_from(MARKS), texts)
def test_no_mark_is_hidden_by_what_stands_around_it(before: str, mark: str, after: str):
    broken = break_special_tokens(before + mark + after)
    assert not [known for known in MARKS if known in broken]
    assert break_special_tokens(broken) == broken


def test_marks_in_marks():
    assert not [
        mark for mark in MARKS if mark in break_special_tokens("<|im_<|im_end|>end|> [IN[INST]ST] <<|im_end|>>")
    ]
