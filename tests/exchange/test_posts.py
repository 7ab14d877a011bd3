"""Posts of which only a name is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.corpus.post_finder import PostFinder
from valex_local.exchange.posts import names_a_user, new_post

N1, N2 = "7300000000000000001", "7300000000000000002"


@pytest.mark.parametrize(
    ("names", "name", "author", "url"),
    [
        ([f"@Ann_B_video_{N1}"], f"ann_b_{N1}", "ann_b", None),
        (["x", N2, f"gs://b/ann_{N1}.mp4"], f"ann_{N1}", "ann", None),
        ([f"https://www.tiktok.com/@ann/video/{N1}"], f"ann_{N1}", "ann", f"https://www.tiktok.com/@ann/video/{N1}"),
        (["../../etc/passwd"], "passwd-", None, None),
        (["My Clip"], "my_clip-", None, None),
        ([f"title [{N1}]"], f"{N1}-", None, None),
    ],
)
def test_a_new_post_is_named_as_its_video_would_be(names, name, author, url):
    made = new_post(names)
    assert made is not None
    assert made.id.startswith(name)
    assert made.id == name or made.id[len(name) :].isalnum()
    assert (made.video, made.text.author, made.text.url) == (None, author, url)


def test_names_decide():
    assert new_post([]) is None
    assert not names_a_user(["x", N1])
    assert names_a_user(["x", f"ann_{N1}"])


NAMES = st.text(min_size=1, max_size=30) | st.sampled_from(
    [N1, f"@ann_video_{N1}", f"x [{N1}]", "a/b.mp4", ".x", "\ud800"]
)


@given(NAMES)
def test_a_new_post_is_found_again_by_its_names_and_its_id(name):
    made = new_post([name])
    assert made is not None
    assert "/" not in made.id
    assert not made.id.startswith(".")
    assert PostFinder([made]).find([name]) == (made.id,)
    assert PostFinder([made]).find([made.id]) == (made.id,)
    assert new_post([name]) == made


def test_case_makes_no_other_post():
    assert new_post(["My%20Clip"]) == new_post(["my clip"])
