"""A real `valex review` in a process of its own, and plain requests to it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.commands import PROGRAM

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Server:
    """A running page: its process, its address with the token, its port, and what it said before that."""

    process: subprocess.Popen[str]
    address: str
    said: str
    cookie: str = ""

    @property
    def port(self) -> int:
        return int(re.search(r":(\d+)/", self.address)[1])  # type: ignore[index]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def enter(self) -> Answer:
        """Exchange the token for the cookie."""
        answer = self.ask("GET", self.address.partition(self.host)[2])
        if found := answer[1].get("set-cookie"):
            self.cookie = found.partition(";")[0]
        return answer

    def ask(self, method: str, path: str, content: Any = None, **headers: str | None) -> Answer:
        """Send a request as the page does; headers replace the usual ones, None leaves one out."""
        sent: dict[str, str | None] = {"Host": self.host, "Cookie": self.cookie}
        if method == "POST":
            sent["Origin"] = f"http://{self.host}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            body = b"" if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            if method == "POST":
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def change(self, post_id: str, *changes: dict[str, Any]) -> tuple[int, Any]:
        """Change a coding; return status and content of the answer."""
        status, _, body = self.ask("POST", f"/coding/{quote(post_id, safe='')}", {"changes": changes})
        return status, json.loads(body)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def serving(study: Path, coder: str, *options: str, browser: Path | None = None) -> Iterator[Server]:
    """Start `valex review`, and interrupt it at the end."""
    words = ["review", "-s", str(study), "--coder", coder, *(() if browser else ("--no-browser",)), *options]
    env = {**os.environ, **({"DISPLAY": ":99", "BROWSER": f"{browser} %s"} if browser else {})}
    process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    assert process.stdout is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if line.startswith("page "):
                break
        found = re.search(r"http://\S+", said)
        assert found, said
        yield Server(process, found[0], said)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode in (0, -signal.SIGKILL)


def mark(value: str, before: str, after: str) -> dict[str, Any]:
    return {"field": "mark", "value": value, "before": before, "after": after}
