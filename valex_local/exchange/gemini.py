"""What Gemini answered, in the shapes in which answers are kept: a response, a line of a batch, a save of AI Studio.

Names of fields are those of the interface (``finishReason``) or of its Python library (``finish_reason``).
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
"""Reasons to stop as older libraries number them."""

_UPLOAD = re.compile(r"/files/[\w-]+$")
"""What ends the address of an upload to the Files API, a token that names nothing."""

_RESPONSE = ("candidates", "promptFeedback", "usageMetadata", "modelVersion")


class Standing(StrEnum):
    """How much of a script an answer holds."""

    WHOLE = "whole"
    CUT = "cut"  # by the limit of length
    REFUSED = "refused"  # by a filter, or the service failed
    EMPTY = "empty"


@dataclass(frozen=True)
class GeminiResponse:
    """What was answered.

    Attributes
    ----------
    text : str
        The text, its parts joined, without the model's thoughts.
    standing : Standing
        How much of a script it is.
    reason : str
        Why it is no whole one.
    model : str or None
        The model as the service names it.
    names : tuple of str
        What names the video, the best first: the addresses of files in the request and the key of the line.
    """

    text: str = ""
    standing: Standing = Standing.WHOLE
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
    """Read a response of ``generateContent``; of several candidates the first."""
    candidates = _list(_field(response, "candidates"))
    first = candidates[0] if candidates else None
    text = _joined(_field(first, "content"))
    standing, reason = _standing(
        text,
        blocked=_reason(_field(_field(response, "promptFeedback"), "blockReason")),
        stopped=_reason(_field(first, "finishReason")),
    )
    return GeminiResponse(text, standing, reason, _text(_field(response, "modelVersion")) or None, _files(response))


def read_batch_line(line: Mapping[str, Any]) -> GeminiResponse:
    """Read a line of a batch: a request and its response, or what went wrong."""
    names = _files(line.get("request"))
    if isinstance(key := line.get("key"), str):
        says_nothing = all(_UPLOAD.search(name) and post_key(name) is None for name in names)
        names = (key, *names) if says_nothing else (*names, key)
    response = line.get("response")
    if isinstance(response, Mapping) and response:
        answer = read_response(response)
        return GeminiResponse(answer.text, answer.standing, answer.reason, answer.model, names)
    problem = line.get("status") or line.get("error")
    if problem:
        message = _text(_field(problem, "message")) or str(problem)
        return GeminiResponse("", Standing.REFUSED, f"the service reports an error: {message[:200]}", names=names)
    return GeminiResponse("", Standing.EMPTY, "a request without a response", names=names)


def read_studio_save(save: Mapping[str, Any]) -> GeminiResponse:
    """Read a saved prompt of AI Studio: the last turn of the model that is no thought."""
    model = _text(_field(save.get("runSettings"), "model")) or None
    turns = [chunk for chunk in _list(_field(save.get("chunkedPrompt"), "chunks")) if _field(chunk, "role") == "model"]
    said = [chunk for chunk in turns if not _field(chunk, "isThought")]
    if not said:
        return GeminiResponse("", Standing.EMPTY, "the model has not answered", model)
    text = _text(_field(said[-1], "text")) or _joined(said[-1])
    standing, reason = _standing(text, blocked="", stopped=_reason(_field(said[-1], "finishReason")))
    if standing is Standing.WHOLE and any(_reason(_field(turn, "finishReason")) == "MAX_TOKENS" for turn in said[:-1]):
        standing, reason = Standing.CUT, "an earlier turn was cut; only the last was read"
    return GeminiResponse(text, standing, reason, model)


def _standing(text: str, *, blocked: str, stopped: str) -> tuple[Standing, str]:
    cut = stopped == "MAX_TOKENS"
    if blocked:
        return Standing.REFUSED, f"the request was blocked: {blocked}"
    if stopped not in ("", "STOP") and not cut:
        return Standing.REFUSED, f"the answer was stopped: {stopped}"
    if not text.strip():
        return Standing.EMPTY, "the answer holds no text" + (f" ({stopped})" if cut else "")
    return (Standing.CUT, f"cut by the limit of length ({stopped})") if cut else (Standing.WHOLE, "")


def _reason(given: Any) -> str:
    """Return a reason as the interface spells it; empty for none."""
    if isinstance(given, int):
        return _NUMBERED.get(given, f"number {given}") if given else ""
    reason = _text(given).rpartition(".")[2].upper() if given else ""
    return "" if reason.endswith("UNSPECIFIED") else reason


def _joined(content: Any) -> str:
    """Return the texts of all parts that are no thoughts, as one."""
    parts = (part for part in _list(_field(content, "parts")) if not _field(part, "thought"))
    return "".join(_text(_field(part, "text")) for part in parts)


# --- the video a request is about -----------------------------------------------------------------------------------


def _files(request: Any) -> tuple[str, ...]:
    """Return the address of the one video in a request, or of its one file; with several none can be told."""
    files = dict(_attached(request))
    found = [uri for uri, is_video in files.items() if is_video] or list(files)
    return tuple(found) if len(found) == 1 else ()


def _attached(request: Any) -> Iterator[tuple[str, bool]]:
    """Yield the address of each file in a request, and whether it is a video."""
    for content in _list(_field(request, "contents")):
        for part in _list(_field(content, "parts")):
            data = _field(part, "fileData")
            uri = re.split("[?#]", _text(_field(data, "fileUri")))[0].strip()
            if uri:
                kind = _text(_field(data, "mimeType"))
                yield uri, kind.startswith("video/") or PurePosixPath(uri).suffix.lower() in SUFFIXES


# --- plain JSON -----------------------------------------------------------------------------------------------------


def _field(item: Any, name: str) -> Any:
    """Return a field under either of its spellings; None where there is none, or no object."""
    if not isinstance(item, Mapping):
        return None
    found = item.get(name)
    return item.get(re.sub("([A-Z])", r"_\1", name).lower()) if found is None else found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
