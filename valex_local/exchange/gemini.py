"""Read answers of Gemini: a response, a line of a batch, or a saved prompt of AI Studio.

Fields are named as in the REST interface (``finishReason``) or as in its Python library (``finish_reason``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from valex_local.posts.discover import SUFFIXES
from valex_local.posts.ids import post_key

_NUMBERED = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
"""Finish reasons by the numbers that older libraries write."""

_UPLOAD = re.compile(r"/files/[\w-]+$")
"""End of the URI of an upload to the Files API, a token that says nothing about the file."""

_RESPONSE = ("candidates", "promptFeedback", "usageMetadata", "modelVersion")


class ResponseStatus(StrEnum):
    """Whether a response contains a complete script."""

    WHOLE = "whole"
    CUT = "cut"  # truncated at the maximum length
    REFUSED = "refused"  # blocked by a filter, or the service failed
    EMPTY = "empty"


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
    return "request" in item or "response" in item


def is_response(item: Mapping[str, Any]) -> bool:
    """Whether an object is the response to one request."""
    return any(_field(item, name) is not None for name in _RESPONSE)


def read_response(response: Mapping[str, Any]) -> GeminiResponse:
    """Return the answer in a response of ``generateContent``; of several candidates the first."""
    candidates = _list(_field(response, "candidates"))
    first = candidates[0] if candidates else None
    text = _joined(_field(first, "content"))
    status, reason = _status(
        text,
        blocked=_reason(_field(_field(response, "promptFeedback"), "blockReason")),
        stopped=_reason(_field(first, "finishReason")),
    )
    return GeminiResponse(text, status, reason, _text(_field(response, "modelVersion")) or None, _files(response))


def read_batch_line(line: Mapping[str, Any]) -> GeminiResponse:
    """Return the answer in a line of a batch, which has a request and a response or an error."""
    names = _files(line.get("request"))
    if isinstance(key := line.get("key"), str):
        only_tokens = all(_UPLOAD.search(name) and post_key(name) is None for name in names)
        names = (key, *names) if only_tokens else (*names, key)
    response = line.get("response")
    if isinstance(response, Mapping) and response:
        answer = read_response(response)
        return GeminiResponse(answer.text, answer.status, answer.reason, answer.model, names)
    problem = line.get("status") or line.get("error")
    if problem:
        message = _text(_field(problem, "message")) or str(problem)
        return GeminiResponse(
            "", ResponseStatus.REFUSED, f"the service reported an error: {message[:200]}", names=names
        )
    return GeminiResponse("", ResponseStatus.EMPTY, "the request has no response", names=names)


def read_studio_save(save: Mapping[str, Any]) -> GeminiResponse:
    """Return the answer in a saved prompt of AI Studio: the last turn of the model that is not a thought."""
    model = _text(_field(save.get("runSettings"), "model")) or None
    turns = [chunk for chunk in _list(_field(save.get("chunkedPrompt"), "chunks")) if _field(chunk, "role") == "model"]
    answers = [chunk for chunk in turns if not _field(chunk, "isThought")]
    if not answers:
        return GeminiResponse("", ResponseStatus.EMPTY, "the model has not answered", model)
    *earlier, last = answers
    text = _text(_field(last, "text")) or _joined(last)
    status, reason = _status(text, blocked="", stopped=_reason(_field(last, "finishReason")))
    if status is ResponseStatus.WHOLE and any(_reason(_field(t, "finishReason")) == "MAX_TOKENS" for t in earlier):
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
    return "" if reason.endswith("UNSPECIFIED") else reason


def _joined(content: Any) -> str:
    """Return the text of all parts that are not thoughts."""
    parts = (part for part in _list(_field(content, "parts")) if not _field(part, "thought"))
    return "".join(_text(_field(part, "text")) for part in parts)


# --- the video a request is about -----------------------------------------------------------------------------------


def _files(request: Any) -> tuple[str, ...]:
    """Return the URI of the only video in a request, or of its only file; nothing if there are several."""
    files = dict(_attached(request))
    found = [uri for uri, is_video in files.items() if is_video] or list(files)
    return tuple(found) if len(found) == 1 else ()


def _attached(request: Any) -> Iterator[tuple[str, bool]]:
    """Yield the URI of each file in a request, and whether it is a video."""
    for content in _list(_field(request, "contents")):
        for part in _list(_field(content, "parts")):
            data = _field(part, "fileData")
            uri = re.split("[?#]", _text(_field(data, "fileUri")))[0].strip()
            if uri:
                kind = _text(_field(data, "mimeType"))
                yield uri, kind.startswith("video/") or PurePosixPath(uri).suffix.lower() in SUFFIXES


# --- plain JSON -----------------------------------------------------------------------------------------------------


def _field(item: Any, name: str) -> Any:
    """Return a field by either of its spellings; None if there is none, or if `item` is not an object."""
    if not isinstance(item, Mapping):
        return None
    found = item.get(name)
    return item.get(re.sub("([A-Z])", r"_\1", name).lower()) if found is None else found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
