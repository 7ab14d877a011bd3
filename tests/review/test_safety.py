"""What a coder decides is stored, also when the program stops in between, two windows or two reviews are open."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.review.test_browser import Served, page, saved, serve, served, study  # noqa: F401 - fixtures
from valex_local.records import ReviewPlan
from valex_local.review.plan import FILE
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study
from valex_local.study.codings import change_coding, read_coding

pytestmark = pytest.mark.slow

FIRST, SECOND = CIRCLE[:2]


def enter(page: Any, served: Served) -> str:  # noqa: F811
    """Open the first post, and return its id."""
    page.goto(served.address)
    page.click("#start")
    page.wait_for_selector("body[data-ready]")
    return str(page.inner_text("h1"))


def test_a_change_that_could_not_be_sent_is_sent_again(page: Any, served: Served) -> None:  # noqa: F811
    post_id = enter(page, served)
    page.route("**/coding", lambda route: route.abort())
    page.keyboard.press("ArrowDown")
    page.keyboard.press("1")
    page.wait_for_selector("#saved:has-text('NOT saved')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("3")
    page.unroute("**/coding")
    saved(page)
    stored = read_coding(served.study, post_id, "anna").values
    assert (stored[FIRST].state, stored[SECOND].state) == (State.PRESENT, State.CONFLICTED)


def test_what_another_window_stored_is_not_replaced_by_quick_keys(page: Any, served: Served) -> None:  # noqa: F811
    post_id = enter(page, served)
    other = {"state": "conflicted", "dominant": False, "lines": []}
    change_coding(served.study, post_id, "anna", SECOND.value, other, seen=0)
    # The window has not read that; both keys come before the first one is answered.
    held: list[Any] = []
    page.route("**/coding", lambda route: held.append(route))  # noqa: PLW0108 - a bound method is not taken
    for key in ("ArrowDown", "1", "ArrowDown", "1"):
        page.keyboard.press(key)
    page.unroute("**/coding")  # which lets go of it
    page.wait_for_selector("#saved:has-text('another window')")
    stored = read_coding(served.study, post_id, "anna").values
    assert (stored[FIRST].state, stored[SECOND].state) == (State.PRESENT, State.CONFLICTED)


def test_two_reviews_in_one_browser_do_not_close_each_other(page: Any, study: Study) -> None:  # noqa: F811
    running = [serve(study), serve(study, coder="ben")]
    try:
        for one in running:
            page.goto(one.address)
            page.wait_for_selector("#start")
        page.goto(f"http://{running[0].host}/")
        assert "anna" in page.inner_text("main")
    finally:
        for one in running:
            one.process.kill()
            one.process.wait()


def test_who_codes_a_post_does_not_decide_between_others(page: Any, study: Study) -> None:  # noqa: F811
    first, second = study.post_ids()[:2]
    names = ("anna", "ben", "cleo")
    plan = ReviewPlan(coders=dict.fromkeys(names, (first,)), overlap=1)
    (study.root / FILE).write_text(plan.to_json())
    for post_id in (first, second):
        for coder, state in zip(names[1:], ("present", "absent"), strict=True):
            change_coding(study, post_id, coder, FIRST.value, {"state": state}, seen=0)
            change_coding(study, post_id, coder, "done", True, seen=1)
    running = serve(study, "--adjudicate")
    try:
        page.goto(running.address)
        page.wait_for_selector("#start")
        assert page.locator(".work a").all_inner_texts() == [second]
        page.goto(f"http://{running.host}/posts/{first}")
        assert "ben" not in page.inner_text("main")
    finally:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Return the address of a page of another site, on which a test puts a link."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><link rel=icon href=data:,><a id=there>there</a>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()


def test_the_address_opens_from_another_site(page: Any, served: Served, elsewhere: str) -> None:  # noqa: F811
    """A terminal in a browser is such a site: the cookie is not sent along with what it starts."""
    page.goto(elsewhere)
    page.evaluate("address => document.getElementById('there').href = address", served.address)
    page.click("#there")
    page.wait_for_selector("#start")
    assert page.url == f"http://{served.host}/", "the secret is no longer in the address"
