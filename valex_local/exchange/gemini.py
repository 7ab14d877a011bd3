"""Read answers of Gemini: a response, a line of a batch, or a saved prompt of AI Studio.

Fields are named as in the REST interface (``finishReason``) or as in its Python library (``finish_reason``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from valex_local.files.text import load_json
from valex_local.posts.discover import SUFFIXES
from valex_local.posts.ids import post_key

_NUMBERED = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
"""Finish reasons by the numbers that older libraries write."""

_UPLOAD = re.compile(r"/files/[\w-]+$")
"""End of the URI of an upload to the Files API, a token that says nothing about the file."""

_RESPONSE = ("candidates", "promptFeedback", "usageMetadata", "modelVersion", "choices")
_PAYLOADS = ("response", "prediction", "output")
"""Fields of a line of a batch that contain the response."""

_FINISHED = {"LENGTH": "MAX_TOKENS", "CONTENT_FILTER": "SAFETY", "END_TURN": "STOP"}
"""Finish reasons of interfaces modelled on OpenAI's, by the names that Gemini has for them."""


class ResponseStatus(StrEnum):
    """Whether a response contains a complete script."""

    WHOLE = "whole"
    CUT = "cut"  # truncated at the maximum length
    REFUSED = "refused"  # blocked by a filter, or the service failed
    EMPTY = "empty"
    UNREADABLE = "unreadable"  # not an answer of a known format


@dataclass(frozen=True)
class GeminiResponse:
    """A response of Gemini.

    Attributes
    ----------
    text : str
        The text, its parts joined, without the model's thoughts.
    status : ResponseStatus
        Whether it is complete.
    reason : str
        Why it is not complete.
    model : str or None
        The model, as named by the service.
    names : tuple of str
        Names of the video, the most reliable first: URIs of files in the request and the key of the line.
    """

    text: str = ""
    status: ResponseStatus = ResponseStatus.WHOLE
    reason: str = ""
    model: str | None = None
    names: tuple[str, ...] = ()


def is_studio_save(item: Mapping[str, Any]) -> bool:
    """Whether an object is a saved prompt of AI Studio."""
    return "chunkedPrompt" in item


def is_batch_line(item: Mapping[str, Any]) -> bool:
    """Whether an object is a line of a batch."""
    keyed = any(isinstance(item.get(name), str) for name in ("key", "custom_id")) and "error" in item
    return keyed or any(name in item for name in ("request", *_PAYLOADS))


def is_response(item: Mapping[str, Any]) -> bool:
    """Whether an object is the response to one request."""
    return any(field_of(item, name) is not None for name in _RESPONSE)


def is_finished(response: Mapping[str, Any]) -> bool:
    """Whether a response says why it ends."""
    return bool(_reason(field_of(_first(response), "finishReason")))


def text_of(response: Mapping[str, Any]) -> str:
    """Return the text of the first candidate, without thoughts."""
    first = _first(response)
    message = field_of(first, "message") or field_of(first, "delta")
    if message is None:
        return _joined(field_of(first, "content")) or _text(field_of(first, "text"))
    content = field_of(message, "content")
    return _text(content) or "".join(_text(field_of(part, "text")) for part in _list(content))


def read_response(response: Mapping[str, Any]) -> GeminiResponse:
    """Return the answer in a response of ``generateContent``; of several candidates the first."""
    return read_stream([response])


def read_stream(chunks: Sequence[Mapping[str, Any]]) -> GeminiResponse:
    """Return the answer in the chunks of a stream: their texts joined, and the first reason that is not STOP."""
    text = "".join(map(text_of, chunks))
    blocked = [_reason(field_of(field_of(chunk, "promptFeedback"), "blockReason")) for chunk in chunks]
    stopped = [_reason(field_of(_first(chunk), "finishReason")) for chunk in chunks]
    errors = [chunk["error"] for chunk in chunks if chunk.get("error")]
    if errors:
        return failed(message_of(errors[0]))
    unusual = [reason for reason in stopped if reason not in ("", "STOP")]
    status, reason = _status(text, blocked="".join(blocked[:1]) or max(blocked), stopped=(unusual or stopped[-1:])[0])
    if len(chunks) > 1 and not any(stopped) and status is ResponseStatus.WHOLE:
        status, reason = ResponseStatus.CUT, "the stream has no end"
    models = [_text(field_of(chunk, "modelVersion")) or _text(chunk.get("model")) for chunk in chunks]
    return GeminiResponse(text, status, reason, max(models) or None, _files(chunks[0]))


def read_batch_line(line: Any) -> GeminiResponse:
    """Return the answer in a line of a batch, which has a request and a response or an error."""
    if not isinstance(line, Mapping):
        return unreadable("this is JSON, but not an object")
    names = _files(line.get("request"))
    keys = (line.get("key"), line.get("custom_id"), field_of(line.get("metadata"), "key"))
    if key := next((key for key in keys if isinstance(key, str)), ""):
        only_tokens = all(_UPLOAD.search(name) and post_key(name) is None for name in names)
        names = (key, *names) if only_tokens else (*names, key)
    answer = _payload(next((line[name] for name in _PAYLOADS if line.get(name)), None))
    if answer is None:
        problem = line.get("status") or line.get("error")
        if problem:
            answer = failed(message_of(problem))
        else:
            answer = GeminiResponse("", ResponseStatus.EMPTY, "the request has no response")
    return replace(answer, names=names)


