"""Find the answers in a JSON document of a service, whatever it is wrapped in.

An answer is a response, a line of a batch, or a saved prompt. Around it there may be an operation, a batch with inlined
responses, a list, chunks of a stream, or a JSON string. What is none of these is named with the fields it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valex_local.errors import InputError
from valex_local.exchange import gemini
from valex_local.exchange.gemini import GeminiResponse, field_of
from valex_local.files.text import load_json

MOST_WRAPPERS = 8
"""Maximum number of wrappers around an answer."""

_WRAPPERS = ("response", "dest", "output", "result", "batch", "body")
_INLINED = "inlinedResponses"
_PRINTED = re.compile(
    r"\s*(?:response\s*[:=]\s*)?(?:sdk_http_response=|candidates\s*(?:\{|=\s*\[)"
    r"|(?:\w+\.)*(?:GenerateContentResponse|ChatCompletion|ModelResponse|Candidate|HttpResponse|Response)\("
    r"|\{\s*'|\[\s*\{\s*'|\[?\w+\(\w+=|b(?:'[^']|\"[^\"])|content=(?:'|\"|\[)|<[\w.]+(?: \w+)* (?:object|at 0x)"
    r"|<coroutine object)"
)
"""How Python prints a response, a part of one, bytes, a dictionary or an object."""
_NOTHING = re.compile(r"\s*(?:None|null|undefined|nan)\s*", re.IGNORECASE)
_HTML = re.compile(
    r"\s*(?:<!doctype html|<html|<\?xml|<(?:body|head|p|div|script|tt)[\s>].*>\s*\Z)", re.IGNORECASE | re.DOTALL
)
_OTHER_SUBTITLES = re.compile(r"\s*(?:\[Script Info\]|\{\d+\}\{\d+\}|\[(?:ti|ar):[^\]]*\])", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_STATES = (
    "RESOURCE_EXHAUSTED|DEADLINE_EXCEEDED|INVALID_ARGUMENT|PERMISSION_DENIED|FAILED_PRECONDITION|UNAUTHENTICATED"
    "|UNAVAILABLE|INTERNAL|NOT_FOUND|CANCELLED"
)
_FAILED = re.compile(
    rf"\s*(?:Traceback \(most recent call last\)|(?:[a-z_]\w*\.)+\w+(?:Error|Exception|Exhausted|Unavailable)\b"
    rf"|(?:(?:Client|Server|API|Http)\w*Error:?|Error code:|Error:?|HTTP/?[0-9.]*)?\s*[45][0-9][0-9]:?\s+"
    rf"(?:{_STATES}|Service Unavailable|Too Many Requests|Internal Server Error|Bad Gateway|Gateway Time-?out"
    rf"|Bad Request|Forbidden|Unauthorized|Resource has been exhausted)\b|Error code: [45][0-9][0-9]\b"
    rf"|(?:{_STATES})\s*(?:[:.]|$)|curl: \(\d+\)|Error: [^\n]*\s*$)"
)


@dataclass(frozen=True)
class Found:
    """An answer in a document: its place there, its shape, and the answer; or why there is none."""

    place: str
    shape: str
    answer: GeminiResponse


def answers(items: Sequence[tuple[str, Any]]) -> Iterator[Found]:
    """Yield the answers among the items of a file, each with its place in it.

    Parameters
    ----------
    items : sequence of (str, Any)
        The place of each item in the file, "" if it is all of it, and its data; an exception stands for invalid JSON.

    Yields
    ------
    Found
        An answer; one with the status ``unreadable`` says what was found instead.
    """
    if len(items) > 1 and _is_stream([item for _, item in items]):
        yield Found("", "response", gemini.read_stream([item for _, item in items]))
        return
    for place, item in items:
        # The name of a file that holds one item is the name of that item.
        yield from _unwrapped(item, place if len(items) > 1 else "", 0)


def not_a_script(text: str) -> GeminiResponse | None:
    """Return what a text is if it is a printed response or the error of a service; None for others."""
    if _PRINTED.match(text):
        stopped = re.search(r"finish_?reason\W{1,5}(?:\w*FinishReason\.)?([A-Z_]{3,})", text, re.IGNORECASE)
        reason = f" (finish reason: {stopped[1]})" if stopped else ""
        return gemini.unreadable(f"this is a printed response{reason}; save its JSON instead")
    if _NOTHING.fullmatch(text):
        return gemini.GeminiResponse("", gemini.ResponseStatus.EMPTY, f"it only says {text.strip()}")
    if _OTHER_SUBTITLES.match(text):
        return gemini.unreadable("these are subtitles in another format; save them as SRT or WebVTT")
    if _HTML.match(text):
        title = _TITLE.search(text)
        return gemini.failed(title[1] if title and title[1].strip() else "a page of HTML instead of an answer")
    if _FAILED.match(text):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return gemini.failed(lines[-1] if lines[0].startswith("Traceback") else lines[0])
    return None


def _unwrapped(item: Any, place: str, depth: int) -> Iterator[Found]:
    if depth > MOST_WRAPPERS:
        yield Found(place, "response", gemini.unreadable("this is JSON in too many wrappers"))
        return
    if isinstance(item, str) and item.lstrip()[:1] in ("{", "["):
        try:
            item = load_json(item)
        except ValueError as error:
            yield Found(place, "response", gemini.unreadable(f"this is not valid JSON ({error})"))
            return
    if isinstance(item, list):
        yield from _from_list(item, place, depth)
    elif (inlined := _inlined(item)) is not None:
        for at, one in enumerate(inlined, 1):
            yield Found(f"{place}, response {at}".removeprefix(", "), *_read(one, batch=True))
    elif isinstance(item, Mapping) and _is_operation(item):
        yield Found(place, "batch", _unfinished(item))
    else:
        yield Found(place, *_read(item))


def _from_list(items: list[Any], place: str, depth: int) -> Iterator[Found]:
    """Yield the answers in a list that was a JSON string or an item of a list."""
    if not items:
        yield Found(place, "response", gemini.unreadable("this is JSON without content"))
    elif len(items) > 1 and _is_stream(items):
        yield Found(place, "response", gemini.read_stream(items))
    else:
        for at, one in enumerate(items, 1):
            spot = place if len(items) == 1 else f"{place}, item {at}".removeprefix(", ")
            yield from _unwrapped(one, spot, depth + 1)


def _unfinished(operation: Mapping[str, Any]) -> GeminiResponse:
    """Return the answer in the state of an operation without responses."""
    if operation.get("error"):
        return gemini.failed(gemini.message_of(operation["error"]))
    state = field_of(operation.get("metadata"), "state") or operation.get("state") or "unknown"
    return gemini.unreadable(f"this is a batch without responses (state: {state})")


def _read(item: Any, *, batch: bool = False) -> tuple[str, GeminiResponse]:
    """Return the shape and the answer of an object without wrappers."""
    if isinstance(item, ValueError):
        return "response", gemini.unreadable(f"this is not valid JSON ({item})")
    if not isinstance(item, Mapping):
        return "response", gemini.unreadable("this is JSON, but not an object")
    if gemini.is_studio_save(item):
        return "ai-studio", gemini.read_studio_save(item)
    if batch or gemini.is_batch_line(item):
        return "batch", gemini.read_batch_line(item)
    if gemini.is_response(item):
        return "response", gemini.read_response(item)
    if item.get("error"):
        return "response", gemini.failed(gemini.message_of(item["error"]))
    return "response", gemini.unreadable(
        f"this is JSON in an unknown format (it starts with {', '.join(list(item)[:3]) or 'nothing'})"
    )


def _inlined(item: Any) -> list[Any] | None:
    """Return the inlined responses in the state of a batch; None if there are none."""
    for _ in range(MOST_WRAPPERS):
        if not isinstance(item, Mapping):
            return None
        found = field_of(item, _INLINED)
        if isinstance(found, list):
            return found
        if isinstance(found, Mapping):
            item = found
            continue
        item = next((item[key] for key in _WRAPPERS if isinstance(item.get(key), Mapping)), None)
    return None


def _is_operation(item: Mapping[str, Any]) -> bool:
    """Whether an object is the state of a batch or of another long operation."""
    name = item.get("name")
    if not isinstance(name, str) or "candidates" in item:
        return False
    return "done" in item or name.startswith(("batches/", "operations/", "projects/"))


def _is_stream(items: Sequence[Any]) -> bool:
    """Whether items are chunks of one answer: of one response id, or none finished but the last that has a reason."""
    chunks = [item for item in items if isinstance(item, Mapping)]
    if len(chunks) < len(items) or not all(gemini.is_response(c) and not gemini.is_batch_line(c) for c in chunks):
        return False
    ids = {field_of(chunk, "responseId") or chunk.get("id") for chunk in chunks}
    if len(ids) == 1 and None not in ids:
        return True
    finished = [gemini.is_finished(chunk) for chunk in chunks]
    return len(ids) == 1 and sum(finished) <= 1 and any(gemini.text_of(chunk) for chunk in chunks)


def sse_items(text: str) -> list[tuple[str, Any]] | None:
    """Return the data of server-sent events, each with its place; None if a text is something else."""
    lines = [(at, line.strip()) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines or not any(re.match(r"data:\s*[{\[]", line) for _, line in lines[:3]):
        return None
    items: list[tuple[str, Any]] = []
    for at, line in lines:
        if not line.startswith("data:") or line.removeprefix("data:").strip() == "[DONE]":
            continue
        try:
            items.append((f"line {at}", load_json(line.removeprefix("data:"))))
        except ValueError as error:
            items.append((f"line {at}", error))
    if any(isinstance(item, ValueError) for _, item in items):
        raise InputError("this is a stream of events, of which some are not valid JSON")
    return [("", items[0][1])] if len(items) == 1 else items
