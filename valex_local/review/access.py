"""Who may read the page: the browser that opened the address that was printed, and nobody else.

The address holds a token that is good once. It is exchanged for a cookie, which scripts cannot read and which browsers
do not send along with requests from other sites. A page of another site could still aim requests at this server under
a name of its own, so the header Host must be the server's; requests that change something must name this server as
their Origin (RFC 6454), and requests that other pages of this machine start are refused by the header Sec-Fetch-Site.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a page may load: nothing but what this server sends."""

HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
"""Headers of every response."""

LARGEST_BODY = 1_000_000
"""Maximum size of a request, in bytes."""

# A page instead of a redirect: the cookie is then sent with a request that this server's own page starts, whatever
# opened the address.
_ENTER = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/"><title>valex review</title>'
)
_USED = "This address was used before, or is not complete. Stop valex review with Ctrl-C and start it again.\n"


class Access:
    """Let requests through to an application only if they come from the browser that has the token.

    Parameters
    ----------
    app : ASGIApp
        The application.
    host : str
        The server as browsers name it, with its port.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host
        self._origin = f"http://{host}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        # Cookies do not know ports: another server of this machine has another one.
        self._cookie = f"valex-review-{host.rpartition(':')[2]}"

    @property
    def address(self) -> str:
        """Return the address to open, which can be used once."""
        return f"{self._origin}/?token={self._token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on.

        Parameters
        ----------
        scope, receive, send
            As in the ASGI specification.
        """
        if scope["type"] != "http":
            return
        request = HTTPConnection(scope)
        answer = self._answer(request, scope["method"])

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await (self._app if answer is None else answer)(scope, receive, guarded)

    def _answer(self, request: HTTPConnection, method: str) -> Response | None:
        """Return the response to a request that is not handed on."""
        headers = request.headers
        origin = headers.get("origin")
        if headers.getlist("host") != [self._host]:
            return _refused("this server has another name")
        if origin not in ({self._origin} if method not in ("GET", "HEAD") else {self._origin, None}):
            return _refused("requests of other pages are not answered")
        if int(length if (length := headers.get("content-length", "0")).isdecimal() else 0) > LARGEST_BODY:
            return _refused("this request is too large")
        if (given := request.query_params.get("token")) is not None and method == "GET" and request.url.path == "/":
            return self._exchanged(given)
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return _refused("requests of other pages are not answered")
        if not secrets.compare_digest(request.cookies.get(self._cookie, "").encode(), self._session.encode()):
            return _refused(_USED)
        return None

    def _exchanged(self, given: str) -> Response:
        """Return the cookie for the token, which then is good no more."""
        if self._token is None or not secrets.compare_digest(given.encode(), self._token.encode()):
            return _refused(_USED)
        self._token = None
        answer = HTMLResponse(_ENTER)
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="strict", path="/")
        return answer


def _refused(why: str) -> Response:
    return PlainTextResponse(why, HTTPStatus.FORBIDDEN)
