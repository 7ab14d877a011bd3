"""The review as a web application: its routes, and who may use them.

Whoever opens the address with the one-time token gets a cookie; every other request needs it. Requests must name this
server as their host and, where they change something, come from its own pages, so that no other page in the browser can
use it.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from valex_local.errors import StudyError, ValexError
from valex_local.files.text import load_json
from valex_local.records import Coding, Media
from valex_local.report.pages import packaged
from valex_local.review.gold import store_gold
from valex_local.review.pages import ListedPost, differing, render_list, render_message, render_post
from valex_local.review.plan import assigned, progress, read_plan
from valex_local.study import Study
from valex_local.study.codings import Stale, change_coding, mark_shown, read_coding
from valex_local.study.editing import Change, Editor
from valex_local.study.left_out import exclude

ENTER = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">'
    '<title>review</title><link rel="icon" href="data:,">'
)
"""The answer to the token: a page of this server, so that what it opens carries the cookie wherever the address was."""

LARGEST = 1 << 16
"""Maximum size of a request, in bytes."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_STATIC: Mapping[str, tuple[str, Callable[[], str]]] = {
    "style.css": ("text/css", lambda: packaged("style.css")),
    "report.js": ("text/javascript", lambda: packaged("report.js")),
    "review.css": ("text/css", lambda: _packaged("review.css")),
    "review.js": ("text/javascript", lambda: _packaged("review.js")),
}


def _packaged(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


@dataclass(frozen=True)
class Review:
    """What is reviewed, and by whom.

    Attributes
    ----------
    study : Study
        The study.
    coder : str
        Who codes.
    host : str
        The name and port under which the pages are reached, such as ``127.0.0.1:8765``.
    shows_labels : bool
        Whether labels by models are shown before a post is finished.
    adjudicates : bool
        Whether the posts are those on which other coders differ, with their decisions shown.
    script : str or None
        The variant of the scripts to read; the one shown first when None.
    """

    study: Study
    coder: str
    host: str
    shows_labels: bool = False
    adjudicates: bool = False
    script: str | None = None


def make_app(review: Review, token: str) -> Starlette:
    """Return the application.

    Parameters
    ----------
    review : Review
        What is reviewed.
    token : str
        The secret in the address, which works once.

    Returns
    -------
    Starlette
        The application.
    """
    pages = _Pages(review)
    routes = [
        Route("/", pages.list),
        Route("/static/{name}", _static),
        Route("/posts/{post}", pages.post),
        Route("/posts/{post}/coding", pages.stored),
        Route("/posts/{post}/coding", pages.change, methods=["POST"]),
        Route("/posts/{post}/correct", pages.correct, methods=["POST"]),
        Route("/posts/{post}/exclude", pages.exclude, methods=["POST"]),
        Route("/media/{post}/film", pages.film),
        Route("/media/{post}/{file:path}", pages.picture),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(_Gate, host=review.host, token=token)],
        exception_handlers={ValexError: _refused},
    )


Next = Callable[[Request], Awaitable[Response]]


class _Gate(BaseHTTPMiddleware):
    """Lets in whoever has the cookie, and gives one for the token, once."""

    def __init__(self, app: Any, host: str, token: str) -> None:
        super().__init__(app)
        self._host, self._token = host, token
        self._session = secrets.token_urlsafe(32)
        # Cookies do not know ports: another review of this machine has another one.
        self._cookie = f"valex-review-{host.rpartition(':')[2]}"

    async def dispatch(self, request: Request, call_next: Next) -> Response:
        """Answer a request, or pass it on."""
        response = self._refusal(request) or await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("host") != self._host:
            return PlainTextResponse("This address is not served here.", 400)
        if request.method != "GET" and request.headers.get("origin") != f"http://{self._host}":
            return PlainTextResponse("This request does not come from the review page.", 403)
        given = request.query_params.get("token")
        if given is not None and self._token and secrets.compare_digest(given.encode(), self._token.encode()):
            self._token = ""
            answer = HTMLResponse(ENTER)
            answer.set_cookie(self._cookie, self._session, httponly=True, samesite="strict")
            return answer
        session = request.cookies.get(self._cookie, "")
        if not secrets.compare_digest(session.encode(), self._session.encode()):
            text = (
                "Open the address that valex review has printed. It works once: start the command again for a new one."
            )
            return HTMLResponse(render_message("This page is closed", text), 403)
        return None if given is None else RedirectResponse("/", 303)


def _refused(request: Request, error: Exception) -> Response:
    """Return what went wrong, to the page or to its script."""
    if not isinstance(error, ValexError):  # it is registered for no other
        raise error
    text = f"{error.what}. {error.hint}" if error.hint else error.what
    if request.method == "GET":
        return HTMLResponse(render_message("This did not work", text), 404)
    if isinstance(error, Stale):
        return JSONResponse({"error": text, "coding": error.coding.model_dump(mode="json")}, 409)
    # A full disk, for instance, may be all right again: the page tries once more.
    return JSONResponse({"error": text}, 500 if isinstance(error, StudyError) else 400)


def _static(request: Request) -> Response:
    found = _STATIC.get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("There is no such file.", 404)
    kind, read = found
    return Response(read(), media_type=kind)


