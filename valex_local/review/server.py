"""The server of the page: its addresses, and the one socket that it listens on."""

from __future__ import annotations

import logging
import socket
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import uvicorn
from jinja2 import ChoiceLoader, PackageLoader
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from valex_local.errors import StudyError, ValexError
from valex_local.report.pages import environment
from valex_local.report.svg import pole
from valex_local.review.access import LARGEST_BODY
from valex_local.review.changes import Conflict, Patch, Undecided
from valex_local.review.session import Session, plain
from valex_local.schwartz import CIRCLE
from valex_local.stages.labels.definitions import Definition

EXAMPLES = 2
"""Number of examples of a value that are shown."""

_STATIC = {
    "style.css": ("valex_local.report", "text/css"),
    "report.js": ("valex_local.report", "text/javascript"),
    "review.css": ("valex_local.review", "text/css"),
    "review.js": ("valex_local.review", "text/javascript"),
}


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Answer requests on a socket until the program is interrupted."""
    # Named one by one, so that nothing is chosen by what happens to be installed.
    config = uvicorn.Config(
        app, loop="asyncio", http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, timeout_graceful_shutdown=2, limit_concurrency=64,
    )  # fmt: skip
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    uvicorn.Server(config).run(sockets=[listener])


def application(session: Session, definitions: list[Definition]) -> Starlette:
    """Return the application that shows and stores one person's codings.

    Parameters
    ----------
    session : Session
        What the person codes.
    definitions : list of Definition
        The codebook, in circle order.
    """
    pages = _Pages(session, definitions)
    return Starlette(
        routes=[
            Route("/", pages.index),
            Route("/post/{post}", pages.post),
            Route("/coding/{post}", pages.coding),
            Route("/coding/{post}", pages.change, methods=["POST"]),
            Route("/machine/{post}", pages.machine, methods=["POST"]),
            Route("/film/{post}", pages.film),
            Route("/still/{post}/{still}", pages.still),
            Route("/static/{name}", pages.static),
            Route("/favicon.ico", pages.none),
        ],
        exception_handlers={ValexError: _failed, HTTPException: _missing, ValidationError: _wrong},
    )


class _Pages:
    """One method an address. Each reads and writes in a thread, so that others are answered meanwhile."""

    def __init__(self, session: Session, definitions: list[Definition]) -> None:
        self._session = session
        self._codebook = {one.name: one for one in definitions}
        shared = environment()
        loader = ChoiceLoader([PackageLoader("valex_local.review"), *filter(None, [shared.loader])])
        self._templates = shared.overlay(loader=loader)

    async def index(self, request: Request) -> Response:
        entries = await run_in_threadpool(self._session.entries)
        return self._page("list.jinja", entries=entries, done=sum(entry.progress == "done" for entry in entries))

    async def post(self, request: Request) -> Response:
        post_id = self._known(request)
        view = await run_in_threadpool(self._session.view, post_id)
        posts = self._session.posts
        at = posts.index(post_id)
        return self._page(
            "code.jinja", post=view, number=at + 1, count=len(posts),
            before=posts[at - 1] if at else None, after=posts[at + 1] if at + 1 < len(posts) else None,
            codebook=self._codebook, examples=EXAMPLES, poles={value: pole(value) for value in CIRCLE},
        )  # fmt: skip

    def _page(self, name: str, **values: Any) -> Response:
        text = self._templates.get_template(name).render(session=self._session, root="/static/", banner=None, **values)
        return HTMLResponse(text.encode("utf-8", "replace"))

    async def coding(self, request: Request) -> Response:
        return await self._json(self._known(request))

    async def change(self, request: Request) -> Response:
        post_id = self._known(request)
        patch = Patch.model_validate_json(await _body(request))
        try:
            await run_in_threadpool(self._session.change, post_id, patch.changes)
        except Conflict:
            return await self._json(post_id, HTTPStatus.CONFLICT)
        except Undecided:
            return await self._json(post_id, HTTPStatus.UNPROCESSABLE_ENTITY)
        return await self._json(post_id)

    async def _json(self, post_id: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
        coding = await run_in_threadpool(self._session.coding, post_id)
        others = await run_in_threadpool(self._session.others, post_id)
        return JSONResponse({**plain(coding), "others": others}, status)

    async def machine(self, request: Request) -> Response:
        labels = await run_in_threadpool(self._session.machine, self._known(request))
        return JSONResponse(labels, HTTPStatus.FORBIDDEN if labels is None else HTTPStatus.OK)

    async def film(self, request: Request) -> Response:
        return _file(self._session.film(self._known(request)))

    async def still(self, request: Request) -> Response:
        return _file(self._session.still(self._known(request), request.path_params["still"]))

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _STATIC:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        package, kind = _STATIC[name]
        return Response((files(package) / name).read_bytes(), media_type=kind)

    async def none(self, request: Request) -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _known(self, request: Request) -> str:
        post_id = str(request.path_params["post"])
        if post_id not in self._session:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return post_id


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return body


def _file(path: Any) -> Response:
    if path is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return FileResponse(path)


def _failed(request: Request, error: Exception) -> Response:
    status = HTTPStatus.INTERNAL_SERVER_ERROR if isinstance(error, StudyError) else HTTPStatus.BAD_REQUEST
    return JSONResponse({"error": str(error)}, status)


def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    return JSONResponse({"error": "there is no such page or post"}, status)


def _wrong(request: Request, error: Exception) -> Response:
    count = error.error_count() if isinstance(error, ValidationError) else 1
    return JSONResponse({"error": f"this change is not understood ({count} problems)"}, HTTPStatus.BAD_REQUEST)
