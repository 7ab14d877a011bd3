"""Prompt files: Jinja templates with named blocks, which a lab can replace with its own."""

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
        The file, in UTF-8.
    blocks : sequence of str
        The blocks it must contain.

    Raises
    ------
    ConfigError
        The file cannot be read, is not a Jinja template or lacks a block.
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
            hint = "It must contain " + " and ".join(f"{{% block {name} %}}…{{% endblock %}}" for name in blocks)
            raise ConfigError(f"the prompt lacks the block {missing[0]}", path=path, hint=hint)

    def has(self, *names: str) -> bool:
        """Whether it contains all of these blocks."""
        return all(name in self._template.blocks for name in names)

    def block(self, name: str, facts: Mapping[str, Any]) -> str:
        """Return a block, rendered.

        Raises
        ------
        ConfigError
            The block uses an unknown name, or an expression in it fails.
        """
        try:
            return "".join(self._template.blocks[name](self._template.new_context(dict(facts)))).strip()
        except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise ConfigError(f"block {name} of the prompt: {error}", path=self._path) from error


def quoted(text: str) -> str:
    """Return a text as a JSON string on one line, so that it cannot end its quotation or begin a line of the prompt."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
