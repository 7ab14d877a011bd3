"""Messages about invalid files, options and settings."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

MOST = 5
"""Maximum number of faults that a message lists; more are counted."""

_LONGEST = 60
"""Maximum length of an invalid value in a message, in characters."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar to `name`, or None if none is similar."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.5)), None)


def explain(
    kind: type[BaseModel], error: ValidationError, *, noun: str = "key", data: Any = None, values: bool = True
) -> str:
    """Return a description of a pydantic error in which keys are named as the user wrote them.

    Parameters
    ----------
    kind : type of BaseModel
        The model of the data.
    error : ValidationError
        The error that pydantic raised.
    noun : str
        The word for an unknown key in the message, which also suggests the most similar known one.
    data : object, optional
        The data. If given, list entries with a ``name`` are referred to by it, others by their number.
    values : bool
        Whether to show invalid values; False for files with texts of posts.

    Returns
    -------
    str
        Clauses separated by semicolons.
    """
    faults = error.errors()
    clauses = [_clause(kind, fault, noun, data, values) for fault in faults[:MOST]]
    return "; ".join([*clauses, *([f"{len(faults) - MOST} more faults"] if len(faults) > MOST else [])])


def _clause(kind: type[BaseModel], fault: Any, noun: str, data: Any, values: bool) -> str:
    of_key = "[key]" in fault["loc"]
    loc = [part for part in fault["loc"] if part != "[key]"]
    entry, rest = _entry(loc, data)
    key = ".".join(map(str, rest))
    match fault["type"]:
        case "extra_forbidden":
            return f"{entry}unknown {noun} {key}; {_known(str(loc[-1]), _names(_at(kind, loc[:-1])), rest)}"
        case "enum" if of_key:
            return f"{entry}unknown {noun} {key}; {_known(str(loc[-1]), _names(_at(kind, loc[:-1])), rest)}"
        case "missing":
            return f"{entry}{key} is missing"
        case "json_invalid":
            return f"this is not valid JSON ({fault['ctx']['error']})"
    value = fault["input"]
    got = f" (got {_short(value)})" if values and isinstance(value, str | int | float) else ""
    return f"{entry}{f'{key}: ' if key else ''}{fault['msg'].removeprefix('Value error, ')}{got}"


def _short(value: str | float) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _entry(loc: Sequence[Any], data: Any) -> tuple[str, Sequence[Any]]:
    """Return the name of the last list entry on the path to a fault, and the path from there."""
    called, rest, here = "", loc, data
    for depth, part in enumerate(loc, 1):
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(part, int) and isinstance(here, Mapping):
            name = here.get("name")
            where = ".".join(str(p) for p in loc[: depth - 1] if not isinstance(p, int))
            called, rest = f"{where} {f'number {part + 1}' if name is None else repr(name)}: ", loc[depth:]
    return called, rest


def _known(name: str, known: Sequence[str], way: Sequence[Any]) -> str:
    near = nearest(name, known)
    above = "".join(f"{part}." for part in way[:-1])
    return f"did you mean {above}{near}?" if near else f"expected one of {', '.join(known)}"


def _at(kind: Any, loc: Sequence[Any]) -> Any:
    """Return the type at a path in a model, or None if that is not clear."""
    for part in loc:
        kind = _plain(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = None if field is None else field.annotation
        else:
            kind = next(iter(get_args(kind)[-1:] if get_origin(kind) is dict else get_args(kind)), None)
    return _plain(kind)


def _plain(kind: Any) -> Any:
    """Return a type without annotations and, for a union, its first member that is not None."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _plain(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return _plain(next(each for each in get_args(kind) if each is not type(None)))
    return kind


def _names(kind: Any) -> list[str]:
    """Return the possible keys of a model, or of a mapping whose keys are an enumeration."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    keys = _plain(get_args(kind)[0]) if get_origin(kind) is dict else None
    return [str(key.value) for key in keys] if isinstance(keys, type) and issubclass(keys, Enum) else []