def _payload(payload: Any) -> GeminiResponse | None:
    """Return the answer in the response of a line, which may be JSON in a string, chunks, or wrapped; None if empty."""
    for _ in range(4):
        if isinstance(payload, str) and payload.lstrip()[:1] in ("{", "["):
            try:
                payload = load_json(payload)
            except ValueError as error:
                return unreadable(f"the response is not valid JSON ({error})")
        inner = None
        if isinstance(payload, Mapping) and not is_response(payload):
            inner = payload.get("body") or payload.get("response")
        if inner is None:
            break
        payload = inner
    return _content(payload) if payload else None


def _content(payload: Any) -> GeminiResponse:
    """Return the answer in a response without wrappers."""
    if isinstance(payload, str):
        return GeminiResponse(payload, *_status(payload, blocked="", stopped=""))
    chunks = payload if isinstance(payload, list) else [payload]
    if all(isinstance(chunk, Mapping) and is_response(chunk) for chunk in chunks):
        return read_stream(chunks)
    if isinstance(payload, Mapping) and payload.get("error"):
        return failed(message_of(payload["error"]))
    fields = f"the fields {', '.join(map(str, list(payload)[:3]))}" if isinstance(payload, Mapping) else "no object"
    return unreadable(f"the response is in an unknown format (it has {fields})")


def failed(message: str) -> GeminiResponse:
    """Return the answer that is the error of a service."""
    short = " ".join(message.split())[:200]
    return GeminiResponse("", ResponseStatus.REFUSED, f"the service reported an error: {short}")


def unreadable(reason: str) -> GeminiResponse:
    """Return the answer that could not be read."""
    return GeminiResponse("", ResponseStatus.UNREADABLE, reason)


def message_of(problem: Any) -> str:
    """Return what an error says."""
    return _text(field_of(problem, "message")) or str(problem)


def _first(response: Any) -> Any:
    """Return the first candidate of a response, by whichever name it has; None if there is none."""
    candidates = _list(field_of(response, "candidates")) or _list(field_of(response, "choices"))
    return candidates[0] if candidates else None


def read_studio_save(save: Mapping[str, Any]) -> GeminiResponse:
    """Return the answer in a saved prompt of AI Studio: the last turn of the model that is not a thought."""
    model = _text(field_of(save.get("runSettings"), "model")) or None
    chunks = _list(field_of(save.get("chunkedPrompt"), "chunks"))
    turns = [chunk for chunk in chunks if field_of(chunk, "role") == "model"]
    answers = [chunk for chunk in turns if not field_of(chunk, "isThought")]
    if not answers:
        return GeminiResponse("", ResponseStatus.EMPTY, "the model has not answered", model)
    *earlier, last = answers
    text = _text(field_of(last, "text")) or _joined(last)
    status, reason = _status(text, blocked="", stopped=_reason(field_of(last, "finishReason")))
    if status is ResponseStatus.WHOLE and any(_reason(field_of(t, "finishReason")) == "MAX_TOKENS" for t in earlier):
        status, reason = ResponseStatus.CUT, "an earlier turn was cut; only the last was read"
    return GeminiResponse(text, status, reason, model)


def _status(text: str, *, blocked: str, stopped: str) -> tuple[ResponseStatus, str]:
    cut = stopped == "MAX_TOKENS"
    if blocked:
        return ResponseStatus.REFUSED, f"the request was blocked: {blocked}"
    if stopped not in ("", "STOP") and not cut:
        return ResponseStatus.REFUSED, f"the answer was stopped: {stopped}"
    if not text.strip():
        return ResponseStatus.EMPTY, "the answer contains no text" + (f" ({stopped})" if cut else "")
    # Records of imported scripts contain this reason: another wording would replace them, and drop their labels.
    return (ResponseStatus.CUT, f"cut by the limit of length ({stopped})") if cut else (ResponseStatus.WHOLE, "")


def _reason(given: Any) -> str:
    """Return a reason as spelled in the REST interface; "" for none."""
    if isinstance(given, int):
        return _NUMBERED.get(given, f"number {given}") if given else ""
    reason = _text(given).rpartition(".")[2].upper() if given else ""
    return "" if reason.endswith("UNSPECIFIED") else _FINISHED.get(reason, reason)


def _joined(content: Any) -> str:
    """Return the text of all parts that are not thoughts."""
    parts = (part for part in _list(field_of(content, "parts")) if not field_of(part, "thought"))
    return "".join(_text(field_of(part, "text")) for part in parts)


# --- the video a request is about -----------------------------------------------------------------------------------


def _files(request: Any) -> tuple[str, ...]:
    """Return the URI of the only video in a request, or of its only file; nothing if there are several."""
    files = dict(_attached(request))
    found = [uri for uri, is_video in files.items() if is_video] or list(files)
    return tuple(found) if len(found) == 1 else ()


def _attached(request: Any) -> Iterator[tuple[str, bool]]:
    """Yield the URI of each file in a request, and whether it is a video."""
    for content in _list(field_of(request, "contents")):
        for part in _list(field_of(content, "parts")):
            data = field_of(part, "fileData")
            uri = re.split("[?#]", _text(field_of(data, "fileUri")))[0].strip()
            if uri:
                kind = _text(field_of(data, "mimeType"))
                yield uri, kind.startswith("video/") or PurePosixPath(uri).suffix.lower() in SUFFIXES


# --- plain JSON -----------------------------------------------------------------------------------------------------


def field_of(item: Any, name: str) -> Any:
    """Return a field by either of its spellings; None if there is none, or if `item` is not an object."""
    if not isinstance(item, Mapping):
        return None
    found = item.get(name)
    return item.get(re.sub("([A-Z])", r"_\1", name).lower()) if found is None else found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
