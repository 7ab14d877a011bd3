"""Read times as people and models write them: ``0:05``, ``1:02:03``, ``00:00:05,500``, ``12s``, ``0m16s-0m18s``."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_FRACTION = r"(?:[.,][0-9]{1,3})?"
_CLOCK = (
    rf"(?:[0-9]{{1,2}}:[0-5]?[0-9]:[0-5][0-9][:;][0-9]{{2}}|"
    rf"(?:[0-9]{{1,2}}:)?[0-9]{{1,4}}:[0-5][0-9](?:{_FRACTION}|:[0-9]{{3}}))(?!:?[0-9])"
)
_LETTERS = (
    r"(?:[0-9]{1,2}\s?h(?:ours?)?\s?)?(?:[0-9]{1,3}\s?m(?:in(?:utes?)?)?\s?)?"
    rf"[0-9]{{1,4}}{_FRACTION}\s?(?:s|secs?|seconds?)\b"
)
_NUMBER = r"[0-9]{1,4}\.[0-9]{1,3}"
_TO = r"\s*(?:-->|->|→|[-–—−~/|]|\.{2,3}|…|(?:to|until|till|bis|à|a|hasta|até|до)\b)\s*"
_BARE_END = rf"[0-9]{{1,4}}{_FRACTION}"

CLOCKS = rf"{_CLOCK}(?:{_TO}{_CLOCK})?"
"""Pattern of a time or span with colons."""

_POINT = re.compile(
    r"(?:(?:(?P<h>[0-9]{1,2}):)?(?P<m>[0-9]{1,4}):(?P<s>[0-5][0-9](?:[.,][0-9]{1,3})?)(?::(?P<ms>[0-9]{3})|[:;][0-9]{2})?"
    r"|(?:(?P<lh>[0-9]{1,2})\s?h[a-z]*\s?)?(?:(?P<lm>[0-9]{1,3})\s?m[a-z]*\s?)?"
    r"(?P<ls>[0-9]{1,4}(?:[.,][0-9]{1,3})?)\s?(?:s[a-z]*)?)"
)
SPAN = re.compile(
    rf"(?P<from>{_CLOCK}|{_LETTERS})(?:{_TO}(?P<to>{_CLOCK}|{_LETTERS}))?"
    rf"|(?P<from2>{_BARE_END}){_TO}(?P<to2>{_LETTERS})|(?P<from3>{_NUMBER}){_TO}(?P<to3>{_NUMBER})",
    re.IGNORECASE,
)
"""A time or a span of two; what stands in brackets is a time if it matches as a whole."""


_BEFORE = re.compile(
    r"(?:at|from|from about|about|approx\.?|ca\.?|c\.|circa|um|bei|vers|@|~|≈|"
    r"(?:t|start|starts|starting|start time|begin|time|timestamp|timecode|tc|zeit)(?:\s*at)?\s*[:=]?)\s*(?=[0-9])",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?<=[0-9])\s?(?:s|secs?|seconds?|sek\.?|sekunden?|segundos?|secondes?|min\.?|\+|h)(?![a-z])", re.IGNORECASE
)
_ABOUT_TIME = re.compile(
    rf"(?:{_BEFORE.pattern})?[0-9](?:[0-9:;.,'\"\s/|–—−~>→…-]|"
    r"(?<![a-z])(?:to|until|till|bis|à|a|hasta|até|до|h|m|min|s|secs?|sek)(?![a-z]))*",
    re.IGNORECASE,
)


def plain_time(text: str) -> str:
    """Return what stands in brackets without words that only say that it is a time: ``at 0:05``, ``0:05s - 0:07s``."""
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = "".join(str(unicodedata.decimal(char, char)) for char in plain)
    plain = _BEFORE.sub("", plain, count=1) if _BEFORE.match(plain) else plain
    return _AFTER.sub("", plain).strip() if ":" in plain else re.sub(r"(?i)(?<=[0-9])\s?sek(?:unden?|\.)?$", "s", plain)


def is_about_time(text: str) -> bool:
    """Whether a text says nothing but a time, also one that cannot be understood, such as ``[0'05"]`` or ``[2-4]``."""
    return _ABOUT_TIME.fullmatch(unicodedata.normalize("NFKC", text).strip()) is not None


def seconds(text: str) -> float | None:
    """Return a single time in seconds; None if the text is not one."""
    found = _POINT.fullmatch(text.strip().lower())
    if found is None:
        return None
    hours, minutes, rest = (found["h"], found["m"], found["s"]) if found["s"] else found.group("lh", "lm", "ls")
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest.replace(",", "."))
    return round(whole + int(found["ms"] or 0) / 1000, 3)


def span(text: str) -> tuple[float, float | None] | None:
    """Return start and end of a time or span, in seconds; None if the text is none, or ends before it starts."""
    found = SPAN.fullmatch(text.strip()) or SPAN.fullmatch(plain_time(text))
    if found is None:
        return None
    first = seconds(found["from"] or found["from2"] or found["from3"])
    second = found["to"] or found["to2"] or found["to3"]
    last = None if second is None else seconds(second)
    if first is None or (last is not None and last < first):
        return None
    return first, last


def span_of_value(value: Any) -> tuple[float, float | None] | None:
    """Return start and end of a time in JSON: a number of seconds, or text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        plain = value.strip().strip("[]()")
        if (found := span(plain)) is not None:
            return found
        single = seconds(plain)
        return None if single is None else (single, None)
    return (round(float(value), 3), None) if 0 <= value < 1e6 else None
