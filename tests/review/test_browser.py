"""The page in a real browser, with the keyboard alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.made import make_study
from tests.report.test_browser import Seen, browser  # noqa: F401 - a fixture
from tests.review.serving import Server, serving
from valex_local.records import Coding
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study
from valex_local.study.codings import read_coding

pytestmark = pytest.mark.slow

CLIP = Path(__file__).parents[2] / "models/demo/clips/@thrift.tilda_video_7300000000000000001.mp4"
POSTS = 4
FIRST, SECOND = "author.0_7300000000000000000", "author.1_7300000000000000001"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    video = tmp_path / "v.mp4"
    shutil.copy(CLIP, video)
    make_study(tmp_path / "study", POSTS, lines=4, video=video)
    return Study(tmp_path / "study")


@pytest.fixture
def server(study: Study) -> Iterator[Server]:
    with serving(study.root, "anna") as running:
        yield running


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser: Any, server: Server, seen: Seen) -> Iterator[Any]:  # noqa: F811
    """Open the list of posts; fail if anything else than the server is asked, or an error is reported."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    seen.watch(opened)
    opened.goto(server.address)
    opened.wait_for_selector("a.go:focus")
    yield opened
    context.close()
    assert [url for url in seen.requests if not url.startswith(f"http://{server.host}/")] == []
    assert seen.console == []
    assert seen.dialogs == []


def press(page: Any, *keys: str) -> int:
    for key in keys:
        page.keyboard.press(key)
    return len(keys)


def ready(page: Any, number: int = 1) -> None:
    page.wait_for_selector(f".place:has-text('{number} of {POSTS}')")
    saved(page)


def saved(page: Any) -> None:
    page.wait_for_selector("#saved:text-is('saved')")


def coding(study: Study, post_id: str = FIRST) -> Coding:
    found = read_coding(study, post_id, "anna")
    assert found is not None
    return found


def current(page: Any) -> str:
    return str(page.evaluate("document.activeElement.dataset.value"))


def test_a_post_is_coded_with_the_keyboard_alone(page: Any, study: Study) -> None:
    press(page, "Enter")  # the link to the next post has the focus
    ready(page)
    assert current(page) == CIRCLE[0]
    # Three values: one present with two lines, one dominant, one conflicted; the others are absent.
    keys = press(page, "p", "l", "ArrowDown", "Space", "ArrowDown", "Space")
    wide = page.locator(".line.is-marked .what").nth(0).bounding_box()["width"]
    other = page.locator(".line:not(.is-marked) .what").nth(0).bounding_box()["width"]
    assert wide == pytest.approx(other, abs=5), "a marked line keeps its columns"
    keys += press(page, "Escape")
    keys += press(page, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "d")
    keys += press(page, "ArrowDown", "ArrowDown", "ArrowDown", "c", "7")
    keys += press(page, "r", "Enter")
    saved(page)
    page.wait_for_selector("body.is-done")
    keys += press(page, "Enter")
    ready(page, 2)
    assert keys == 20
    found = coding(study)
    states = [one.state for one in found.values]
    assert len(states) == len(CIRCLE) and found.done
    assert states.count(State.ABSENT) == len(CIRCLE) - 3
    assert found.of(CIRCLE[0]).state is State.PRESENT and len(found.of(CIRCLE[0]).lines) == 2
    assert found.of(CIRCLE[4]).dominant
    assert (found.of(CIRCLE[7]).state, found.of(CIRCLE[7]).confidence) == (State.CONFLICTED, "low")


def test_a_post_without_values_takes_three_keys(page: Any, study: Study) -> None:
    press(page, "Enter")
    ready(page)
    press(page, "r", "Enter")
    page.wait_for_selector("body.is-done")
    press(page, "Enter")
    ready(page, 2)
    assert {one.state for one in coding(study).values} == {State.ABSENT}


