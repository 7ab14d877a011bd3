from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valex_local.errors import ModelError
from valex_local.llm import Message, Picture
from valex_local.llm.chat_template import ChatTemplate

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<turn>{{ m['role'] }}\n{{ m['content'] | trim }}<end>{% endfor %}"
)


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_contents_stand_apart_from_what_the_template_wrote(rules: str, words: str) -> None:
    pieces = list(ChatTemplate(CHATML).pieces([Message("system", rules), Message("user", words)]))
    assert [text for text, special in pieces if not special] == [rules.strip(), words.strip()]
    assert "".join(text for text, special in pieces if special) == (
        "<|im_start|>system\n<|im_end|>\n<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_family_without_system_turn_is_told_in_the_users() -> None:
    pieces = list(
        ChatTemplate(NO_SYSTEM, bos_token="<s>").pieces([Message("system", "Be brief."), Message("user", "Hi")])
    )
    assert pieces == [
        ("<s><turn>user\n", True), ("Be brief.", False), ("\n\n", True), ("Hi", False), ("<end>", True),
    ]  # fmt: skip


def test_parts_and_pictures_keep_their_order() -> None:
    picture = Picture(b"\x89PNG")
    pieces = list(ChatTemplate(CHATML).pieces([Message("user", (" Look: ", picture, " What is it? "))]))
    assert pieces[1:4] == [("Look: ", False), (picture, False), (" What is it?", False)]


def test_a_template_that_takes_lists_alone_gets_one() -> None:
    listed = (
        "{% for m in messages %}<{{ m['role'] }}>{% for part in m['content'] %}"
        "{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
    )
    pieces = list(ChatTemplate(listed).pieces([Message("system", "a"), Message("user", ("b", "c"))]))
    assert pieces == [("<system>", True), ("a", False), ("<user>", True), ("b", False), ("c", False)]


def test_the_day_does_not_enter() -> None:
    template = ChatTemplate("{{ strftime_now('%Y') }} {% for m in messages %}{{ m['content'] }}{% endfor %}")
    assert next(template.pieces([Message("user", "Hi")])) == ("2024 ", True)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{% for m in messages %}", "cannot be read"),
        ("{{ messages[0]['content'] }}", "loses messages"),
        ("{{ messages[0]['content'] }}{{ messages[0]['content'] }}", "loses messages"),
        ("{{ raise_exception('never') }}", "refuses the messages"),
        ("{{ messages.__class__.__mro__[1].__subclasses__() }}", "refuses the messages"),
    ],
)
def test_templates_that_will_not_do(source: str, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        list(ChatTemplate(source).pieces([Message("user", "a"), Message("assistant", "b")]))
