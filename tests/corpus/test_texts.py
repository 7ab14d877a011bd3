"""Texts as labs keep them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.files import N1, N2, N3, write
from valex_local.corpus import Text, Texts, read_texts
from valex_local.corpus.texts import join_texts
from valex_local.errors import InputError, StudyError
from valex_local.records import Action, Post, PostText, Scene, Script, Sound, SourceFile
from valex_local.study import Study

SHA = "0" * 64


def script(name: str, words: str = "A dog.", **more: object) -> Script:
    action = Action(text=words, keyframes=("K1",), start=0, end=1)
    scene = Scene(heading=None, start=0, end=1, elements=(action,), written_by="import")
    return Script(name=name, scenes=(scene,), **more)


@pytest.fixture
def study(tmp_path):
    made = Study(tmp_path / "study", create=True)
    sound = Sound(has_sound=False, has_verbal_sound=False, has_speech=False)
    made.write(f"me_{N1}", "post", Post(id=f"me_{N1}", text=PostText(author="Me Myself", genre="vlog")))
    made.write(f"me_{N1}", "script.template", script("template", "one", language="de", sound=sound))
    made.write(f"me_{N1}", "script.gemini", script("gemini", "eins", genre="sport"))
    video = SourceFile(path=f"/v/{N2}.mp4", sha256=SHA, size=1)
    made.write(f"{N2}-00000000", "post", Post(id=f"{N2}-00000000", video=video, text=PostText(author="you")))
    made.write(f"{N2}-00000000", "script.template", script("template", "two"))
    clip = SourceFile(path="/v/My clip.mp4", sha256=SHA, size=1)
    made.write("my_clip-00000000", "post", Post(id="my_clip-00000000", video=clip))
    made.write("my_clip-00000000", "script.template", script("template", "three"))
    made.write("bare", "post", Post(id="bare"))
    return made


def test_a_study(study):
    found = read_texts(study.root, script="template")
    by_id = {text.id: text for text in found}
    assert set(by_id) == {f"me_{N1}", N2, "my_clip-00000000"}
    one, two, three = by_id[f"me_{N1}"], by_id[N2], by_id["my_clip-00000000"]
    assert one.text == "one\n\nSound: no"
    assert (one.language, one.has_sound, two.language, two.has_sound) == ("de", False, None, None)
    assert one.groups == {"author": "me", "genre": "vlog"}
    assert two.groups == {"author": "you"}
    assert (one.where, two.where) == (f"me_{N1}", f"{N2}-00000000")
    assert "My clip" in three.names
    assert found.left_out == ("bare: it has no script.template",)


def test_one_variant_of_a_study_is_read(study):
    assert [text.text.split("\n")[0] for text in read_texts(study.root, script="gemini")] == ["eins"]
    assert read_texts(study.root, script="gemini")[0].groups["genre"] == "sport"
    assert len(read_texts(study.root)) == 3
    study.write("bare", "script.gemini", script("gemini", "vier"))
    assert "bare: it has only script.gemini, while most posts have script.template" in read_texts(study.root).left_out
    study.save_options({"script": {"variants": ["template"]}})
    assert len(read_texts(study.root)) == 3


def test_a_skipped_script_is_left_out(study):
    study.write("bare", "script.template", Script(name="template", skipped="the video holds no sound"))
    found = read_texts(study.root, script="template")
    assert found.left_out == ("bare: it has no script (the video holds no sound)",)


def test_a_study_without_such_a_script(study):
    with pytest.raises(InputError, match=rf"no text was found \({N2}-00000000: it has no script.fancy\)"):
        read_texts(study.root, script="fancy")


def test_a_broken_script_is_reported(study):
    (study.folder("bare") / "script.template.json").write_text("{")
    with pytest.raises(StudyError, match=r"not a readable Script record"):
        read_texts(study.root)


def test_a_folder_of_text_files(tmp_path):
    write(tmp_path / f"@Some_User_video_{N1}.txt", "\ufeffGIRL: “Hi”\r", "")
    write(tmp_path / f"{N2}.TXT", "two")
    (tmp_path / "more").mkdir()
    write(tmp_path / "more" / "Clip 3.txt", "Zu\u0308rich")
    write(tmp_path / "more" / "empty.txt", " ")
    write(tmp_path / ".hidden.txt", "no")
    write(tmp_path / "clip.mp4", "no")
    found = read_texts(tmp_path)
    assert found.texts == (
        Text(N2, "two", where=f"{N2}.TXT"),
        Text(f"some_user_{N1}", "GIRL: “Hi”", groups={"author": "some_user"}, where=f"@Some_User_video_{N1}.txt"),
        Text("Clip 3", "Zürich", where="more/Clip 3.txt"),
    )
    assert found.left_out == ("more/empty.txt: the file is empty", "files that do not end in .txt: 1")
    assert read_texts(tmp_path / f"{N2}.TXT").texts == (Text(N2, "two", where=f"{N2}.TXT"),)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "this folder is not a study"),
        ({"a.mp4": b"x"}, "this folder is not a study"),
        ({"a.txt": b" \n"}, r"no text was found \(a.txt: the file is empty\)"),
        ({"a.txt": b"x\n\xff"}, "line 2 is not utf-8"),
        (
            {f"@me_video_{N1}.txt": b"one", f"me_{N1}.txt": b"two"},
            rf"two different texts have the id 'me_{N1}': @me_video_{N1}.txt and me_{N1}.txt",
        ),
    ],
)
def test_bad_folders_are_refused(tmp_path, files, message):
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError, match=message):
        read_texts(tmp_path)


def test_equal_texts_under_one_id_are_kept_once(tmp_path):
    write(tmp_path / f"@me_video_{N1}.txt", "one")
    write(tmp_path / f"me_{N1}.txt", "one")
    found = read_texts(tmp_path)
    assert len(found) == 1
    assert found.left_out == (f"me_{N1}.txt: same text as @me_video_{N1}.txt",)


def test_a_table(tmp_path):
    table = write(
        tmp_path / "t.csv",
        "url,Script,Uploader,Genre,Lang,Has_sound,remark",
        f"https://www.tiktok.com/@a_b/video/{N1} ,one,A. B.,vlog,en-US,True,{'x' * 400}",
        f"https://m.tiktok.com/v/{N2}.html,two,@c,,German,,",
        ",,,,,,",
        f"{N3},,,,,,why",
    )
    found = read_texts(table)
    one, two = found
    groups = {"author": "a_b", "Uploader": "A. B.", "Genre": "vlog", "genre": "vlog", "Lang": "en-US"}
    assert one == Text(f"a_b_{N1}", "one", "en", groups | {"Has_sound": "True"}, "row 2", has_sound=True)
    assert (two.id, two.groups["author"], two.language, two.has_sound) == (f"c_{N2}", "c", None, None)
    assert found.left_out == ("row 5: it has no text",)


def test_columns_can_be_named(tmp_path):
    table = write(tmp_path / "t.csv", "key,words,text", "a,one,x", "b,two,y")
    assert [t.text for t in read_texts(table, id_column="KEY", text_column="words")] == ["one", "two"]
    assert [t.text for t in read_texts(table, id_column="key")] == ["x", "y"]


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (["a,b", "1,2"], {}, r"no column of ids was recognised \(columns: a, b\).*--id-column"),
        (["id,b", "1,2"], {}, r"no column of texts was recognised \(columns: id, b\).*--text-column"),
        (["id,text,body", "1,2,3"], {}, r"2 columns may contain the texts \(columns: id, text, body\).*--text-column"),
        (["id,text", "1,2"], {"text_column": "txt"}, r"there is no column 'txt'.*The columns are: id, text"),
        (["id,text", "1,2"], {"id_column": "nr"}, r"there is no column 'nr'"),
        (["id,text", ",2"], {}, r"no text was found \(row 2: it has a text but no id \(column id\)"),
        (["id,text", "a,one", "b,x", "a,two"], {}, r"two different texts have the id 'a': row 2 and row 4"),
        (["id,text", "7.3E+18,x"], {}, r"row 2: column id: '7.3E\+18' is an id that a spreadsheet has rounded"),
        (["id,text"], {}, "no text was found"),
        ([""], {}, r"no column of ids was recognised \(columns: none\)"),
    ],
)
def test_bad_tables_are_refused(tmp_path, lines, options, message):
    with pytest.raises(InputError, match=message) as raised:
        read_texts(write(tmp_path / "t.csv", *lines), **options)
    assert raised.value.path == str(tmp_path / "t.csv")


def test_a_bad_cell_costs_itself_or_its_row(tmp_path):
    rows = ["id,text,has_sound", "a,x,loud", ",y,", "7.3E+18,z,", "b,too,many,cells", "c,w,true"]
    texts = read_texts(write(tmp_path / "t.csv", *rows))
    assert [(text.id, text.has_sound) for text in texts] == [("a", None), ("c", True)]
    assert texts.left_out == (
        "row 2, column has_sound: expected true, false or nothing, not 'loud', so that its sound is not known",
        "row 5 has 4 cells, but the header has 3",
        "row 3: it has a text but no id (column id)",
        "row 4: column id: '7.3E+18' is an id that a spreadsheet has rounded",
    )


def test_a_missing_source_is_reported(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        read_texts(tmp_path / "none")


def test_arguments_of_the_shared_task(tmp_path):
    table = write(
        tmp_path / "arguments.tsv",
        "Argument ID\tConclusion\tStance\tPremise",
        'A01\tWe should ban "x"\tagainst\t"x" is good',
        "A02\tWe should ban y\tin favor of\ty is bad",
    )
    one, two = read_texts(table)
    assert one.text == '"x" is good (against: We should ban "x")'
    assert two == Text(
        "A02",
        "y is bad (in favor of: We should ban y)",
        groups={"Conclusion": "We should ban y", "Stance": "in favor of"},
        where="row 3",
    )
    assert read_texts(table, text_column="Premise")[1].text == "y is bad"


def test_sources_are_joined(tmp_path):
    one = Texts((Text("a", "x", where="row 2"),), ("row 3: it has no text",))
    two = Texts((Text("b", "y", where="b.txt"), Text("a", "x", where="a.txt")))
    joined = join_texts({tmp_path / "t.csv": one, tmp_path / "folder": two})
    assert [text.id for text in joined] == ["a", "b"]
    assert joined.left_out == ("t.csv, row 3: it has no text", "folder, a.txt: same text as t.csv, row 2")
    with pytest.raises(InputError, match=r"have the id 'a': t.csv, row 2 and folder, a.txt"):
        join_texts({tmp_path / "t.csv": one, tmp_path / "folder": Texts((Text("a", "z", where="a.txt"),))})


@given(st.binary(max_size=200), st.sampled_from(["csv", "tsv", "txt"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, raw, suffix):
    path = tmp_path_factory.mktemp("texts") / f"t.{suffix}"
    path.write_bytes(b"id,text\n" + raw)
    try:
        found = read_texts(path)
    except InputError as error:
        assert error.path == str(path)
    else:
        assert all(text.text and text.id for text in found)
