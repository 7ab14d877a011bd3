"""A hub on loopback that speaks as much of Hugging Face's protocol as its client uses to download files.

Small files: a redirect on the hub itself, then the content with a Git checksum as ETag. Large ones: a redirect to
another server, with size and SHA-256 in headers; that server takes ranges and must never see a token.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "1234567890abcdef1234567890abcdef12345678"
LARGE = 1000
"""From this size on, a file is large."""


@dataclass(frozen=True)
class Call:
    """A request that the hub got."""

    method: str
    path: str
    range: str | None
    token: str | None
    counter: str | None


@dataclass
class Hub:
    """Files of one repository, what goes wrong with them, and which requests came.

    `cuts` are the bytes after which a transfer of a file breaks off, one entry a request. `served` replaces the content
    that is sent, not what is announced. `statuses` are answers by file: status, and headers.
    """

    repo: str = "lab/model"
    commit: str = COMMIT
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    served: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    token: str | None = None
    ranges: bool = True
    pause: float = 0.0
    calls: list[Call] = field(default_factory=list)
    url: str = ""
    storage: str = ""

    def gets(self, name: str) -> list[Call]:
        """Return the requests for the content of a file, at the place that sends it."""
        return [
            c for c in self.calls if c.method == "GET" and c.path.endswith(f"/{name}") and "/resolve/" not in c.path
        ]

    def answer(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and content for a request."""
        path = call.path.lstrip("/")
        for prefix in ("storage/", "api/resolve-cache/"):
            if path.startswith(prefix):
                return self._content(path.removeprefix(prefix), call)
        repo, _, rest = path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        if name in self.statuses:
            return *self.statuses[name], b""
        if self.token is not None and call.token != f"Bearer {self.token}":
            return 401, {"X-Error-Code": "GatedRepo"}, b""
        if repo != self.repo:
            return 401, {"X-Error-Code": "RepoNotFound"}, b""
        if revision not in (self.commit, "main"):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        if name not in self.files:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        content = self.files[name]
        headers = {"X-Repo-Commit": self.commit}
        if len(content) < LARGE:
            return 307, headers | {"Location": f"/api/resolve-cache/{name}"}, b""
        linked = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"'}
        return 302, headers | linked | {"Location": f"{self.storage}/storage/{name}"}, b""

    def _content(self, name: str, call: Call) -> tuple[int, dict[str, str], bytes]:
        stated = self.files[name]
        blob = hashlib.sha1(b"blob %d\0" % len(stated) + stated, usedforsecurity=False).hexdigest()
        headers = {"X-Repo-Commit": self.commit, "ETag": f'"{blob}"'}
        content = stated if call.method == "HEAD" else self.served.get(name, stated)
        if call.range is None or not self.ranges:
            return 200, headers, content
        start = int(call.range.removeprefix("bytes=").rstrip("-"))
        return 206, headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}, content[start:]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._reply()

        def do_GET(self) -> None:
            self._reply()

        def _reply(self) -> None:
            path = unquote(urlsplit(self.path).path)  # a proxy gets the whole address
            facts = (self.headers.get(name) for name in ("Range", "Authorization", "X-HF-Download-Counter"))
            call = Call(self.command, path, *facts)
            hub.calls.append(call)
            status, headers, content = hub.answer(call)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self._send(content, hub.cuts.get(path.rpartition("/")[2]))

        def _send(self, content: bytes, cuts: list[int] | None) -> None:
            if content and cuts:
                content = content[: cuts.pop(0)]
                self.close_connection = True
            step = 1 << 16 if hub.pause else max(len(content), 1)
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                self.wfile.flush()
                time.sleep(hub.pause)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    return Handler


@contextmanager
def serving(hub: Hub, tls: ssl.SSLContext | None = None) -> Iterator[Hub]:
    """Run the hub and its storage while the block runs, encrypted on request."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub)) for _ in range(2)]
    for server in servers:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    hub.url, hub.storage = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
