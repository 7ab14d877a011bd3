"""From posts to figures: two simulated coders work through the real page, differ, are adjudicated and evaluated."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.commands import valex_process
from tests.report.made import make_study
from tests.report.test_browser import browser  # noqa: F401 - a fixture
from tests.review.serving import serving
from valex_local.corpus.codings import read_codings
from valex_local.review.plan import posts_of
from valex_local.schwartz import CIRCLE
from valex_local.study import Study
from valex_local.study.codings import ADJUDICATED, read_plan

pytestmark = pytest.mark.slow

CLIP = Path(__file__).parents[2] / "models/demo/clips/@thrift.tilda_video_7300000000000000001.mp4"
POSTS = 60
KEYS = {"present": "p", "dominant": "d", "conflicted": "c"}


def truth(post_id: str) -> dict[int, str]:
    """Return what a post shows, by the position of the value: about three values of each post."""
    chance = random.Random(post_id)
    return {at: chance.choices(list(KEYS), (6, 2, 1))[0] for at in sorted(chance.sample(range(len(CIRCLE)), 3))}


def seen_by(coder: str, post_id: str) -> dict[int, str]:
    """Return what a coder sees, who overlooks one value in eight and takes one conflict in two for presence."""
    chance = random.Random(f"{coder} {post_id}")
    kept = {at: mark for at, mark in truth(post_id).items() if chance.random() > 1 / 8}
    return {at: "present" if mark == "conflicted" and chance.random() < 0.5 else mark for at, mark in kept.items()}


def code(page: Any, post_id: str, marks: dict[int, str]) -> int:
    """Code the post that is open, with the keyboard alone, and go to the next; return the number of keys."""
    page.wait_for_selector(f"main[data-post='{post_id}']")
    page.wait_for_selector("#saved:text-is('saved')")
    keys, at = [], 0
    for place, mark in marks.items():
        keys += ["ArrowDown"] * (place - at) + [KEYS[mark]]
        at = place
    for key in [*keys, "r", "Enter"]:
        page.keyboard.press(key)
    page.wait_for_selector("body.is-done")
    page.wait_for_selector("#saved:text-is('saved')")
    page.keyboard.press("Enter")
    return len(keys) + 3


@pytest.fixture
def study(tmp_path: Path) -> Study:
    video = tmp_path / "v.mp4"
    shutil.copy(CLIP, video)
    make_study(tmp_path / "study", POSTS, lines=4, video=video)
    return Study(tmp_path / "study")


def open_page(browser: Any, address: str) -> Any:  # noqa: F811
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(20_000)
    page.goto(address)
    page.wait_for_selector("a.go:focus")
    page.keyboard.press("Enter")
    return page


def test_the_whole_loop(browser: Any, study: Study) -> None:  # noqa: F811
    planned = valex_process("review", "plan", "-s", study.root, "--coders", "anna,ben", "--overlap", 0.3, "--seed", 1)
    assert "60 posts, 18 of them coded by everybody" in planned.stdout, planned.stderr
    plan = read_plan(study)
    counts: list[int] = []
    for coder in ("anna", "ben"):
        posts = posts_of(study, plan, coder)
        assert len(posts) == 39
        with serving(study.root, coder) as server:
            page = open_page(browser, server.address)
            counts += [code(page, post_id, seen_by(coder, post_id)) for post_id in posts]
            page.wait_for_selector(".entries")
            page.context.close()
    mean = sum(counts) / len(counts)
    print(f"keys for one post: mean {mean:.1f}, from {min(counts)} to {max(counts)}")
    assert mean < 25

    found = read_codings(study)
    shared = sorted(set(found["anna"].ids) & set(found["ben"].ids))
    assert len(shared) == 18
    with serving(study.root, "carla", "--adjudicate") as server:
        page = open_page(browser, server.address)
        for post_id in shared:
            page.wait_for_selector(f"main[data-post='{post_id}']")
            page.wait_for_selector("#saved:text-is('saved')")
            while page.locator(".coded:not(.decided)").count():
                value = page.locator(".coded.current").get_attribute("data-value")
                mark = truth(post_id).get([one.value for one in CIRCLE].index(value), "absent")
                page.keyboard.press({**KEYS, "absent": "a"}[mark])
                page.keyboard.press("x")
            page.keyboard.press("Enter")
            page.wait_for_selector("body.is-done")
            page.wait_for_selector("#saved:text-is('saved')")
            page.keyboard.press("Enter")
        page.wait_for_selector(".entries")
        page.context.close()

    status = valex_process("review", "status", "-s", study.root).stdout.splitlines()
    assert status == [
        "anna: 39 of 39 done, 0 begun",
        "ben: 39 of 39 done, 0 begun",
        "adjudicated: 18 of 18 posts that several coders have finished",
    ]
    decided = read_codings(study)[ADJUDICATED]
    assert decided.ids == tuple(shared)
    measured = valex_process("evaluate", study.root, "--agreement", "--group", "none")
    assert measured.returncode == 0, measured.stderr
    assert "gold labels" in measured.stdout
