"""From posts to figures: two simulated coders work through the real page, a third decides, and all is evaluated."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.commands import valex_process
from tests.report.made import make_study
from tests.review.test_browser import CLIP, Served, browser, page, serve  # noqa: F401 - fixtures
from valex_local.review.plan import read_plan
from valex_local.schwartz import CIRCLE
from valex_local.study import Study
from valex_local.study.codings import read_coding

pytestmark = pytest.mark.slow

POSTS = 60
KEYS = {"absent": "0", "present": "1", "dominant": "2", "conflicted": "3"}


def truth(post_id: str) -> dict[int, str]:
    """Return what a post shows, by the position of the value: three values of each post."""
    chance = random.Random(post_id)
    marks = chance.choices(["present", "dominant", "conflicted"], (6, 2, 1), k=3)
    return dict(zip(sorted(chance.sample(range(len(CIRCLE)), 3)), marks, strict=True))


def seen_by(coder: str, post_id: str) -> dict[int, str]:
    """Return what a coder sees, who overlooks one value in eight and takes one conflict in two for presence."""
    chance = random.Random(f"{coder} {post_id}")
    kept = {at: mark for at, mark in truth(post_id).items() if chance.random() > 1 / 8}
    return {at: "present" if mark == "conflicted" and chance.random() < 0.5 else mark for at, mark in kept.items()}


def code(page: Any, post_id: str, marks: dict[int, str]) -> int:  # noqa: F811
    """Code the post that is open, with the keyboard alone, and go to the next; return the number of keys."""
    page.wait_for_url(f"**/posts/{post_id}")
    page.wait_for_selector("body[data-ready]")
    keys, at = [], -1
    for place, mark in marks.items():
        keys += ["ArrowDown"] * (place - at) + [KEYS[mark]]
        at = place
    for key in [*keys, "Enter"]:
        page.keyboard.press(key)
    page.wait_for_url(lambda address: not address.endswith(post_id))
    return len(keys) + 1


def start(page: Any, served: Served) -> None:  # noqa: F811
    page.goto(served.address)
    page.wait_for_selector("#start")
    page.keyboard.press("Tab")
    page.focus("#start")
    page.keyboard.press("Enter")


def stop(served: Served) -> None:
    served.process.kill()
    served.process.wait()


def test_the_whole_loop(page: Any, tmp_path: Path) -> None:  # noqa: F811
    study = make_study(tmp_path / "study", POSTS, lines=4, video=CLIP)
    root = study.root
    valex_process("review", "plan", "-s", root, "--coders", "anna,ben", "--overlap", 0.3, "--seed", 1)
    plan = read_plan(study)
    assert plan is not None
    shared = sorted(set(plan.coders["anna"]) & set(plan.coders["ben"]))
    assert (len(plan.coders["anna"]), len(plan.coders["ben"]), len(shared)) == (39, 39, 18)
    counts: list[int] = []
    for coder, posts in plan.coders.items():
        served = serve(study, coder=coder)
        start(page, served)
        counts += [code(page, post_id, seen_by(coder, post_id)) for post_id in posts]
        stop(served)
    print(f"keys for one post: mean {sum(counts) / len(counts):.1f}, from {min(counts)} to {max(counts)}")
    status = valex_process("review", "status", "-s", root).stdout.splitlines()
    assert status == ["anna: 39 of 39 finished, 0 begun", "ben: 39 of 39 finished, 0 begun"]

    differing = [post_id for post_id in shared if _differs(study, post_id)]
    assert 5 < len(differing) <= 18
    served = serve(study, "--adjudicate", coder="cleo")
    start(page, served)
    for post_id in differing:
        code(page, post_id, truth(post_id))
    stop(served)
    for post_id in differing:
        stored = read_coding(study, post_id, "cleo")
        assert stored.done
        assert stored.adjudicates == ("anna", "ben")
    assert {path.name for path in (root / "gold").iterdir()} == {"anna.csv", "ben.csv", "cleo.csv"}
    measured = valex_process("evaluate", root, "--agreement", "--group", "none")
    assert measured.returncode == 0, measured.stderr
    assert "gold labels" in measured.stdout


def _differs(study: Study, post_id: str) -> bool:
    anna, ben = (read_coding(study, post_id, coder).values for coder in ("anna", "ben"))
    return any((anna[v].state, anna[v].dominant) != (ben[v].state, ben[v].dominant) for v in CIRCLE)
