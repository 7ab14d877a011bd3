"""Chat templates: a chat as pieces, which are written by the template or are parts of messages.

The template comes with the weights and runs in Jinja's sandbox. It is given placeholders instead of contents, so no
content can be taken for special tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from valex_local.errors import ModelError
from valex_local.llm.base import ContentPart, Message

# Some templates write the date into the prompt. Equal input must give equal records tomorrow too.
_DAY = date(2024, 1, 1)

# Private-use characters that no template contains.
_PLACEHOLDER = "\ue1a0{}\ue1a1"
_GENERATION = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")
"""Tags in some templates that mark what a model is trained on; they write nothing."""

_PLACEHOLDERS = re.compile("\ue1a0([0-9]+)\ue1a1")


class ChatTemplate:
    """The chat template of a model.

    Parameters
    ----------
    source : str
        The template in Jinja.
    bos_token, eos_token : str
        Variables that the template may use.

    Raises
    ------
    ModelError
        The text is not a template.
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
            self._template = environment.from_string(_GENERATION.sub("", source))
        except TemplateError as error:
            raise ModelError(f"the chat template of the model cannot be read ({error})") from error

    def pieces(self, messages: Sequence[Message]) -> Iterator[tuple[ContentPart, bool]]:
        """Yield the pieces of the chat up to where the answer begins, and whether the template wrote them.

        Raises
        ------
        ModelError
            The template does not accept these messages, or loses one of them.
        """
        turns, parts = _blanks(messages)
        written = _PLACEHOLDERS.split(self._rendered(turns))
        if written[1::2] != [str(i) for i in range(len(parts))]:
            raise ModelError("the chat template of the model loses messages", hint="Choose another model for this role")
        for at, text in enumerate(written):
            if at % 2:
                yield parts[int(text)], False
            elif text:
                yield text, True

    def _rendered(self, turns: Sequence[_Turn]) -> str:
        """Return the chat rendered in the first form that the template accepts."""
        # Some model families have no system turn; then its text goes before that of the user. The templates of some
        # vision-language models accept only lists as content.
        ways = [[turn.plain() for turn in told] for told in (turns, _without_system(turns))]
        ways.append([turn.listed() for turn in turns])
        fault, rendered = "", ""
        for way in ways:
            try:
                rendered = self.render(way)
            except (TemplateError, TypeError) as error:  # such as a text added to a list
                fault = fault or str(error)
                continue
            if len(_PLACEHOLDERS.findall(rendered)) == sum(len(_PLACEHOLDERS.findall(turn.content)) for turn in turns):
                return rendered
        if fault and not rendered:
            raise ModelError(f"the chat template of the model refuses the messages ({fault})")
        return rendered

    def render(self, messages: Sequence[dict[str, Any]]) -> str:
        """Return messages in the template's form rendered up to where the answer begins."""
        # An answer that follows a schema cannot contain reasoning, so it is disabled for models that reason.
        return self._template.render(messages=messages, add_generation_prompt=True, enable_thinking=False)


@dataclass(frozen=True)
class _Turn:
    """A message in the form that is passed to the template, with placeholders for its parts."""

    role: str
    content: str

    def plain(self) -> dict[str, Any]:
        return {"role": self.role, "content": self.content}

    def listed(self) -> dict[str, Any]:
        return {"role": self.role, "content": [{"type": "text", "text": self.content}]}


def _blanks(messages: Sequence[Message]) -> tuple[list[_Turn], list[ContentPart]]:
    """Return the messages with placeholders for their contents, and the parts that the placeholders stand for."""
    turns: list[_Turn] = []
    parts: list[ContentPart] = []
    for message in messages:
        at = len(parts)
        parts += _trimmed(message.parts)
        turns.append(_Turn(message.role, "".join(_PLACEHOLDER.format(i) for i in range(at, len(parts)))))
    return turns, parts


def _trimmed(parts: Sequence[ContentPart]) -> list[ContentPart]:
    """Return the parts of a content without surrounding white space, which most templates would strip."""
    out = list(parts)
    if isinstance(out[0], str):
        out[0] = out[0].lstrip()
    if isinstance(out[-1], str):
        out[-1] = out[-1].rstrip()
    return out


def _fail(message: str) -> None:
    raise TemplateError(message)


def _without_system(turns: Sequence[_Turn]) -> Sequence[_Turn]:
    """Return the turns with a leading system turn merged into the user's turn after it."""
    match list(turns):
        case [_Turn(role="system", content=rules), _Turn(role="user", content=words), *rest]:
            return [_Turn("user", f"{rules}\n\n{words}"), *rest]
        case _:
            return turns
