"""JSON over HTTP with a server on this machine.

It uses the standard library's client, which connects to the given address, ignores proxies and follows no redirects. So
neither the environment nor the server can send a request elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

from valex_local.errors import ModelError, printable
from valex_local.store.servers import ServerOptions

CONNECT_SECONDS = 10.0
"""Time limit of a connection, seconds; on loopback it takes no time."""

ANSWER_SECONDS = 1800.0
"""Time limit of an answer, seconds: a large model on a CPU evaluates a long prompt for minutes, and where more is asked
at once than a server works on, a question waits for others first."""

MAX_ANSWER_BYTES = 64 << 20

_MAX_WORDS = 200
_START = "Start it, such as: llama-server -m MODEL.gguf --port 8080, or: vllm serve MODEL, or: ollama serve"


class Refusal(ModelError):
    """The server answered with an error.

    Parameters
    ----------
    status : int
        The HTTP status.
    words : str
        The server's message, shortened.
    url : str
        The address that was called.
    """

    def __init__(self, status: int, words: str, *, url: str) -> None:
        super().__init__(f"the server refuses (status {status}): {words}", path=url, hint="See its log")
        self.status = status
        self.words = words


class LoopbackClient:
    """A client of a server on this machine.

    Parameters
    ----------
    options : ServerOptions
        The address of the server.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.url = options.url
        self._address = options.address

    def get(self, path: str) -> Any:
        """Return the JSON at a path; see `post`."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON and return the JSON of the answer.

        Raises
        ------
        Refusal
            The server answered with an error.
        ModelError
            It cannot be reached, closed the connection, did not answer in time, redirects, or its answer is not JSON.
        """
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        connection = HTTPConnection(*self._address, timeout=CONNECT_SECONDS)
        try:
            self._connect(connection)
            connection.request(method, path, body, {"Content-Type": "application/json", "Connection": "close"})
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER_BYTES + 1)
        except TimeoutError as error:
            what = f"the server did not answer for {ANSWER_SECONDS:.0f} seconds"
            raise ModelError(what, path=self.url, hint="Check that it works; smaller models are faster") from error
        except (OSError, HTTPException) as error:
            what = f"the connection to the server failed ({printable(str(error)) or type(error).__name__})"
            raise ModelError(what, path=self.url, hint="See the log of the server, and run again") from error
        finally:
            connection.close()
        return self._read(response.status, response.headers.get("Location", "nowhere"), answer)

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except OSError as error:
            what = f"no server answers ({error.strerror or error})"
            raise ModelError(what, path=self.url, hint=_START) from error
        connection.sock.settimeout(ANSWER_SECONDS)

    def _read(self, status: int, location: str, answer: bytes) -> Any:
        if status >= 400:
            raise Refusal(status, shortened(_words(answer)), url=self.url)
        if status >= 300:
            what = f"the server redirects to {shortened(location)}, which is refused: no byte may leave this machine"
            raise ModelError(what, path=self.url, hint="Give the address of the server that has the model")
        if len(answer) > MAX_ANSWER_BYTES:
            raise ModelError(f"the server's answer has more than {MAX_ANSWER_BYTES:,} bytes", path=self.url)
        try:
            return json.loads(answer)
        except ValueError as error:
            what = f"the server's answer is not JSON: {shortened(answer.decode('utf-8', 'replace'))!r}"
            raise ModelError(what, path=self.url, hint="Use a server with the OpenAI protocol") from error


def shortened(text: str) -> str:
    """Return text from a server in a form fit for a message: on one line, and not too long."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _MAX_WORDS else f"{line[:_MAX_WORDS]}…"


def _words(answer: bytes) -> str:
    """Return the error message in an answer, which has one of several common forms."""
    text = answer.decode("utf-8", "replace")
    try:
        data = json.loads(text)
    except ValueError:
        return text
    for key in ("error", "message", "detail"):
        if isinstance(data, dict) and key in data:
            data = data[key]
    return data if isinstance(data, str) else json.dumps(data)
