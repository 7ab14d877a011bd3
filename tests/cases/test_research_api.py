"""Post texts as APIs answer: the list of posts is somewhere inside an object, on one line or printed over many."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases.tables import ADDRESS_1, NUMBERS, ONE, USER, captions, found, said
from valex_local.errors import InputError
from valex_local.posts.meta import read_meta

RESEARCH = [
    {"id": int(number), "video_description": f"Hello {number[-1]} #a", "username": USER, "create_time": 1698933900}
    for number in NUMBERS
]
SITE = [{"id": number, "desc": f"Hello {number[-1]} #a", "author": {"uniqueId": USER}} for number in NUMBERS]
APP = [
    {"aweme_id": number, "desc": f"Hello {number[-1]} #a", "author": {"unique_id": USER}, "video": {"play_addr": {}}}
    for number in NUMBERS
]
SHAPES: dict[str, Callable[[list[Any]], Any]] = {
    "list": lambda posts: posts,
    "research": lambda posts: {"data": {"videos": posts, "cursor": 1}, "error": {"code": "ok", "message": ""}},
    "itemList": lambda posts: {"itemList": posts, "hasMore": False},
    "item_list": lambda posts: {"statusCode": 0, "item_list": posts},
    "aweme_list": lambda posts: {"aweme_list": posts, "extra": {"now": 1}},
    "items": lambda posts: {"id": "run-1", "items": posts},
    "data": lambda posts: {"data": posts, "meta": {}},
    "search": lambda posts: {"data": [{"type": 1, "item": post} for post in posts]},
    "search of the app": lambda posts: {"data": [{"type": 1, "aweme_info": post} for post in posts]},
    "edges": lambda posts: {"data": {"user": {"edges": [{"node": post} for post in posts]}}},
    "nested": lambda posts: {"response": {"body": {"result": {"videos": posts}}}},
    "pages": lambda posts: [{"data": {"videos": [post]}} for post in posts] + [{"data": {"videos": []}}],
    "by number": lambda posts: {"ItemModule": dict(zip(NUMBERS, posts, strict=True))},
    "zeeschuimer": lambda posts: [
        {"nav_index": "1", "item_id": number, "timestamp_collected": 1, "source_platform": "tiktok.com", "data": post}
        for number, post in zip(NUMBERS, posts, strict=True)
    ],
    "4cat": lambda posts: [{**post, "__import_meta": {"timestamp_collected": 1}} for post in posts],
    "details": lambda posts: [{"itemInfo": {"itemStruct": post}} for post in posts],
}
FORMS: dict[str, Callable[[Any], str]] = {
    "one line": json.dumps,
    "pretty": lambda whole: json.dumps(whole, indent=2),
    "a page a line": lambda whole: "\n".join(map(json.dumps, whole if isinstance(whole, list) else [whole])),
    "pretty pages": lambda whole: "\n".join(
        json.dumps(page, indent=4) for page in (whole if isinstance(whole, list) else [whole])
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("posts", [RESEARCH, SITE, APP], ids=["research", "site", "app"])
def test_captions_are_read_from_the_list_inside(tmp_path: Path, posts: list[Any], shape: str, form: str) -> None:
    discovery = found(tmp_path, "posts.json", FORMS[form](SHAPES[shape](posts)))
    assert captions(discovery) == ["Hello 1 #a", "Hello 2 #a"]
    assert discovery.posts[0].text.hashtags == ("a",)
    assert discovery.unmatched == []
    assert said(discovery) == ""


def test_one_post_of_the_site(tmp_path: Path) -> None:
    page = {
        "__DEFAULT_SCOPE__": {"webapp.app-context": {}, "webapp.video-detail": {"itemInfo": {"itemStruct": SITE[0]}}}
    }
    assert captions(found(tmp_path, "posts.json", json.dumps(page))) == ["Hello 1 #a", None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"error": {"code": "access_token_invalid"}, "data": {}},
            "the service reported an error: access_token_invalid",
        ),
        ({"comments": [{"aweme_id": NUMBERS[0], "text": "no caption"}]}, "an object with the keys comments"),
        ([1, 2], "a list of 2 that are no objects"),
        ("text", "this JSON holds a str"),
        ([{"desc": "x"}], "no object here names its post .the first has desc"),
    ],
)
def test_what_is_not_known_is_named_with_what_was_found(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "posts.json"
    path.write_text(json.dumps(content, indent=1))
    with pytest.raises(InputError, match=message) as raised:
        read_meta(path)
    assert raised.value.hint


def test_an_empty_page_is_said_to_be_empty(tmp_path: Path) -> None:
    assert "it has no rows" in said(found(tmp_path, "posts.json", json.dumps({"data": {"videos": []}})))


@pytest.mark.parametrize("depth", [150, 5_000, 500_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"data":', "}"), ('[{"videos":', "}]")])
def test_deep_json_is_one_clear_line(tmp_path: Path, depth: int, opening: str, closing: str) -> None:
    path = tmp_path / "posts.json"
    path.write_text(opening * depth + "1" + closing * depth)
    with pytest.raises(InputError):
        read_meta(path)


wrappers = st.lists(st.sampled_from(["data", "response", "body", "0", "x y", "results"]), max_size=4)
noise = st.dictionaries(
    st.sampled_from(["cursor", "has_more", "log", "extra", "code"]), st.integers() | st.text(max_size=5) | st.none()
)


@given(st.sampled_from(["videos", "itemList", "aweme_list", "items", "data"]), wrappers, noise, st.data())
def test_any_wrapping_gives_the_same_posts(
    tmp_path_factory: pytest.TempPathFactory, key: str, around: list[str], more: dict[str, Any], data: st.DataObject
) -> None:
    posts = data.draw(st.sampled_from([RESEARCH, SITE, APP]))
    whole: Any = {**more, key: posts}
    for name in around:
        whole = {**more, name: whole}
    path = tmp_path_factory.mktemp("json") / "posts.json"
    path.write_text(data.draw(st.sampled_from(sorted(FORMS)).map(FORMS.__getitem__))(whole))
    table = read_meta(path)
    assert [row.key and f"{row.key.user}_{row.key.number}" for row in table.rows][:1] == [ONE]
    assert [row.text.caption for row in table.rows] == ["Hello 1 #a", "Hello 2 #a"]


def test_a_scraper_that_names_posts_by_address(tmp_path: Path) -> None:
    posts = {"posts": [{"webVideoUrl": ADDRESS_1, "text": "Hi", "authorMeta": {"name": USER}}]}
    assert captions(found(tmp_path, "posts.json", json.dumps(posts))) == ["Hi", None]


@pytest.mark.parametrize("name", ["posts.csv", "posts.txt", "posts.ndjson", "posts"])
def test_the_content_decides_what_a_file_is(tmp_path: Path, name: str) -> None:
    content = json.dumps(SHAPES["research"](RESEARCH), indent=1)
    assert captions(found(tmp_path, name, content)) == ["Hello 1 #a", "Hello 2 #a"]


PAGE = {"data": {"videos": [{"id": int(NUMBERS[0]), "video_description": "Hello"}]}, "error": {"code": "ok"}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(json.dumps(PAGE)),
        json.dumps({"status": 200, "body": json.dumps(PAGE)}),
        json.dumps({"response": json.dumps(PAGE)}),
        json.dumps([json.dumps({"id": NUMBERS[0], "desc": "Hello"})]),
    ],
)
def test_a_response_that_is_a_string_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    assert [row.text.caption for row in read_meta(tmp_path / "m.json").rows] == ["Hello"]


def test_an_error_that_was_saved_in_place_of_posts_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text('{"error": {"code": "rate_limit", "message": "Too many"}, "data": {}}')
    with pytest.raises(InputError, match="the service reported an error: Too many"):
        read_meta(tmp_path / "m.json")


def test_what_python_prints_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(repr(PAGE))
    with pytest.raises(InputError, match="what Python prints"):
        read_meta(tmp_path / "m.json")


def test_a_missing_number_is_no_caption(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(f'[{{"id": "{NUMBERS[0]}", "desc": NaN}}]')
    assert [row.text.caption for row in read_meta(tmp_path / "m.json").rows] == [None]
