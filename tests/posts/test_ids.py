"""Names of posts."""

import os
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.posts.ids import PostKey, post_id, post_key, safe_stem, same_post

NUMBER = "7301234567890123456"
SUM = "0123456789abcdef" * 4

users = st.text(string.ascii_letters + string.digits + "._", min_size=1, max_size=24).filter(
    lambda u: not u.lower().endswith(("_video", "_photo")) and u.lower() not in ("video", "photo", "_video", "_photo")
)
numbers = st.integers(6 * 10**18, 8 * 10**18 - 1).map(str)


@pytest.mark.parametrize(
    ("text", "user"),
    [
        (f"https://www.tiktok.com/@some_user/video/{NUMBER}", "some_user"),
        (f"https://www.tiktok.com/@some_user/video/{NUMBER}?lang=en&q=1  ", "some_user"),
        (f"https://www.tiktok.com/@some.user/photo/{NUMBER}", "some.user"),
        (f"tiktok.com/%40Some_User/video/{NUMBER}/", "some_user"),
        (f"https://m.tiktok.com/v/{NUMBER}.html", None),
        (f"https://www.tiktokv.com/share/video/{NUMBER}/", None),
        (f"@some_user_video_{NUMBER}", "some_user"),
        (f"@some_user_video_{NUMBER}.mp4", "some_user"),
        (f"some_user_{NUMBER}.txt", "some_user"),
        (f"/data/videos/@_a_b__video_{NUMBER}.info.json", "_a_b_"),
        (f"C:\\videos\\some_user_{NUMBER}.mp4", "some_user"),
        (f"  some_user_{NUMBER}\n", "some_user"),
        (f"{NUMBER}.mp4", None),
        (NUMBER, None),
        (f"A title: with / all sorts 😀 [{NUMBER}].mp4", None),
        (f"@video_video_{NUMBER}", "video"),
        (f"@1234567890123456789_{NUMBER}", "1234567890123456789"),
    ],
)
def test_every_spelling_names_the_same_post(text, user):
    assert post_key(text) == PostKey(user, NUMBER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "holiday.mp4",
        "IMG_20240101_123456.mp4",
        f"{NUMBER}99",
        "user_",
        "@user",
        "ünï_" + NUMBER,
        "../..",
        "x" * 999,
    ],
)
def test_other_names_name_no_post(text):
    assert post_key(text) is None


@given(users, numbers)
def test_address_stem_and_user_id_agree(user, number):
    spellings = [
        f"https://www.tiktok.com/@{user}/video/{number} ",
        f"https://www.tiktok.com/@{user}/photo/{number}?x=1",
        f"@{user}_video_{number}",
        f"@{user}_video_{number}.mp4",
        f"{user}_{number}",
        f"some/folder/{user}_{number}.txt",
    ]
    assert {post_key(s) for s in spellings} == {PostKey(user.lower(), number)}
    name = post_id(post_key(spellings[0]), "anything", SUM)
    assert post_key(name) == PostKey(user.lower(), number)
    assert not name.startswith(".")


@given(users, numbers)
def test_a_user_name_that_ends_like_a_file_name_is_still_matched(user, number):
    keys = {post_key(f"https://tiktok.com/@{user}_video/video/{number}"), post_key(f"{user}_video_{number}")}
    assert len(keys) == 1


def test_an_unknown_user_agrees_with_any():
    known, other, unknown = PostKey("a", NUMBER), PostKey("b", NUMBER), PostKey(None, NUMBER)
    assert same_post(known, unknown)
    assert same_post(unknown, known)
    assert not same_post(known, other)
    assert not same_post(known, PostKey("a", NUMBER[:-1] + "0"))


names = st.text(max_size=300) | st.binary(max_size=200).map(os.fsdecode)


@given(names)
def test_an_id_is_a_safe_folder_name_whatever_the_file_is_called(stem):
    name = post_id(None, stem, SUM)
    assert name.endswith("-01234567")
    assert not set(name) & set('/\\\0:*?"<>|. \t\r\n')
    assert name[0] not in "-_."
    assert len(name.encode()) <= 200
    assert all(c.isalnum() or c in "-_" or unicodedata.category(c) in ("Mn", "Mc") for c in name)
    assert name == unicodedata.normalize("NFC", name)
    assert name == post_id(None, stem, SUM)


@given(names)
def test_names_that_a_disk_may_take_for_one_give_one_id(stem):
    assert safe_stem(stem) == safe_stem(unicodedata.normalize("NFD", stem)) or not stem.isprintable()
    assert safe_stem(safe_stem(stem)) == safe_stem(stem)


@given(st.text(string.printable))
def test_case_does_not_make_another_id(stem):
    assert safe_stem(stem.upper()) == safe_stem(stem.lower())


def test_what_stays_of_a_stem():
    assert safe_stem("Größe  am — See 😀") == "grösse_am_see"
    assert safe_stem("..") == "video"
    assert safe_stem("-rf") == "rf"
    assert safe_stem("नमस्ते") == "नमस्ते"
    assert post_id(PostKey(".a", NUMBER), "x", SUM) == f"@.a_{NUMBER}"


@given(st.text() | names)
def test_no_text_is_too_odd_to_be_asked(text):
    key = post_key(text)
    assert key is None or (17 <= len(key.number) <= 20 and key.number.isascii() and key.number.isdigit())
