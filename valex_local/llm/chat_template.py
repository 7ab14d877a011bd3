"""Chat templates: a chat as pieces of text, those the template wrote apart from the contents of its messages.

The template comes with the weights and runs in Jinja's sandbox. It sees placeholders, never a content, so no content
can pass for a mark of turns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from valex_local.errors import ModelError
from valex_local.llm.base import Message

# Some templates write the day into the prompt. Equal input has to give equal records tomorrow too.
_DAY = date(2024, 1, 1)

# Private-use characters that no template holds.
_PLACEHOLDER = "\ue1a0{}\ue1a1"
_PLACEHOLDERS = re.compile("\ue1a0([0-9]+)\ue1a1")


class ChatTemplate:
    """The chat template of a model.

    Parameters
    ----------
    source : str
        Jinja text.
    bos_token, eos_token : str
        Names that the template may use.

    Raises
    ------
    ModelError
        The text is no template.
    """

    def __init__(self, source: str, *, bos_token: str = "", eos_token: str = "") -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.globals |= {
            "raise_exception": _fail,
            "strftime_now": _DAY.strftime,
            "bos_token": bos_token,
            "eos_token": eos_token,
        }
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ModelError(f"the chat template of the model cannot be read ({error})") from error

    def pieces(self, messages: Sequence[Message]) -> Iterator[tuple[str, bool]]:
        """Yield the chat up to where the answer begins, piece by piece: text, and whether the template wrote it.

        Raises
        ------
        ModelError
            The template does not take these messages, or loses one of them.
        """
        try:
            rendered = self._render(messages)
        except TemplateError:
            # Not every family knows a system turn; there it goes before the first words of the user.
            messages = _without_system(messages)
            try:
                rendered = self._render(messages)
            except TemplateError as error:
                raise ModelError(f"the chat template of the model refuses the messages ({error})") from error
        parts = _PLACEHOLDERS.split(rendered)
        if parts[1::2] != [str(i) for i in range(len(messages))]:
            raise ModelError("the chat template of the model loses messages", hint="Choose another model for this role")
        for at, part in enumerate(parts):
            if at % 2:
                yield messages[int(part)].content.strip(), False
            elif part:
                yield part, True

    def _render(self, messages: Sequence[Message]) -> str:
        blanks = [{"role": m.role, "content": _PLACEHOLDER.format(i)} for i, m in enumerate(messages)]
        # An answer held by a schema has no room for thinking aloud; the models that do so can be told.
        return self._template.render(messages=blanks, add_generation_prompt=True, enable_thinking=False)


def _fail(message: str) -> None:
    raise TemplateError(message)


def _without_system(messages: Sequence[Message]) -> Sequence[Message]:
    """Fold a leading system turn into the user's turn after it."""
    match list(messages):
        case [Message(role="system", content=rules), Message(role="user", content=words), *rest]:
            return [Message("user", f"{rules}\n\n{words}"), *rest]
        case _:
            return messages