def test_notes_are_stored_while_they_are_typed(page: Any, study: Study, server: Server) -> None:
    press(page, "Enter")
    ready(page)
    press(page, "n")
    page.keyboard.type("why <b>not</b> p r x")
    page.wait_for_selector(".coded.current .extra:has-text('note')")
    saved(page)
    server.kill()  # no blur, no end: what was typed is there
    assert coding(study).of(CIRCLE[0]).note == "why <b>not</b> p r x"
    assert coding(study).of(CIRCLE[0]).state is State.NOT_ASSESSED
    page.goto("about:blank")


def test_the_page_says_what_could_not_be_stored_and_tries_again(page: Any, server: Server, seen: Seen) -> None:
    press(page, "Enter")
    ready(page)
    page.route("**/coding/*", lambda route: route.abort())
    press(page, "p")
    page.wait_for_selector("#saved.failing:has-text('not saved')")
    page.unroute("**/coding/*")
    saved(page)
    seen.console.clear()  # the browser reports the requests that failed


def test_two_tabs_do_not_overwrite_each_other(page: Any, study: Study, seen: Seen) -> None:
    press(page, "Enter")
    ready(page)
    other = page.context.new_page()
    other.goto(page.url)
    saved(other)
    other.keyboard.press("c")
    saved(other)
    other.wait_for_selector(f".coded[data-value='{CIRCLE[0].value}'].decided")
    page.bring_to_front()
    # As if the tab had stayed in view: it has not read what the other one has stored.
    page.keyboard.press("p")
    page.wait_for_selector("#told:has-text('another tab')")
    saved(page)
    assert coding(study).of(CIRCLE[0]).state is State.CONFLICTED
    assert page.locator(".coded.current [data-mark=conflicted][aria-pressed=true]").is_visible()
    seen.console.clear()  # the browser reports the answer 409


def test_labels_of_models_appear_once_the_post_is_finished(page: Any, study: Study) -> None:
    press(page, "Enter")
    ready(page)
    press(page, "m")
    page.wait_for_selector("#told:has-text('hidden until')")
    assert page.locator(".machine").all_inner_texts() == [""] * len(CIRCLE)
    press(page, "r", "Enter")
    page.wait_for_selector("body.is-done")
    press(page, "m")
    page.wait_for_selector(".machine:has-text('encoder')")
    saved(page)
    assert coding(study).shown


def test_the_codebook_is_beside_each_value(page: Any) -> None:
    press(page, "Enter")
    ready(page)
    for value in CIRCLE[:3]:
        entry = page.locator(".entry:visible")
        assert entry.locator("h3").inner_text() == value.value
        assert entry.locator(".examples li").count() == 2
        press(page, "ArrowDown")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits(page: Any, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.screenshot(path=_picture(f"list-{width}-{scheme}"))
    press(page, "Enter")
    ready(page)
    page.screenshot(path=_picture(f"post-{width}-{scheme}"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    press(page, "0")  # the page opens at its top; the first key leads to the values
    for at, value in enumerate(CIRCLE):
        # The value that is worked on is in view, between video and codebook.
        assert current(page) == value
        row, book = page.locator(".coded.current").bounding_box(), page.locator(".book").bounding_box()
        assert row["y"] >= 0 and row["y"] + row["height"] <= 844
        assert row["y"] >= book["y"] + book["height"] - 1 or row["y"] + row["height"] <= book["y"] + 1, value
        press(page, "p" if at % 5 == 0 else "a")
        if at % 5 == 0:
            press(page, "ArrowDown")
    page.screenshot(path=_picture(f"coded-{width}-{scheme}"))
    press(page, "?")
    assert page.locator("#keys").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_touch_or_mouse_does_the_same(page: Any, study: Study) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.click("a.go")
    ready(page)
    page.click(".coded >> nth=2 >> [data-mark=dominant]")
    page.click("[data-confidence=high]")
    page.click(".line.dialogue >> nth=0 >> .mark")
    saved(page)
    found = coding(study).of(CIRCLE[2])
    assert found.dominant and found.confidence == "high" and len(found.lines) == 1


def _picture(name: str) -> str | None:
    """Return where a picture of the page is kept, to be looked at; nowhere by default."""
    folder = os.environ.get("VALEX_PICTURES")
    return f"{folder}/{name}.png" if folder else None
