"""Names of posts."""

import os
import string
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.posts.ids import (
    PostKey,
    file_key,
    is_number,
    known_user,
    post_id,
    post_key,
    safe_stem,
    same_post,
    series_key,
)

NUMBER = "7301234567890123456"
SUM = "0123456789abcdef" * 4

users = st.from_regex(r"[a-zA-Z][A-Za-z0-9._]{0,22}[A-Za-z0-9_]", fullmatch=True).filter(
    lambda u: (
        not u.lower().endswith(("_video", "_photo"))
        and known_user(u) == u.lower()
        and not u.lower().startswith(("tiktok", "ssstik", "snaptik"))
    )
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
        (f"@1234567890123456789_{NUMBER}", None),
        (f"https://www.tiktok.com/@_/video/{NUMBER}", None),
        (f"https://www.tiktok.com/@6801234567890123456/video/{NUMBER}", None),
        (f"https://www.tiktok.com/@undefined/video/{NUMBER}", None),
        (f"https://web.archive.org/web/2023/https://www.tiktok.com/@some_user/video/{NUMBER}", "some_user"),
        ("https://www.tiktok.com/@some_user/video/242712345678901248", "some_user"),
        (f"video_{NUMBER}", None),
        (f"20231101_{NUMBER}.mp4", None),
        (f"TikTok_{NUMBER}.mp4", None),
        (f"ssstik.io_{NUMBER}.mp4", None),
        (f"20231101_some_user_{NUMBER}.mp4", "some_user"),
    ],
)
def test_every_spelling_names_the_same_post(text, user):
    key = post_key(text)
    assert key == PostKey(user, "242712345678901248" if "2427" in text else NUMBER)


@pytest.mark.parametrize(
    ("name", "user"),
    [
        (f"some_user_{NUMBER}_720p.mp4", "some_user"),
        (f"some.user - a title, with signs - {NUMBER}.mp4", "some.user"),
        (f"{NUMBER}.mp4", None),
        (f"{NUMBER}_video.mp4", None),
        (f"2023-11-01_some_user_{NUMBER}.mp4", "some_user"),
        (f"2023-11-01 12-30-00 - some_user - title - {NUMBER}.mp4", "some_user"),
        (f"20231101_{NUMBER}.mp4", None),
        (f"video_{NUMBER}.mp4", None),
        (f"tiktok_some_user_{NUMBER}.mp4", "some_user"),
        (f"snaptik_{NUMBER}_v2.mp4", None),
        (f"ssstik.io_@some_user_{NUMBER}.mp4", "some_user"),
        (f"a title-{NUMBER}.mp4", None),
        (f"ünï_{NUMBER}.mp4", None),
        (f"some_user_{NUMBER} (1).mp4", "some_user"),
        (f"some_user_{NUMBER}_20250615_101530.mp4", "some_user"),
        (f"{NUMBER}_01 TikTok photo #{NUMBER} [7123456789012345678].jpg", None),
        (f"{NUMBER} a title [7123456789012345678].mp3", None),
        (f"6812345678901234567_{NUMBER}.mp4", None),
        (f"share_video_{NUMBER}_.mp4", None),
        (f"participant12_{NUMBER}.mp4", None),
        (f"P01_{NUMBER}.mp4", None),
        (f"clip_3_{NUMBER}.mp4", None),
        (f"final_cut_{NUMBER}.mp4", None),
        (f"SnapTik_App_{NUMBER}-HD.mp4", None),
        (f"tikcdn.io_{NUMBER}.mp4", None),
        (f"01.11.2023_some_user_{NUMBER}.mp4", "some_user"),
        (f"some_user_1698796800_{NUMBER}.mp4", "some_user"),
        (f"https___www.tiktok.com_@some_user_video_{NUMBER}.mp4", "some_user"),
        (f"@participant12_{NUMBER}.mp4", "participant12"),
    ],
)
def test_the_number_is_found_wherever_it_is_in_a_file_name(name, user):
    assert file_key(name) == PostKey(user, NUMBER)


@pytest.mark.parametrize("rest", ["_part2", "_1", "-3", " clip 04", "_scene12"])
def test_parts_of_a_post_are_not_the_post(rest):
    assert file_key(f"some_user_{NUMBER}{rest}.mp4") is None
    assert series_key(f"some_user_{NUMBER}{rest}.jpg").number == NUMBER


@pytest.mark.parametrize(
    "digits",
    [
        "1800000000000000000",  # a tweet
        "3200000000000000000",  # a picture on Instagram
        "1200000000000000000",  # a message on Discord
        "1699999999999999999",  # nanoseconds
        "20231101123456789",  # a time
        "123456789012345678",
        "9999999999999999999",
    ],
)
def test_ids_of_other_platforms_and_times_are_no_numbers_of_posts(digits):
    assert not is_number(digits)
    for name in (f"user_{digits}.mp4", f"{digits}.mp4", f"title [{digits}].mp4", f"a {digits} b.mp4"):
        assert file_key(name) is None


@pytest.mark.parametrize(
    "text",
    [
        f"https://likee.video/@user/video/{NUMBER}",
        f"https://www.kwai.com/@user/video/{NUMBER}",
        f"https://www.facebook.com/user/video/{NUMBER}",
        "",
        "holiday.mp4",
        "IMG_20240101_123456.mp4",
        f"{NUMBER}99",
        "user_",
        "@user",
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


def test_the_number_alone_identifies_a_post():
    assert same_post(PostKey("a", NUMBER), PostKey(None, NUMBER))
    assert same_post(PostKey("a", NUMBER), PostKey("b", NUMBER))
    assert not same_post(PostKey("a", NUMBER), PostKey("a", NUMBER[:-1] + "0"))


words = st.text(string.ascii_letters + " äß😀,!'", max_size=20)
days = st.dates(min_value=date(2016, 1, 1), max_value=date(2030, 1, 1))


@given(users, numbers, words, days, st.sampled_from(["_720p", "_hd", "_nowatermark", " (1)", "_video", ".f137", ""]))
def test_every_name_of_a_file_holds_its_number_and_its_user_if_any(user, number, title, day, rest):
    with_user = [
        f"{user}_{number}{rest}.mp4",
        f"@{user}_video_{number}{rest}.mp4",
        f"{day}_{user}_{number}{rest}.mp4",
        f"{day:%Y%m%d}_{user}_{number}{rest}.mp4",
        f"{user} - x{title} - {number}{rest}.mp4",
    ]
    without = [
        f"{number}{rest}.mp4",
        f"{day}_{number}{rest}.mp4",
        f"{day:%Y%m%d}_{number}{rest}.mp4",
        f"video_{number}{rest}.mp4",
        f"x{title} [{number}]{rest}.mp4",
        f"x{title}-{number}{rest}.mp4",
    ]
    assert {file_key(name) for name in with_user} == {PostKey(user.lower(), number)}
    assert {file_key(name) for name in without} == {PostKey(None, number)}


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
