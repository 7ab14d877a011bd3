"""What is filed under posts, and found by any of their names."""

import pytest

from valex_local.posts.ids import PostIndex, names_same_post, post_key, post_names
from valex_local.records import Post, PostText, SourceFile

N1, N2 = "7300000000000000001", "7300000000000000002"


@pytest.fixture
def index() -> PostIndex[str]:
    index: PostIndex[str] = PostIndex()
    for item in (f"ann_{N1}", f"ben_{N1}", N2):
        index.add(item, [post_key(item)])
    index.add("clip", [None], ["clip", "holiday", "clip"])
    index.add("twin", names=["clip"])
    return index


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (f"ann_{N1}", [f"ann_{N1}", f"ben_{N1}"]),
        (f"@Ann_video_{N1}.mp4", [f"ann_{N1}", f"ben_{N1}"]),
        (N1, [f"ann_{N1}", f"ben_{N1}"]),
        (f"anyone_{N2}", [N2]),
        (f"carl_{N1}", [f"ann_{N1}", f"ben_{N1}"]),
        ("clip", []),
    ],
)
def test_posts_are_found_by_number_whatever_their_user_is_called(index, name, found):
    assert index.of_key(post_key(name)) == found


def test_other_names_are_found_as_they_are_written_each_item_once(index):
    assert index.of_name("clip") == ["clip", "twin"]
    assert index.of_name("holiday") == ["clip"]
    assert index.of_name("Clip") == []
    index.of_name("clip").clear()
    assert index.of_name("clip") == ["clip", "twin"]


def test_the_names_of_a_post():
    video = SourceFile(path=f"/videos/ann_{N1}.mp4", sha256="0" * 64, size=1)
    assert post_names(Post(id="a")) == ("a",)
    post = Post(id=f"ann_{N1}.mp4", video=video, text=PostText(url="https://x"))
    assert post_names(post) == (f"ann_{N1}.mp4", "https://x")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" a ", "a", True),
        ("a", "b", False),
        (f"ann_{N1}", N1, True),
        (f"ann_{N1}", f"ben_{N1}", True),
        (f"ann_{N1}", f"ann_{N2}", False),
    ],
)
def test_two_names_of_one_post(one, other, same):
    assert names_same_post(one, other) is same
