"""A proxy on loopback: it forwards plain requests and opens tunnels, and alone knows where hosts are."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """A proxy: ``places`` are the ports of loopback by host, ``asked`` what it was asked for."""

    places: Mapping[str, int]
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            host = self.path.partition(":")[0]
            proxy.asked.append(("CONNECT", host))
            if host not in proxy.places:
                self.send_error(502)
                return
            with socket.create_connection(("127.0.0.1", proxy.places[host])) as there:
                self.send_response(200)
                self.end_headers()
                back = Thread(target=_pass_on, args=(there, self.connection), daemon=True)
                back.start()
                _pass_on(self.connection, there)
                back.join(5)
            self.close_connection = True

        def do_GET(self) -> None:
            self._forward()

        def do_HEAD(self) -> None:
            self._forward()

        def _forward(self) -> None:
            url = urlsplit(self.path)
            proxy.asked.append((self.command, url.hostname or ""))
            if url.hostname not in proxy.places:
                self.send_error(502)
                return
            there = HTTPConnection("127.0.0.1", proxy.places[url.hostname])
            there.request(self.command, url.path, headers=dict(self.headers))
            answer = there.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("date", "server", "connection"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.read())
            there.close()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    return Handler


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def proxying(places: Mapping[str, int]) -> Iterator[Proxy]:
    """Run a proxy while the block runs."""
    proxy = Proxy(places)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
