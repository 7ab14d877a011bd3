"""A server that plays each of the servers there are, and the broken ones too."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

Made = tuple[int, Any, dict[str, str]]

TEMPLATE_TOKENS = 10
PICTURE_TOKENS = 64


@dataclass
class Stub:
    """What the server is like. `chat` overrules all else that it says to a chat.

    Attributes
    ----------
    keeps : str or None
        The form of a schema it keeps; others are ignored, as some servers do.
    logprobs : str or None
        ``"raw"``, ``"held"`` (the schema went into them), or None: refused.
    room : int or None
        Tokens it takes; longer prompts are refused, or cut where `cuts`.
    sight : str
        ``"sees"``, ``"guesses"`` (always the first colour) or ``"reads"`` (takes the bytes for text).
    pages : dict
        Path to what is there beside the protocol.
    """

    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "m"}])
    keeps: str | None = "json_schema"
    logprobs: str | None = "raw"
    room: int | None = None
    cuts: bool = False
    sight: str = "sees"
    cached: int | None = None
    pages: dict[str, Any] = field(default_factory=dict)
    chat: Callable[[dict[str, Any]], Made | None] | None = None
    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The chats it was asked for."""
        return [body for path, body in self.asked if path == "/v1/chat/completions"]

    def answer(self, path: str, body: dict[str, Any]) -> Made | None:
        self.asked.append((path, body))
        if path == "/v1/models":
            return 200, {"object": "list", "data": self.models}, {}
        if path in self.pages:
            return 200, self.pages[path], {}
        if path != "/v1/chat/completions":
            return 404, b"<html>no such page</html>", {}
        made = self.chat(body) if self.chat else None
        return made if made is not None else self._chat(body)

    def _chat(self, body: dict[str, Any]) -> Made:
        if body.get("logprobs") and self.logprobs is None:
            return 500, {"error": {"message": "logprobs is not supported"}}, {}
        parts = [part for message in body["messages"] for part in _parts(message)]
        pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        size = TEMPLATE_TOKENS + sum(len(part["text"].split()) for part in parts if part["type"] == "text")
        size += sum(len(url) + url.count("A") if self.sight == "reads" else PICTURE_TOKENS for url in pictures)
        if self.room is not None and size + body["max_tokens"] > self.room:
            if not self.cuts:
                words = f"request ({size} tokens) exceeds the available context size ({self.room} tokens)"
                return 400, {"error": {"code": 400, "message": words, "type": "exceed_context_size_error"}}, {}
            size = min(size, self.room)
        text = self._text(body, pictures)
        usage: dict[str, Any] = {"prompt_tokens": size, "completion_tokens": len(text)}
        if self.cached is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached}
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [self._place(character) for character in text]}
        return 200, {"choices": [choice], "usage": usage}, {}

    def _text(self, body: dict[str, Any], pictures: list[str]) -> str:
        wanted = body.get("response_format", {})
        if wanted.get("type") != self.keeps:
            return "Blue as ever."
        schema = wanted["schema"] if self.keeps == "json_object" else wanted["json_schema"]["schema"]
        chosen: dict[str, Any] = {key: _first(rule) for key, rule in schema["properties"].items()}
        if pictures and self.sight != "guesses":
            chosen["colour"] = _colour(pictures[0])
        return json.dumps(chosen)

    def _place(self, character: str) -> dict[str, Any]:
        likelihood = -5.0 if self.logprobs == "raw" else 0.0
        place = {"token": character, "logprob": likelihood, "bytes": list(character.encode())}
        return {**place, "top_logprobs": [{**place, "token": "B", "bytes": [66], "logprob": -0.01}, place]}


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _first(rule: dict[str, Any]) -> Any:
    """Return the first answer that a rule admits."""
    return rule["enum"][0] if "enum" in rule else [_first(item) for item in rule["prefixItems"]]


def _colour(url: str) -> str:
    data = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    red, _, blue = Image.open(io.BytesIO(data)).convert("RGB").tobytes()[:3]
    return "red" if red > blue else "blue"


@contextmanager
def playing(stub: Stub) -> Iterator[Stub]:
    """Serve a stub on loopback; a chat it answers with None is broken off."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._give(stub.answer(self.path, {}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._give(stub.answer(self.path, body))

        def _give(self, made: Made | None) -> None:
            if made is None or made[0] == 0:
                return
            status, said, headers = made
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()


class Busy:
    """A chat that labels, and counts what is in flight: for each value it says absent or present, by the text alone.

    Parameters
    ----------
    seconds : float
        How long each answer takes, however many are in flight.
    meet : threading.Barrier, optional
        Where answers wait for each other, but for the first ones, which are asked alone.

    Attributes
    ----------
    most : int
        The most that were in flight at any time.
    """

    def __init__(self, seconds: float = 0.0, meet: threading.Barrier | None = None) -> None:
        self._seconds = seconds
        self._meet = meet
        self._lock = threading.Lock()
        self._now = self.most = 0

    def __call__(self, body: dict[str, Any]) -> Made | None:
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        if "$defs" not in schema:
            return None  # a probe, or a prompt that is counted
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            text = json.dumps(body["messages"])
            if self._meet is not None and "the very first" not in text:
                self._meet.wait()
            time.sleep(self._seconds)
            if "poison" in text:
                return 500, {"error": {"message": "this one breaks me"}}, {}
            bits = int.from_bytes(hashlib.sha256(text.encode()).digest())
            line = schema["$defs"]["line"]["enum"][0]
            said = {key: ["p", line] if bits >> n & 1 else ["a"] for n, key in enumerate(schema["properties"])}
            choice = {"message": {"role": "assistant", "content": json.dumps(said)}, "finish_reason": "stop"}
            return 200, {"choices": [choice], "usage": {"prompt_tokens": 3000, "completion_tokens": 99}}, {}
        finally:
            with self._lock:
                self._now -= 1
