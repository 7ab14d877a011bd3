"""Write docs/settings.md, a table of every setting, from the schema in valex_local/settings.py.

    python scripts/make_settings_reference.py
    python scripts/make_settings_reference.py --check

`--check` writes nothing and fails when the page is not what it would write; a test does the same.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from valex_local.settings import Section, Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every setting, its default and its bounds. `scripts/make_settings_reference.py` writes this page; do not edit it.

In a file for `--config`, in a profile and in `study.toml`, a section is a table: `[ocr]`, `[script.llm]`. On the
command line `--set ocr.fps=2` changes one setting. A setting without a default may be left out.
"""
NAMES = {
    "str": "text",
    "bool": "true or false",
    "int": "whole number",
    "float": "number",
    "Path": "path",
    "date": "date",
}
BOUNDS = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}


def reference() -> str:
    """Return the page."""
    return "\n".join([HEAD, *sections(Settings, "")])


def sections(section: type[Section], name: str) -> Iterator[str]:
    """Yield the table of a section, then those of the sections in it."""
    fields = {key: field for key, field in section.model_fields.items() if not _is_section(field.annotation)}
    if fields:
        yield f"## {name or 'Of the study'}\n\n{inspect.getdoc(section)}\n"
        yield "| setting | value | default | |\n|---|---|---|---|"
        yield "\n".join(_row(f"{name}.{key}" if name else key, field) for key, field in fields.items()) + "\n"
    for key, field in section.model_fields.items():
        if _is_section(field.annotation):
            yield from sections(field.annotation, f"{name}.{key}" if name else key)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _row(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    shown = "" if default is None else f"`{json.dumps(default)}`"
    return f"| `{name}` | {_kind(field.annotation)}{_bounds(field)} | {shown} | {field.description or ''} |"


def _kind(kind: Any) -> str:
    """Return the kind of a setting's values in words."""
    parts = [part for part in get_args(kind) if part not in (type(None), ...)]
    if get_origin(kind) is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if get_origin(kind) is tuple:
        return f"list of {_kind(parts[0])}"
    if _is_section(kind):
        return "tables"
    if get_origin(kind) is dict:
        return "table"
    return _kind(parts[0]) if parts else NAMES[kind.__name__]


def _bounds(field: FieldInfo) -> str:
    limits = {key: getattr(limit, key) for limit in field.metadata for key in BOUNDS if hasattr(limit, key)}
    words = (f"{word} {limits[key]}" for key, word in BOUNDS.items() if key in limits)
    shown = (" and " if "lt" in limits else " ").join(words)
    return f" {shown}" if shown else ""


def main() -> None:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is out of date")
    if not parser.parse_args().check:
        PAGE.write_text(reference(), "utf-8")
    elif not PAGE.is_file() or PAGE.read_text("utf-8") != reference():
        sys.exit(f"{PAGE} is not what the schema says; run: python scripts/make_settings_reference.py")


if __name__ == "__main__":
    main()
