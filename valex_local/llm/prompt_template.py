"""Prompt files: Jinja templates with named blocks, which a lab can replace by its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from valex_local.errors import ConfigError


class PromptFile:
    """A prompt file.

    Parameters
    ----------
    path : Path
        Its text, UTF-8.
    blocks : sequence of str
        The blocks it must hold.

    Raises
    ------
    ConfigError
        The file cannot be read, is no Jinja template or lacks a block.
    """

    def __init__(self, path: Path, blocks: Sequence[str]) -> None:
        self._path = path
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
        try:
            self._template = environment.from_string(path.read_text("utf-8"))
        except TemplateSyntaxError as error:
            raise ConfigError(f"line {error.lineno} of the prompt: {error.message}", path=path) from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the prompt cannot be read ({error})", path=path) from error
        missing = [name for name in blocks if name not in self._template.blocks]
        if missing:
            hint = "It must hold " + " and ".join(f"{{% block {name} %}}…{{% endblock %}}" for name in blocks)
            raise ConfigError(f"the prompt lacks the block {missing[0]}", path=path, hint=hint)

    def block(self, name: str, facts: Mapping[str, Any]) -> str:
        """Render a block.

        Raises
        ------
        ConfigError
            The block uses a name that is not there, or reckons with what cannot be reckoned with.
        """
        try:
            return "".join(self._template.blocks[name](self._template.new_context(dict(facts)))).strip()
        except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise ConfigError(f"block {name} of the prompt: {error}", path=self._path) from error


def quoted(text: str) -> str:
    """Return a text as a JSON string on one line: no text ends its own quotation or begins a line of the prompt."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
