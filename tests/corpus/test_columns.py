"""Names of values and ids as labs write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.files import AUTHORS_HEAD, N1
from valex_local.corpus.columns import Ids, is_meant_as_value, known_values, text_id, value_named
from valex_local.files.tables import parse_table
from valex_local.schwartz import CIRCLE, Value


@pytest.mark.parametrize("value", CIRCLE)
def test_every_spelling_of_a_value_is_known(value):
    spellings = {value.value, value.sheet_column, value.name}
    spellings |= {f"1_Value1_{value.sheet_column}_values", f"12_Value12_{value.sheet_column}_values"}
    spellings |= {f" {s.upper()} " for s in spellings} | {s.replace("_", " ").replace(":", "") for s in spellings}
    assert {value_named(s) for s in spellings} == {value}


def test_the_authors_columns_are_the_19_values():
    assert {value_named(name) for name in AUTHORS_HEAD} == set(CIRCLE)


@pytest.mark.parametrize(
    "name", ["", "Universalism: objectivity", "Power", "notes", "values", "1_Value1_", "Self", "Joy"]
)
def test_other_names_are_no_value(name):
    assert value_named(name) is None


@pytest.mark.parametrize("name", ["Hedonsim", "1_Value1_Joy_values", "Power", "Security", "Benevolence: care-giving"])
def test_what_is_meant_as_a_value_is_noticed(name):
    assert is_meant_as_value(name)


@pytest.mark.parametrize("name", ["notes", "Has_sound", "genre", "coder comment", "date", "followers", "text"])
def test_other_columns_are_not_taken_for_values(name):
    assert not is_meant_as_value(name)


def test_the_nearest_name_comes_first():
    assert known_values("hedonsm").startswith(Value.HEDONISM)
    assert known_values("Benevolence_Caer").startswith(Value.BENEVOLENCE_CARING)
    assert all(value in known_values("x") for value in CIRCLE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"https://www.tiktok.com/@Some_User/video/{N1}  ", f"some_user_{N1}"),
        (f"https://www.tiktok.com/@some_user/photo/{N1}", f"some_user_{N1}"),
        (f"@some_user_video_{N1}", f"some_user_{N1}"),
        (f"@some_user_video_{N1}.mp4", f"some_user_{N1}"),
        (f"some_user_{N1}.txt", f"some_user_{N1}"),
        (f"@.dotted_{N1}", f".dotted_{N1}"),
        (N1, N1),
        (" A01002 ", "A01002"),
        ("My clip.MP4", "My clip"),
        ("My clip.txt", "My clip"),
        ("My clip v1.2", "My clip v1.2"),
        (".txt", ".txt"),
        ("Zu\u0308rich", "Zürich"),
    ],
)
def test_ids(name, expected):
    assert text_id(name) == expected


@given(st.text() | st.from_regex(r"[a-z ]{0,4}(\.mp4|\.txt| ){0,4}", fullmatch=True))
def test_an_id_is_its_own_id(name):
    once = text_id(name)
    assert text_id(once) == once
    assert bool(once) == bool(name.strip())


def ids(text, named=None):
    table = parse_table(text, Path("t.csv"))
    reader = Ids(table, named)
    return [reader.of(row) for row in table.rows]


def test_ids_of_rows():
    assert ids(f"nr,author,id,text\n1,@Me,{N1},x\n2,,{N1},x\n3,@Me,,x\n") == [f"me_{N1}", N1, ""]
    assert ids(f"id,url\n{N1},https://tiktok.com/@me/video/{N1}\n") == [f"me_{N1}"]
    assert ids(f"Link to the post,id\nhttps://tiktok.com/@me/video/{N1},1\n") == [f"me_{N1}"]
    assert ids("a,b\nx,y\n", named="b") == ["y"]
    assert Ids(parse_table("a,b\nx,y\n", Path("t.csv"))).columns == ()


def test_a_rounded_id_is_refused():
    with pytest.raises(ValueError, match=r"column video_id: '7\.30E\+18' is an id that a spreadsheet has rounded"):
        ids("video_id,text\n7.30E+18,x\n")
