"""The server as a browser meets it, in a process of its own under the network guard."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.commands import valex_process
from tests.report.made import ODD_ID, hostile_post, make_study
from tests.review.serving import Server, mark, serving
from valex_local.corpus.codings import read_codings
from valex_local.review.plan import make_plan, posts_to_adjudicate
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study
from valex_local.study.codings import read_coding

CLIP = Path(__file__).parents[2] / "models/demo/clips/@thrift.tilda_video_7300000000000000001.mp4"
FIRST = "author.0_7300000000000000000"
LAST = ODD_ID
ABSENT = [mark(value, "", "absent") for value in CIRCLE]
DONE = {"field": "done", "before": False, "after": True}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("review")
    video = root / "v.mp4"
    shutil.copy(CLIP, video)
    study = make_study(root / "study", 4, lines=4, video=video)
    hostile_post(study, video)
    return root / "study"


@pytest.fixture(scope="module")
def running(made: Path) -> Iterator[Server]:
    with serving(made, "anna") as server:
        yield server


@pytest.fixture
def entered(running: Server) -> Server:
    if not running.cookie:
        assert running.enter()[0] == 200
    return running


def test_the_start_line_says_which_layers_hold(running: Server) -> None:
    assert "connections of this machine are accepted, none is made" in running.said
    assert "posts   5 for anna" in running.said


def test_without_the_token_there_is_nothing(running: Server) -> None:
    paths = ["/", f"/post/{FIRST}", "/static/review.js", "/?token=guess", f"/coding/{FIRST}", f"/film/{FIRST}"]
    assert {running.ask("GET", path, Cookie=None)[0] for path in paths} == {403}


def test_the_token_is_good_once_and_the_cookie_is_closed(entered: Server) -> None:
    status, headers, _ = entered.ask("GET", entered.address.partition(entered.host)[2], Cookie=None)
    assert status == 403 and "set-cookie" not in headers
    assert entered.ask("GET", "/")[0] == 200


def test_the_cookie_is_for_no_script_and_no_other_site(made: Path) -> None:
    with serving(made, "ben") as server:
        cookie = server.enter()[1]["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "domain" not in cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost:1"},
        {"Host": None},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_requests_of_others_are_refused(entered: Server, headers: dict[str, str | None]) -> None:
    assert entered.ask("GET", f"/film/{FIRST}", **headers)[0] in (400, 403)
    assert entered.ask("POST", f"/coding/{FIRST}", {"changes": ABSENT[:1]}, **headers)[0] in (400, 403)


def test_a_change_without_an_origin_is_refused(entered: Server) -> None:
    assert entered.ask("POST", f"/coding/{FIRST}", {"changes": ABSENT[:1]}, Origin=None)[0] == 403


def test_every_answer_has_the_policy(entered: Server) -> None:
    for path in ("/", f"/post/{FIRST}", "/static/review.js", "/nothing"):
        headers = entered.ask("GET", path)[1]
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_the_page_is_that_of_the_report_and_shows_no_labels(entered: Server) -> None:
    status, _, body = entered.ask("GET", f"/post/{FIRST}")
    page = body.decode()
    assert status == 200
    assert f'src="/film/{FIRST}"' in page and 'id="s1-S1"' in page
    assert all(value.value in page for value in CIRCLE)
    assert "fewshot" not in page and "made-up" not in page


def test_a_hostile_post_is_text(entered: Server) -> None:
    status, _, body = entered.ask("GET", f"/post/{quote(ODD_ID, safe='')}")
    assert status == 200
    assert b"<script>alert" not in body and b"&lt;script&gt;alert" in body


@pytest.mark.parametrize("post_id", ["../study.toml", "..", "nobody", "%2e%2e%2fstudy.toml", ""])
def test_other_names_lead_nowhere(entered: Server, post_id: str) -> None:
    for kind in ("post", "coding", "film", "still", "static"):
        assert entered.ask("GET", f"/{kind}/{post_id}")[0] in (404, 405)
    assert entered.ask("GET", f"/still/{FIRST}/..%2f..%2fstudy.toml")[0] == 404


def test_the_video_is_sent_in_ranges(entered: Server) -> None:
    status, headers, body = entered.ask("GET", f"/film/{FIRST}", Range="bytes=10-19")
    assert status == 206 and len(body) == 10
    assert body == CLIP.read_bytes()[10:20]
    assert headers["content-type"] == "video/mp4"


def test_what_is_no_change_is_refused(entered: Server) -> None:
    for content in (b"", b"[" * 20_000, b"{}", {"changes": []}, {"changes": [mark("Greed", "", "present")]}):
        assert entered.ask("POST", f"/coding/{FIRST}", content)[0] == 400
    assert entered.ask("POST", f"/coding/{FIRST}", b"x" * 1_000_001)[0] in (403, 413)


def test_two_tabs_overwrite_nothing(entered: Server, made: Path) -> None:
    post_id = "author.1_7300000000000000001"
    value, other = CIRCLE[0].value, CIRCLE[1].value
    assert entered.change(post_id, mark(value, "", "present"))[0] == 200
    status, found = entered.change(post_id, mark(value, "", "conflicted"))
    assert status == 409 and found["values"][value]["mark"] == "present"
    assert entered.change(post_id, mark(other, "", "absent"))[1]["revision"] == 2
    stored = read_coding(Study(made), post_id, "anna")
    assert stored is not None and stored.of(CIRCLE[0]).state is State.PRESENT


def test_many_at_once_lose_nothing(entered: Server) -> None:
    post_id = "author.2_7300000000000000002"
    threads = [threading.Thread(target=entered.change, args=(post_id, mark(value, "", "present"))) for value in CIRCLE]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status, _, body = entered.ask("GET", f"/coding/{post_id}")
    found = json.loads(body)
    assert status == 200 and found["revision"] == len(CIRCLE)
    assert {one["mark"] for one in found["values"].values()} == {"present"}


def test_labels_of_models_are_hidden_until_the_post_is_finished(entered: Server, made: Path) -> None:
    post_id = "author.3_7300000000000000003"
    assert entered.ask("POST", f"/machine/{post_id}")[0] == 403
    assert entered.change(post_id, *ABSENT, DONE)[0] == 200
    status, _, body = entered.ask("POST", f"/machine/{post_id}")
    shown = json.loads(body)
    assert status == 200 and len(shown) > 1 and set(shown[0]["values"]) == set(CIRCLE)
    entered.change(post_id, mark(CIRCLE[0], "absent", "present"))
    stored = read_coding(Study(made), post_id, "anna")
    assert stored is not None
    assert [one.labels for one in stored.shown] == [one["name"] for one in shown]
    assert all(one.finished for one in stored.shown)
    assert [one.value for one in stored.values if one.after_machine] == [CIRCLE[0]]


def test_predictions_shown_on_request_are_recorded(made: Path) -> None:
    with serving(made, "early", "--show-predictions") as server:
        server.enter()
        assert server.ask("POST", f"/machine/{FIRST}")[0] == 200
    stored = read_coding(Study(made), FIRST, "early")
    assert stored is not None and stored.shown and not any(one.finished for one in stored.shown)


def test_a_killed_server_loses_nothing_that_it_answered(made: Path) -> None:
    with serving(made, "killed") as server:
        server.enter()
        for number, value in enumerate(CIRCLE):
            assert server.change(FIRST, mark(value, "", "present"))[1]["revision"] == number + 1
        server.kill()
    stored = read_coding(Study(made), FIRST, "killed")
    assert stored is not None and len(stored.values) == len(CIRCLE)


def test_coders_are_blind_and_adjudication_is_not(made: Path) -> None:
    first, second = CIRCLE[0].value, CIRCLE[1].value
    for coder, decision in (("carla", "present"), ("dora", "conflicted")):
        with serving(made, coder) as server:
            server.enter()
            assert json.loads(server.ask("GET", f"/coding/{FIRST}")[2])["others"] == []
            marks = [mark(first, "", decision), *ABSENT[1:], DONE]
            assert server.change(FIRST, *marks)[0] == 200
    with serving(made, "carla", "--adjudicate") as server:
        server.enter()
        start = json.loads(server.ask("GET", f"/coding/{FIRST}")[2])
        assert {one["coder"] for one in start["others"]} >= {"carla", "dora"}
        assert (start["values"][first]["mark"], start["values"][second]["mark"]) == ("", "absent")
        assert server.change(FIRST, mark(first, "", "present"), DONE)[0] == 200
    stored = read_coding(Study(made), FIRST, "adjudicated")
    assert stored is not None and stored.by == "carla" and stored.done
    gold = read_codings(Study(made))
    assert {"carla", "dora", "adjudicated"} <= gold.keys() and "killed" not in gold
    assert gold["adjudicated"].labels[0, 0].tolist() == [1, 0]
    assert gold["dora"].labels[0, 0].tolist() == [0, 1]


def test_a_forgotten_post_does_not_come_back(made: Path) -> None:
    post_id = "author.1_7300000000000000001"
    with serving(made, "late") as server:
        server.enter()
        assert valex_process("forget", post_id, "-s", made, "--yes").returncode == 0
        assert server.change(post_id, ABSENT[0])[0] == 404
        assert server.ask("GET", "/")[0] == 200
    assert not (made / "posts" / post_id).exists()


def test_the_browser_is_opened_from_outside_the_closed_process(made: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = tmp_path / "browser"
    # A browser that the closed process started could not connect.
    code = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).status)"
    script.write_text(
        f'#!/bin/sh\n"{sys.executable}" -c "{code}" "$1" > "{seen}.part" 2>&1; mv "{seen}.part" "{seen}"\n'
    )
    script.chmod(0o700)
    with serving(made, "opens", browser=script):
        for _ in range(200):
            if seen.exists():
                break
            time.sleep(0.1)
        assert seen.read_text().strip() == "200"


def test_nobody_sees_other_codings_of_a_post_before_it_is_finished(made: Path) -> None:
    for coder, post_done in (("one", True), ("two", True), ("three", False)):
        with serving(made, coder) as server:
            server.enter()
            server.change(LAST, *(ABSENT if post_done else ABSENT[:1]), *([DONE] if post_done else []))
    study = Study(made)
    assert LAST in posts_to_adjudicate(study, None, "four")
    assert LAST not in posts_to_adjudicate(study, None, "three")
    plan = make_plan([LAST], ["one", "two", "three"], overlap=1)
    assert LAST not in posts_to_adjudicate(study, plan, "four")


def test_wrong_calls_are_one_line(made: Path) -> None:
    nobody = valex_process("review", "-s", made)
    assert nobody.returncode == 2 and "--coder anna" in nobody.stderr
    wrong = valex_process("review", "-s", made, "--coder", "a/b", "--no-browser")
    assert wrong.returncode == 2 and "cannot be used" in wrong.stderr
