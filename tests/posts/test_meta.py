"""Tables of post text."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import InputError
from valex_local.notices import NOTICES
from valex_local.posts import discover
from valex_local.posts.meta import read_meta

N1, N2 = "7301234567890123456", "7301234567890123457"
FOUR_CAT_HEAD = (
    "id,thread_id,author,author_full,author_id,author_followers,body,timestamp,is_duet,music_name,music_id,music_url,"
    "video_url,tiktok_url,thumbnail_url,likes,comments,shares,plays,hashtags,stickers,warning"
)
FOUR_CAT_ROW = (
    f'{N1},{N1},some_user,Some User,68,10,"Two, three\nlines #a",1690000000,False,original sound,1,https://x/m,https://v16/t,'
    f'https://tiktok.com/@some_user/video/{N1},https://p16/t,1,2,3,4,"a,b",,'
)
ZEESCHUIMER = {
    "nav_index": "1:2:0",
    "item_id": N1,
    "timestamp_collected": 1691000000000,
    "source_platform": "tiktok.com",
    "source_platform_url": "https://www.tiktok.com/foryou",
    "data": {
        "id": N1,
        "desc": "Two, three\nlines #a",
        "createTime": 1690000000,
        "author": {"id": "68", "uniqueId": "some_user", "nickname": "Some User"},
        "music": {"id": "1", "title": "original sound", "playUrl": "https://x/m"},
        "challenges": [{"id": "5", "title": "a", "desc": ""}, {"id": "6", "title": "b"}],
        "textExtra": [{"hashtagName": "a"}, {"hashtagName": ""}],
        "video": {"id": N1, "playAddr": "https://v16/t"},
        "stats": {"diggCount": 1},
    },
}


def videos(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"video")
    return folder


@pytest.mark.parametrize("kind", ["csv", "tsv", "bom", "utf-16", "semicolon", "ndjson", "mapped", "json", "unnamed"])
def test_every_export_gives_the_same_text(tmp_path, kind):
    row = next(csv.DictReader(io.StringIO(f"{FOUR_CAT_HEAD}\n{FOUR_CAT_ROW}\n")))

    def table(separator):
        out = io.StringIO()
        writer = csv.DictWriter(out, row, delimiter=separator)
        writer.writeheader()
        writer.writerow(row)
        return out.getvalue()

    name, raw = {
        "csv": ("m.csv", table(",").encode()),
        "tsv": ("m.tsv", table("\t").encode()),
        "bom": ("m.csv", table(",").encode("utf-8-sig")),
        "utf-16": ("m.csv", table("\t").encode("utf-16")),
        "semicolon": ("m.csv", table(";").encode()),
        "ndjson": ("m.ndjson", json.dumps(ZEESCHUIMER).encode() + b"\n\n"),
        "mapped": ("m.jsonl", json.dumps({**row, "timestamp": "2023-07-22 04:26:40"}).encode()),
        "json": ("m.json", json.dumps([ZEESCHUIMER]).encode()),
        "unnamed": ("meta", json.dumps(ZEESCHUIMER).encode()),
    }[kind]
    (tmp_path / name).write_bytes(raw)
    found = discover([videos(tmp_path / "v", f"@some_user_video_{N1}.mp4")], meta=tmp_path / name)
    text = found.posts[0].text
    assert text.caption == "Two, three\nlines #a"
    assert text.hashtags == ("a", "b")
    assert text.sound_title == "original sound"
    assert text.author == "some_user"
    assert text.posted_at == "2023-07-22T04:26:40Z"
    assert found.unmatched == []


def test_rows_without_a_video_are_listed(tmp_path):
    meta = tmp_path / "m.csv"
    meta.write_text(
        f"url,caption\nhttps://tiktok.com/@a/video/{N1} ,here\nhttps://tiktok.com/@b/photo/{N2},not here\n,nothing\n"
    )
    found = discover([videos(tmp_path / "v", f"a_{N1}.mp4")], meta=meta)
    assert found.posts[0].text.caption == "here"
    assert found.unmatched == [f"row 3: b_{N2}", "row 4: without an id"]


def test_another_user_with_the_number_is_the_same_post_and_is_said(tmp_path):
    meta = tmp_path / "m.csv"
    meta.write_text(f"url,caption\nhttps://tiktok.com/@other/video/{N1},no\n")
    found = discover([videos(tmp_path / "v", f"a_{N1}.mp4")], meta=meta)
    (post,) = found.posts
    assert (post.id, post.text.caption, post.text.author) == (f"other_{N1}", "no", "other")
    assert [notice.code for notice in post.notices] == ["user-differs"]
    assert found.unmatched == []


@pytest.mark.parametrize("name", ["My clip", "My clip.mp4"])
def test_any_file_name_serves_as_id(tmp_path, name):
    meta = tmp_path / "m.tsv"
    meta.write_text(f"file\tdesc\tGenre\n{name}\thello\tsport\n")
    found = discover([videos(tmp_path / "v", "My clip.mp4")], meta=meta)
    assert (found.posts[0].text.caption, found.posts[0].text.genre) == ("hello", "sport")
    assert found.unmatched == []


def test_the_table_goes_before_what_lies_beside(tmp_path):
    folder = videos(tmp_path / "v", f"a_{N1}.mp4")
    (folder / f"a_{N1}.info.json").write_text('{"description": "beside", "track": "song"}')
    (tmp_path / "m.csv").write_text(f"id,caption\na_{N1},table\n")
    text = discover([folder], meta=tmp_path / "m.csv").posts[0].text
    assert (text.caption, text.sound_title) == ("table", "song")


@pytest.mark.parametrize(
    ("name", "raw", "notice"),
    [
        ("m.csv", b"id,date\nx,2023-01-01\ny,someday\n", "1 cell left out: not a date (first: row 3"),
        ("m.csv", b"id,body\nx,y,z\na,b\n", "1 row left out (first: row 2 has 3 cells, but the header has 2)"),
        ("m.csv", b'id,body\nx,"y" z\n', "lines read as they stand because their quotes are not those of CSV: 1"),
        ("m.csv", b'id,body\nx,"y"z,"q\na,b\n', "1 row left out (first: line 2 is not valid CSV"),
        ("m.csv", b"id,body\n7.30123E+18,y\n", "1 row of no post because a spreadsheet rounded the id (first: row 2"),
        ("m.csv", b"id,body\nx,\xe9t\xe9s\n", "read as Windows-1252"),
        ("m.csv", "id,body\nx,é\ny,".encode() + b"\xe9\n", "1 characters are not UTF-8"),
        ("m.csv", b"id,body\nx,nan\n", "column body: 1 cell read as empty (first: row 2, 'nan')"),
        ("m.csv", b"id,body\nx,one\nx,other\n", "1 post with several rows that differ"),
        ("m.csv", b"id,body,body\nx,y,z\n", "columns 2 and 3 are both named 'body'"),
        ("m.ndjson", b'{"id": "x"}\n{"id": \n', "1 row left out (first: line 2 is not valid JSON"),
        ("m.ndjson", b'{"id": "x"}\n[1]\n', "1 row left out (first: line 2, item 1 is not a JSON object)"),
        (
            "m.ndjson",
            b'{"id": "x", "challenges": 5}',
            "column challenges: 1 cell left out: not hashtags",
        ),
        ("m.ndjson", b'{"id": "x", "desc": [1]}', "column desc: 1 cell left out: not text"),
        ("m.json", b'{"id": "x"}{"id": ', "1 row left out (first: what follows line 1 is not valid JSON)"),
    ],
)
def test_a_bad_cell_costs_itself_and_is_counted(tmp_path, name, raw, notice):
    (tmp_path / name).write_bytes(raw)
    table = read_meta(tmp_path / name)
    assert table.rows
    assert any(notice in found.text for found in table.notices), table.notices
    assert all(found.code in NOTICES for found in table.notices)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("m.csv", b"caption,date\nx,y\n", "no column holds ids"),
        ("m.csv", b"", "no column holds ids"),
        ("m.csv", b"id,body\nx,y,z\n", "row 2 has 3 cells, but the header has 2"),
        ("m.csv", b'id,"body\nx,y\n', "not valid CSV near line 1"),
        ("m.csv", "id,body\nx,привет\n".encode("cp1251"), "line 2 is not utf-8"),
        ("m.xlsx", b"PK\x03\x04broken", "this workbook cannot be read"),
        ("m.json", b"[" * 100000, "this is not valid JSON"),
        ("m.json", b"[[[1]]]", "this JSON holds a list of 1 that are no objects, and no post was found"),
        ("m.json", b'{"error": {"code": "denied"}, "log": 1}', "the service reported an error: denied"),
        ("m.ndjson", b'{"desc": "x"}\n{"desc": "y"}\n', "no object here names its post .the first has desc"),
        ("m.json", b'{\n"id": 1,\n', "not valid JSON .EOF"),
        ("m.json", b"3", "this JSON holds a int"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, name, raw, message):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError, match=message):
        read_meta(tmp_path / name)


def test_a_missing_table_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_meta(tmp_path / "none.csv")


cell = st.text(max_size=30) | st.integers() | st.floats() | st.booleans() | st.none()
value = st.recursive(
    cell, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
fields = st.sampled_from(
    ["id", "desc", "author", "music", "createTime", "challenges", "hashtags", "data", "genre", "url"]
)


@given(st.lists(st.dictionaries(fields, value, max_size=6), min_size=1, max_size=5))
def test_any_json_is_read_or_named(tmp_path_factory, items):
    path = tmp_path_factory.mktemp("meta") / "m.ndjson"
    path.write_text("\n".join(json.dumps(item) for item in items))
    try:
        table = read_meta(path)
    except InputError as error:
        assert "no post was found" in str(error) or "names its post" in str(error)
    else:
        assert len(table.rows) >= len(items) - 1 or any(notice.code == "table-row" for notice in table.notices)


@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "ndjson", "json", "txt"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, raw, suffix):
    path = tmp_path_factory.mktemp("meta") / f"m.{suffix}"
    path.write_bytes(b"id,body\n" + raw)
    try:
        read_meta(path)
    except InputError as error:
        assert str(error).endswith("]") or error.hint


@pytest.mark.parametrize("head", ["id,Beschreibung", "id,texto,author"])
def test_a_table_without_captions_says_so(tmp_path, head):
    path = tmp_path / "posts.csv"
    path.write_text(f"{head}\n{N1},words{',' * (head.count(',') - 1)}\n")
    (notice,) = read_meta(path).notices
    assert "so no caption was read" in notice.text
    assert head.split(",")[1].casefold() in notice.text
    path.write_text(f"id,caption\n{N1},\n")
    assert read_meta(path).notices == ()
