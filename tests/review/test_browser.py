"""The review in a real browser, driven with the keyboard, and its door."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from tests.commands import PROGRAM
from tests.report.made import ODD_ID, hostile_post, make_study
from valex_local.records import Coding, Dialogue, Keyframe, Media, Script, Transcript
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study
from valex_local.study.codings import change_coding, read_coding

pytestmark = pytest.mark.slow

CLIP = Path(__file__).parents[2] / "models/demo/clips/@thrift.tilda_video_7300000000000000001.mp4"
POSTS = 4


@dataclass
class Served:
    """A review that runs."""

    process: subprocess.Popen[str]
    study: Study
    address: str
    said: str

    @property
    def host(self) -> str:
        return self.address.removeprefix("http://").partition("/")[0]

    def ask(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, str, Any]:
        """Send a request; a header with an underscore stands for one with a dash."""
        connection = http.client.HTTPConnection(self.host, timeout=20)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": self.host} | given)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer.headers


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = make_study(tmp_path / "study", POSTS, lines=3, video=CLIP)
    hostile_post(made, CLIP)
    return made


def serve(study: Study, *words: str, coder: str = "anna") -> Served:
    command = [*PROGRAM, "review", "start", "-s", str(study.root), "--coder", coder, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)
    said = ""
    for line in process.stdout or ():
        said += line
        if found := re.search(r"http://\S+", line):
            return Served(process, study, found[0], said)
    raise AssertionError(said)


@pytest.fixture
def served(study: Study) -> Iterator[Served]:
    running = serve(study)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page; any complaint of the browser fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened, complaints = context.new_page(), []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    yield opened
    context.close()
    assert not [text for text in complaints if "409" not in text and "ERR_" not in text]


def saved(page: Any) -> None:
    page.wait_for_selector("#saved:text-is('saved')")


def stored(page: Any, check: Callable[[], bool]) -> None:
    """Wait until what was sent is stored."""
    for _ in range(100):
        if check():
            return
        page.wait_for_timeout(100)
    raise AssertionError("not stored within ten seconds")


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def begin(page: Any, served: Served) -> str:
    """Open the first post of the list and return its id."""
    page.goto(served.address)
    page.wait_for_selector("#start")
    page.focus("#start")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready]")
    return page.inner_text("h1")


# --- the door -------------------------------------------------------------------------------------------------------


def test_only_the_address_with_the_token_lets_in_and_once(served: Served):
    assert served.ask("/")[0] == 403
    path = served.address.removeprefix(f"http://{served.host}")
    status, sent, headers = served.ask(path)
    assert status == 200
    assert "url=/" in sent, "a page of this server opens the list"
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert served.ask(path)[0] == 403, "the token works once"
    assert served.ask("/", Cookie=cookie.partition(";")[0])[0] == 200
    assert served.ask("/", Cookie="valex-review=guess")[0] == 403


def test_other_hosts_and_pages_are_refused(served: Served):
    _, _, headers = served.ask(served.address.removeprefix(f"http://{served.host}"))
    cookie = headers["Set-Cookie"].partition(";")[0]
    post = served.study.post_ids()[0]
    body = json.dumps({"field": "note", "value": "forged", "seen": 0})
    for host in ("evil.example", f"localhost:{served.host.partition(':')[2]}", ""):
        assert served.ask("/", Host=host, Cookie=cookie)[0] == 400
    for origin in ("http://evil.example", "null", ""):
        assert served.ask(f"/posts/{post}/coding", "POST", body, Cookie=cookie, Origin=origin)[0] == 403
    assert not served.study.coders(post)
    right = {"Cookie": cookie, "Origin": f"http://{served.host}"}
    assert served.ask(f"/posts/{post}/coding", "POST", body, **right)[0] == 200
    for wrong in ("", "[]", "{", "x" * 70_000, '{"field": "coder", "value": "ben"}'):
        assert served.ask(f"/posts/{post}/coding", "POST", wrong, **right)[0] == 400
    for path in (
        "/posts/..%2F..",
        "/posts/nobody",
        f"/media/{post}/..%2Fpost.json",
        f"/media/{post}/post.json",
        "/static/app.py",
    ):
        assert served.ask(path, Cookie=cookie)[0] == 404, path
    assert "default-src 'none'" in served.ask("/", Cookie=cookie)[2]["Content-Security-Policy"]


def test_it_says_which_layers_hold_and_ends_with_ctrl_c(served: Served):
    assert "offline: environment switches, audit hook" in served.said
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(timeout=20) == 0


# --- coding ---------------------------------------------------------------------------------------------------------


def test_a_post_is_coded_with_a_few_keys(page: Any, served: Served):
    post = begin(page, served)
    # Hedonism is present and dominates, the third value is conflicted, and one line shows it: then the next post.
    keys = ["h", "2", "ArrowUp", "3", ".", ".", "x", "8", "Enter"]
    press(page, *keys)
    page.wait_for_selector(f"body[data-ready] h1 bdi:not(:text-is('{post}'))")
    coding = read_coding(served.study, post, "anna")
    assert coding.done
    assert coding.confidence is None, "how sure a coder is belongs to the value"
    assert coding.values[CIRCLE[3]].dominant
    third = coding.values[CIRCLE[2]]
    assert third.state is State.CONFLICTED
    assert len(third.lines) == 1
    assert third.confidence == "medium"
    assert coding.script in served.study.script_variants(post)
    assert sum(one.state is State.ABSENT for one in coding.values.values()) == len(CIRCLE) - 2
    assert (served.study.root / "gold" / "anna.csv").exists()
    assert coding.shown == (), "labels by models were hidden"
    # Without lines and confidence a post with two values takes six keys, one without any takes one.
    second = page.inner_text("h1")
    press(page, "Enter")
    page.wait_for_selector(f"body[data-ready] h1 bdi:not(:text-is('{second}'))")
    assert read_coding(served.study, second, "anna").done


def test_a_value_and_a_post_have_a_confidence_and_a_note_each(page: Any, served: Served):
    post = begin(page, served)
    press(page, "h", "9")
    page.wait_for_selector("#saved.trouble:has-text('Decide')")
    press(page, "1", "9", "n", "l", "e", "t", "'", "s", "Escape", "a", "3", "7", "Escape", "8", "n")
    page.keyboard.type("seen twice")
    press(page, "Escape", "h", "2")
    stored(page, lambda: read_coding(served.study, post, "anna").values[CIRCLE[3]].dominant)
    assert page.input_value("[data-value=Hedonism] .value-note") == "let's"
    coding = read_coding(served.study, post, "anna")
    enjoyed = coding.values[CIRCLE[3]]
    assert (enjoyed.dominant, enjoyed.confidence, enjoyed.note) == (True, "high", "let's"), "kept with another state"
    [other] = [one for value, one in coding.values.items() if value is not CIRCLE[3]]
    assert (other.confidence, other.note) == ("low", "")
    assert (coding.confidence, coding.note) == ("medium", "seen twice")
    press(page, "a")
    assert "confidence high: let's" in page.inner_text("[data-value=Hedonism] .remark")


def test_labels_by_models_are_hidden_until_a_post_is_finished(page: Any, served: Served):
    begin(page, served)
    place = page.url
    assert page.locator(".machine").count() == 0
    assert "encoder" not in page.content()
    page.click("#done")
    page.wait_for_url(lambda url: url != place)
    page.goto(place)
    assert page.locator(".machine").count() == 1


def test_two_tabs_do_not_overwrite_each_other(page: Any, served: Served):
    post = begin(page, served)
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("body[data-ready]")
    press(page, "h", "1")
    saved(page)
    press(other, "s", "3")  # another value: both stay
    saved(other)
    assert len(read_coding(served.study, post, "anna").values) == 2
    press(page, "ArrowUp", "ArrowUp", "ArrowUp", "1")  # what the other window has set meanwhile
    page.wait_for_selector("#saved:has-text('another window')")
    assert read_coding(served.study, post, "anna").values[CIRCLE[0]].state is State.CONFLICTED
    assert page.get_attribute(f"[data-value='{CIRCLE[0]}'] [data-state=conflicted]", "aria-pressed") == "true"


def test_a_killed_program_loses_nothing_that_was_saved(page: Any, served: Served):
    post = begin(page, served)
    press(page, "h", "1", "n")
    written = "she laughs about it"
    page.keyboard.type(written)
    stored(page, lambda: read_coding(served.study, post, "anna").values[CIRCLE[3]].note == written)
    served.process.kill()
    served.process.wait()
    coding = read_coding(served.study, post, "anna")
    assert coding.values[CIRCLE[3]].note == written
    assert coding.values[CIRCLE[3]].state is State.PRESENT
    press(page, "Escape", "a", "1")
    page.wait_for_selector("#saved:has-text('NOT saved')")


def test_lines_are_corrected_and_posts_excluded(page: Any, served: Served):
    post = begin(page, served)
    line = served.study.read(post, "transcript", Transcript).segments[0].id
    page.click(f".line[id$='-{line}']")
    press(page, "e")
    page.fill("#edit [name=text]", "What was <b>really</b> said")
    page.click("#edit [type=submit]")
    page.wait_for_selector("text=1 corrections in this post")
    assert served.study.read(post, "transcript", Transcript).segments[0].text == "What was <b>really</b> said"
    assert served.study.edits(post).corrections[0].by == "anna"
    place = page.url
    page.click(".exclude summary")
    page.fill("#reason", "an advertisement")
    page.click("#exclude")
    page.wait_for_url(lambda url: url != place)
    assert served.study.left_out().excluded[post].reason == "an advertisement"


def test_a_line_that_several_speakers_say_is_corrected_as_a_whole(page: Any, served: Served):
    post = begin(page, served)
    segment = served.study.read(post, "transcript", Transcript).segments[0]
    first, rest = segment.text[: len(segment.text) // 2].strip(), segment.text[len(segment.text) // 2 :].strip()
    for name in served.study.script_variants(post):
        script = served.study.read(post, f"script.{name}", Script, as_found=True)
        scenes = []
        for scene in script.scenes:
            parts = [
                element.model_copy(update={"text": text, "speaker": who})
                for element in scene.elements
                for text, who in (
                    ((first, "SPEAKER 1"), (rest, "SPEAKER 2"))
                    if isinstance(element, Dialogue) and element.ref == segment.id
                    else ((element.text, getattr(element, "speaker", None)),)
                )
            ]
            scenes.append(scene.model_copy(update={"elements": tuple(parts)}))
        served.study.write(post, f"script.{name}", script.model_copy(update={"scenes": tuple(scenes)}))
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.click(f".line[id$='-{segment.id}.2']")
    press(page, "e")
    assert page.input_value("#edit [name=text]") == f"{first} {rest}"
    page.fill("#edit [name=text]", f"{first} and so on")
    page.click("#edit [type=submit]")
    page.wait_for_selector("text=1 corrections in this post")
    assert served.study.read(post, "transcript", Transcript).segments[0].text == f"{first} and so on"


def test_coders_are_blind_and_differences_are_adjudicated(page: Any, study: Study):
    first, second = study.post_ids()[:2]
    for coder, state in (("anna", "present"), ("ben", "conflicted")):
        change_coding(study, first, coder, CIRCLE[5].value, {"state": state}, seen=0)
        for post in (first, second):
            change_coding(study, post, coder, "done", True, seen=9)
    running = serve(study, "--adjudicate", coder="cleo")
    try:
        assert begin(page, running) == first
        row = page.locator(f"[data-value='{CIRCLE[5]}']")
        assert row.locator(".others").inner_text().split() == ["anna:", "present", "ben:", "conflicted"]
        row.locator("[data-state=present]").click()
        saved(page)
        press(page, "Enter")
        page.wait_for_url(f"http://{running.host}/")
        assert page.locator(".work li").count() == 1
    finally:
        running.process.kill()
        running.process.wait()
    coding = read_coding(study, first, "cleo")
    assert coding.adjudicates == ("anna", "ben")
    assert coding.values[CIRCLE[5]].state is State.PRESENT


def test_hostile_posts_stay_text(page: Any, served: Served):
    page.goto(served.address)
    page.wait_for_selector("#start")
    page.goto(f"http://{served.host}/posts/{quote(ODD_ID, safe='')}")
    page.wait_for_selector("body[data-ready]")
    assert "owned" not in page.title()
    assert page.locator("#owned").count() == 0
    press(page, "h", "1")
    saved(page)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off(browser: Any, served: Served, width: int, scheme: str):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    for place in ("/", f"/posts/{served.study.post_ids()[0]}"):
        page.goto(served.address if place == "/" else f"http://{served.host}{place}")
        page.wait_for_selector("h1")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_pictures_and_film_are_served(page: Any, served: Served):
    post = served.study.post_ids()[0]
    folder = served.study.folder(post) / "keyframes"
    media = served.study.require(post, "media", Media)
    still = Keyframe(id="K1", time=0.0, shot=0, file="keyframes/K1.jpg", width=90, height=160)
    served.study.write(post, "media", media.model_copy(update={"keyframes": (still,)}))
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (90, 160), (90, 120, 200)).save(folder / "K1.jpg")
    page.goto(served.address)
    page.wait_for_selector("#start")
    assert page.request.get(f"http://{served.host}/media/{post}/keyframes/K1.jpg").status == 200
    film = page.request.get(f"http://{served.host}/media/{post}/film", headers={"Range": "bytes=0-99"})
    assert (film.status, len(film.body())) == (206, 100)
    assert isinstance(read_coding(served.study, post, "anna"), Coding)