class _Pages:
    """The pages and what they send; functions that are not async run in threads."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._study = review.study

    # --- which posts ------------------------------------------------------------------------------------------------

    def _posts(self) -> tuple[str, ...]:
        if not self._review.adjudicates:
            return assigned(self._study, self._review.coder)
        planned = self._planned()
        return tuple(post for post in self._study.post_ids() if differing(list(self._others(post, planned).values())))

    def _planned(self) -> Collection[str]:
        """Return the posts that the coder codes by the plan."""
        plan = read_plan(self._study)
        return frozenset(plan.coders.get(self._review.coder, ())) if plan is not None else ()

    def _others(self, post_id: str, planned: Collection[str]) -> Mapping[str, Coding]:
        """Return what others have finished, where this is to be seen.

        Whoever codes a post by the plan does not decide about it: what others decided would be seen, and the own coding
        overwritten.
        """
        if not self._review.adjudicates or post_id in planned:
            return {}
        others = (name for name in self._study.coders(post_id) if name != self._review.coder)
        read = {name: read_coding(self._study, post_id, name) for name in others}
        return {name: one for name, one in read.items() if one.done and not one.adjudicates}

    def _own(self, request: Request) -> str:
        post_id: str = request.path_params["post"]
        self._study.post(post_id)
        return post_id

    # --- pages ------------------------------------------------------------------------------------------------------

    def list(self, request: Request) -> Response:
        """Return the list of posts."""
        planned = self._planned()
        posts = [
            ListedPost(
                post_id,
                (self._study.post(post_id).text.caption or "")[:100],
                read_coding(self._study, post_id, self._review.coder),
                differing(list(self._others(post_id, planned).values())),
            )
            for post_id in self._posts()
        ]
        everybody = progress(self._study)
        page = render_list(
            coder=self._review.coder, posts=posts, everybody=everybody, adjudicates=self._review.adjudicates
        )
        return HTMLResponse(page)

    def post(self, request: Request) -> Response:
        """Return the page of a post, and record what it shows."""
        post_id = self._own(request)
        posts, others = self._posts(), self._others(post_id, self._planned())
        coding = read_coding(self._study, post_id, self._review.coder)
        shows_labels = coding.done or self._review.shows_labels
        labels = tuple(map(str, self._study.label_keys(post_id))) if shows_labels else ()
        if labels or others:
            coding = mark_shown(self._study, post_id, self._review.coder, labels=labels, coders=tuple(others))
        at = posts.index(post_id) if post_id in posts else None
        page = render_post(
            self._study,
            post_id,
            coding,
            script=self._review.script,
            before=posts[at - 1] if at else None,
            after=posts[at + 1] if at is not None and at + 1 < len(posts) else None,
            others=others,
            shows_labels=shows_labels,
            edits=self._study.edits(post_id),
        )
        return HTMLResponse(page)

    def stored(self, request: Request) -> Response:
        """Return a coding as it is stored."""
        coding = read_coding(self._study, self._own(request), self._review.coder)
        return JSONResponse({"coding": coding.model_dump(mode="json")})

    # --- changes ----------------------------------------------------------------------------------------------------

    async def change(self, request: Request) -> Response:
        """Set one field of a coding."""
        post_id, data = self._own(request), await _json(request)
        seen = data.get("seen")
        coding = change_coding(
            self._study,
            post_id,
            self._review.coder,
            str(data.get("field")),
            data.get("value"),
            seen=seen if isinstance(seen, int) else 0,
            script=_of(data, "script", str),
        )
        if data.get("field") == "done" or coding.done:
            store_gold(self._study, self._review.coder)
        return JSONResponse({"coding": coding.model_dump(mode="json")})

    async def correct(self, request: Request) -> Response:
        """Correct a line."""
        post_id, data = self._own(request), await _json(request)
        change = Change(
            text=_of(data, "text", str),
            speaker=_of(data, "speaker", str),
            start=_of(data, "start", (int, float)),
            end=_of(data, "end", (int, float)),
            removed=data.get("removed") is True,
        )
        made = Editor(self._study, self._review.coder).correct(post_id, str(data.get("line")), change)
        return JSONResponse({"correction": made.id})

    async def exclude(self, request: Request) -> Response:
        """Exclude a post."""
        post_id, data = self._own(request), await _json(request)
        exclude(self._study, [post_id], str(data.get("reason") or ""), self._review.coder)
        return JSONResponse({"excluded": post_id})

    # --- media ------------------------------------------------------------------------------------------------------

    def film(self, request: Request) -> Response:
        """Return the video, or the sound of a post without one, in the parts that the player asks for."""
        post = self._study.post(self._own(request))
        film = post.video or post.sound
        if film is None or not Path(film.path).is_file():
            return PlainTextResponse("The video was moved or deleted.", 404)
        return FileResponse(film.path)

    def picture(self, request: Request) -> Response:
        """Return a keyframe."""
        post_id = self._own(request)
        media = self._study.read(post_id, "media", Media)
        names = {keyframe.file for keyframe in media.keyframes} if media is not None else set()
        name, folder = request.path_params["file"], self._study.folder(post_id)
        if name not in names or not (folder / name).is_file():
            return PlainTextResponse("There is no such picture.", 404)
        return FileResponse(folder / name)


def _of(data: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = data.get(name)
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


async def _json(request: Request) -> dict[str, Any]:
    """Return the object that a request carries; an empty one if it carries something else."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return {}
    try:
        data = load_json(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
