"""Label sheets as labs keep them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.files import AUTHORS_HEAD, N1, N2, holds, place, write
from valex_local.corpus import read_sheet
from valex_local.errors import InputError
from valex_local.schwartz import CIRCLE, State, Value

YES, NO, CONFLICT = (1.0, 0.0), (0.0, 0.0), (0.0, 1.0)
ONE, OTHER = f"me_{N1}", f"a_b_{N2}"


def authors_row(post: str, **labels: str) -> str:
    return ",".join([post, *(labels.get(name, "") for name in AUTHORS_HEAD)])


AUTHORS = ",".join(["1_Link1", *(f"1_Value1_{name}_values" for name in AUTHORS_HEAD)])


def test_the_authors_sheet(tmp_path):
    path = write(
        tmp_path / "s.csv",
        AUTHORS,
        authors_row(f"https://www.tiktok.com/@me/video/{N1}   ", Hedonism="Present ", Face="dominant"),
        authors_row(f"https://www.tiktok.com/@a_b/photo/{N2}", Humility="CONFLICT", Power_dominance="conflicted"),
    )
    sheet = read_sheet(path)
    assert (sheet.kind, sheet.path, sheet.has_probabilities, sheet.groups) == ("authors", path, False, {})
    assert sheet.notices == ()
    labels = sheet.labels[""]
    assert labels.ids == (ONE, OTHER)
    assert holds(labels, ONE, Value.HEDONISM) == holds(labels, ONE, Value.FACE) == YES
    assert holds(labels, OTHER, Value.HUMILITY) == holds(labels, OTHER, Value.POWER_DOMINANCE) == CONFLICT
    assert holds(labels, ONE, Value.HUMILITY) == NO
    assert labels.labels.sum() == 4
    assert np.argwhere(labels.dominant).tolist() == [[0, place(Value.FACE)]]
    assert np.isnan(labels.probabilities).all()


def test_columns_need_no_numbers_and_words_no_blanks(tmp_path):
    path = write(tmp_path / "s.tsv", "video_id\thedonism\tSECURITY_SOCIAL\tnotes", f"@me_video_{N1}.mp4\tpresent\t\tx")
    sheet = read_sheet(path)
    labels = sheet.labels[""]
    assert sheet.kind == "authors"
    assert holds(labels, ONE, Value.HEDONISM) == YES
    assert holds(labels, ONE, Value.SECURITY_SOCIETAL) == NO
    assert np.isnan(holds(labels, ONE, Value.FACE)).all()
    assert len(sheet.notices) == 1
    assert "no column" in sheet.notices[0]
    assert Value.FACE in sheet.notices[0]
    assert Value.HEDONISM not in sheet.notices[0]


def test_the_authors_codes(tmp_path):
    path = write(
        tmp_path / "s.csv",
        ",".join(["video_id", *AUTHORS_HEAD, "Has_sound", "notes"]),
        f"@me_video_{N1}," + ",".join(["-1", "0", "1", "2", "1.0", "−1", "NA", *["0"] * 12]) + ',True,"a, b"',
    )
    sheet = read_sheet(path)
    labels = sheet.labels[""]
    assert sheet.kind == "codes"
    named = {name: labels.labels[0, place(Value[name.upper()])].tolist() for name in AUTHORS_HEAD[:4]}
    assert list(named.values()) == [[0, 1], [0, 0], [1, 0], [1, 0]]
    assert labels.dominant.sum() == labels.dominant[0, place(Value.HEDONISM)] == 1
    assert holds(labels, ONE, Value.ACHIEVEMENT) == YES
    assert holds(labels, ONE, Value.POWER_RESOURCES) == CONFLICT
    assert labels.state(0, place(Value.POWER_DOMINANCE)) is State.NOT_ASSESSED
    assert sheet.notices == ("blank cells counted as not assessed: 1",)
    assert sheet.groups == {}


PRESENT_ONLY = {
    "numbers": ("a,1,", "b,,-1"),
    "answers": ("a,yes,", "b,,ja"),
    "truth": ("a,TRUE,", "b,,wahr"),
}


@pytest.mark.parametrize("lines", PRESENT_ONLY.values(), ids=PRESENT_ONLY)
def test_what_a_blank_means_is_asked_where_a_sheet_does_not_say(tmp_path, lines):
    path = write(tmp_path / "s.csv", "id,Face,Hedonism", *lines)
    with pytest.raises(InputError, match="either the rest is absent, or nobody decided"):
        read_sheet(path)
    for blank, expected in (("absent", State.ABSENT), ("missing", State.NOT_ASSESSED)):
        labels = read_sheet(path, blank=blank).labels[""]
        assert labels.state(0, place(Value.HEDONISM)) is expected
        assert labels.state(0, place(Value.FACE)) is State.PRESENT


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("a,x,", "b,,X"), State.ABSENT),  # ticks
        (("a,present,", "b,,conflict"), State.ABSENT),  # the authors' words
        (("a,1,", "b,0,1"), State.NOT_ASSESSED),
        (("a,yes,", "b,no,no"), State.NOT_ASSESSED),
        (("a,TRUE,", "b,FALSE,TRUE"), State.NOT_ASSESSED),
        (("a,ja,", "b,nein,ja"), State.NOT_ASSESSED),
    ],
)
def test_other_sheets_say_it_themselves_and_the_option_overrules_them(tmp_path, lines, expected):
    path = write(tmp_path / "s.csv", "id,Face,Hedonism", *lines)
    assert read_sheet(path).labels[""].state(0, place(Value.HEDONISM)) is expected
    assert read_sheet(path).labels[""].state(0, place(Value.FACE)) is State.PRESENT
    for blank, forced in (("absent", State.ABSENT), ("missing", State.NOT_ASSESSED)):
        assert read_sheet(path, blank=blank).labels[""].state(0, place(Value.HEDONISM)) is forced


def test_blanks_in_long_sheets_and_in_those_of_two_columns(tmp_path):
    long = write(tmp_path / "long.csv", "post,value,state", "a,Face,present", "a,Hedonism,")
    pair = write(tmp_path / "pair.csv", "id,Face attained,Face constrained", "a,1,", "b,,1")
    for path, at, default in ((long, Value.HEDONISM, State.ABSENT), (pair, Value.FACE, None)):
        for blank, expected in ((None, default), ("absent", State.ABSENT), ("missing", State.NOT_ASSESSED)):
            labels = read_sheet(path, blank=blank).labels[""]
            if path is long:
                assert labels.state(0, place(at)) is expected
            else:
                assert np.isnan(labels.labels[0, place(at), 1]) == (blank != "absent")


def test_categories_of_the_shared_task(tmp_path):
    head = "\t".join(["Argument ID", *CIRCLE, "Universalism: objectivity"])
    path = write(tmp_path / "labels.tsv", head, "\t".join(["A01", *"1" * 3, *"0" * 16, "1"]))
    sheet = read_sheet(path)
    labels = sheet.labels[""]
    assert (sheet.kind, labels.ids) == ("touche", ("A01",))
    assert labels.labels[0, :, 0].tolist() == [1.0] * 3 + [0.0] * 16
    assert np.isnan(labels.labels[..., 1]).all()
    assert sheet.notices == ("column left out because it is not one of the 19 values: Universalism: objectivity",)


def test_a_long_table(tmp_path):
    path = write(
        tmp_path / "s.csv",
        "post,value,state,coder,fold,remark,notes",
        f"https://www.tiktok.com/@me/video/{N1},hedonism,present,A,3,x",
        f"@me_video_{N1},1_Value1_Face_values,Dominant,A,3,y",
        f"me_{N1},Self-direction: thought,not assessed,A,3,z",
        f"me_{N1},POWER_DOMINANCE,,A,3,z",
        f"me_{N1},HEDONISM,conflict,B,3,z",
        "clip.mp4,Security Social,absent,B,,w",
        "clip,Universalism: objectivity,present,B,,w",
    )
    sheet = read_sheet(path)
    assert (sheet.kind, list(sheet.labels), sheet.has_probabilities) == ("long", ["A", "B"], False)
    one, other = sheet.labels.values()
    assert (one.ids, other.ids) == ((ONE,), (ONE, "clip"))
    assert holds(one, ONE, Value.HEDONISM) == holds(one, ONE, Value.FACE) == YES
    assert holds(one, ONE, Value.POWER_DOMINANCE) == NO
    assert np.isnan(holds(one, ONE, Value.SELF_DIRECTION_THOUGHT)).all()
    assert np.isnan(holds(one, ONE, Value.TRADITION)).all()
    assert one.dominant.sum() == one.dominant[0, place(Value.FACE)] == 1
    assert holds(other, ONE, Value.HEDONISM) == CONFLICT
    assert holds(other, "clip", Value.SECURITY_SOCIETAL) == NO
    assert sheet.groups == {"fold": {ONE: "3"}}
    assert sheet.notices == (
        "rows left out because Universalism: objectivity is not one of the 19 values: 1",
        "columns that texts can be grouped by: fold",
        "columns left out because they differ between rows of one post: remark",
    )


def test_probabilities(tmp_path):
    path = write(
        tmp_path / "s.csv",
        "post;value;state;present;conflicted;dominant;run",
        "a;Face;present;0,75;0.1;1;s1",
        "a;Hedonism;absent;.2;;0;s1",
        "a;Humility;conflicted;;1;;s1",
        "a;Tradition;not_assessed;;0.3;;s1",
        "a;Stimulation;;;;;s1",
        "a;Achievement;present;yes;no;;s1",
        "a;Face;both;1;1;;s2",
    )
    sheet = read_sheet(path)
    labels, always = sheet.labels["s1"], sheet.labels["s2"]
    assert sheet.has_probabilities
    nan = pytest.approx(np.nan, nan_ok=True)
    expected = {
        Value.FACE: (YES, (0.75, 0.1)),
        Value.HEDONISM: ((0, nan), (0.2, nan)),
        Value.HUMILITY: ((nan, 1), (nan, 1)),
        Value.TRADITION: ((nan, 0), (nan, 0.3)),
        Value.STIMULATION: ((nan, nan), (nan, nan)),
        Value.ACHIEVEMENT: (YES, (nan, nan)),
    }
    for value, (held, probabilities) in expected.items():
        assert holds(labels, "a", value) == held
        assert tuple(labels.probabilities[0, place(value)]) == probabilities
    assert labels.dominant.sum() == 1
    assert holds(always, "a", Value.FACE) == (1, 1)


def test_groups_and_annotators_of_a_wide_sheet(tmp_path):
    path = write(
        tmp_path / "s.csv",
        "Username,video,Annotator,Face,genres,comment",
        f"Me,{N1},A,present,vlog,{'x' * 301}",
        f"Me,{N1},B,,vlog,",
        "You,clip,A,,,",
    )
    sheet = read_sheet(path)
    assert set(sheet.labels) == {"A", "B"}
    assert sheet.labels["A"].ids == (ONE, "clip")
    assert sheet.groups["author"] == {ONE: "Me", "clip": "You"}
    assert sheet.groups["genre"] == {ONE: "vlog"}
    assert "columns left out because their cells are long: comment" in sheet.notices


def test_equal_rows_are_kept_once(tmp_path):
    sheet = read_sheet(write(tmp_path / "s.csv", "id,Face", f"me_{N1},present", "b,", f"@me_video_{N1},present"))
    assert sheet.labels[""].ids == (ONE, "b")
    assert "rows that repeat labels of earlier rows: 1 (row 4)" in sheet.notices


def test_rows_that_fill_each_others_gaps_are_no_contradiction(tmp_path):
    sheet = read_sheet(write(tmp_path / "s.csv", "id,Face,Hedonism", "a,1,", "a,,0"))
    assert holds(sheet.labels[""], "a", Value.FACE) == YES
    assert holds(sheet.labels[""], "a", Value.HEDONISM) == NO


def test_blank_rows_are_counted(tmp_path):
    sheet = read_sheet(write(tmp_path / "s.csv", "id,Face,notes", "a,present,", ",,", ",,labelled in May"))
    assert "rows left out because they have neither an id nor labels: 1" in sheet.notices


@pytest.mark.parametrize(
    ("lines", "notice"),
    [
        (
            ["id,Face,Humility", "a,present,", "b,maybe,"],
            "not present, dominant, conflict or absent, which count as not ",
        ),
        (
            ["id,Face,Humility", "a,0,1", "b,3,1"],
            "not -1, 0, 1 or 2, yes or no, which count as not assessed: 1 (row 3, column Face: '3')",
        ),
        (
            ["Argument ID,Face,Humility", "a,0,0", "b,2,0"],
            "not 0 or 1, which count as not assessed: 1 (row 3, column Face",
        ),
        (["id,Face,Humility", "a,present,", "b,,", "b,present,"], "not assessed: 1 (row 3 and row 4: b, Face)"),
        (["id,Face,coder", "a,present,X", "b,present,X", "b,conflict,X"], "1 (row 3 and row 4: b, Face by X)"),
        (["id,Face", "a,present", ",present"], "their post is not known: 1 (row 3 has labels but no id)"),
        (
            ["id,Face", "a,present", "7.3E+18,present"],
            "their post is not known: 1 (row 3, column id: '7.3E+18' is an id",
        ),
        (["id,Face", "a,present", "b,present,x"], "rows left out: 1 (first: row 3 has 3 cells, but the header has 2)"),
        (["post,value,state", "a,Face,present", "b,Joy,present"], "1 (row 3, column value: 'Joy' is not one of the 19"),
        (["post,value,state", "a,Face,present", "b,Face,maybe"], "1 (row 3, column state: expected present"),
        (
            ["post,value,state,present", "a,Face,present,1", "b,Face,present,7"],
            "column present: expected a probability",
        ),
    ],
)
def test_a_bad_cell_costs_its_label_and_is_named(tmp_path, lines, notice):
    sheet = read_sheet(write(tmp_path / "s.csv", *lines))
    (labels,) = sheet.labels.values()
    assert not sheet.complete
    assert any(notice in found for found in sheet.notices), sheet.notices
    assert np.isfinite(holds(labels, "a", Value.FACE)).any()
    if "b" in labels.ids:
        wrong = Value.FACE if lines[0].startswith(("id", "Arg")) or "Face" in lines[-1] else Value.TRADITION
        assert np.isnan(holds(labels, "b", wrong)).all()


def test_words_and_numbers_in_one_sheet_are_both_read(tmp_path):
    sheet = read_sheet(write(tmp_path / "s.csv", "id,Face,Humility", "a,present,", "b,-1,", "c,present,conflict"))
    labels = sheet.labels[""]
    assert (holds(labels, "a", Value.FACE), holds(labels, "b", Value.FACE)) == (YES, CONFLICT)
    assert holds(labels, "a", Value.HUMILITY) == NO
    assert any("mixes words and numbers; blanks count as absent" in notice for notice in sheet.notices)


def test_a_rounded_id_beside_a_whole_one_is_no_obstacle(tmp_path):
    address = f"https://www.tiktok.com/@me/video/{N1}"
    sheet = read_sheet(write(tmp_path / "s.csv", "id,url,Face", f"7.3E+18,{address},present"))
    assert sheet.labels[""].ids == (ONE,)
    assert sheet.complete
    assert "ids in column id that a spreadsheet has rounded, so that another column counts: 1 " in sheet.notices[0]


@pytest.mark.parametrize("mark", ["'{}", '="{}"', "\t{}", "\u200b{}", "\ufeff{}", "“{}”", "'@me_video_{}", " {}\u2060"])
def test_marks_that_keep_ids_as_text_are_taken_off(tmp_path, mark):
    cell = '"' + mark.format(N1).replace('"', '""') + '"'
    labels = read_sheet(write(tmp_path / "s.csv", "id,Username,Face", f"{cell},me,present")).labels[""]
    assert labels.ids == (ONE,)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["id,Face,Hedonsim", "a,0,1"],
            r"the column 'Hedonsim' is not one of .*most similar first: Hedonism,",
        ),
        (["id,Face,1_Value1_Joy_values", "a,0,1"], r"the column '1_Value1_Joy_values' is not one"),
        (["id,Face,1_Value1_Face_values", "a,0,1"], r"the columns Face and 1_Value1_Face_values are both for Face"),
        (
            ["id,joy", "a,0"],
            r"no column is named after one.* \(columns: id, joy\).*The values are Self-dir",
        ),
        (["nr,Face", "a,0"], r"no column of ids was recognised \(columns: nr, Face\)"),
        (["id,Face", ",present"], "row 2 has labels but no id"),
        (["id,Face", "7.3E+18,present"], r"row 2, column id: '7.3E\+18' is an id that a spreadsheet has rounded"),
        (["id,Face,coder,run", "a,present,X,1"], r"the columns run and coder both say who gave the labels"),
        (["id,Face"], "this sheet contains no labels"),
        ([""], "no column is named after one of the 19 values"),
        (["post,value", "a,Face"], r"a column value but no column state \(columns: post, value\)"),
        (
            ["post,value,state", "a,Joy,present"],
            r"row 2, column value: 'Joy' is not one of the 19 values; the most similar is ",
        ),
        (["post,value,state", "a,,present"], r"row 2, column value: '' is not one of the 19 values"),
        (["post,value,state", "a,Face,maybe"], r"row 2, column state: expected present.*not 'maybe'"),
        (["post,value,state", ",Face,present"], "row 2 has labels but no id"),
        (
            ["post,value,state,present", "a,Face,present,1.2"],
            r"row 2, column present: expected a probability from 0 to",
        ),
        (["post,value,state,present", "a,Face,present,high"], r"column present: expected a probability.*not 'high'"),
        (["post,value,state,present", "a,Face,present,"], r"column present: nothing contradicts the state 'present'"),
        (["post,value,state,present", "a,Face,present,no"], r"column present: no contradicts the state 'present'"),
        (["post,value,state,present", "a,Face,absent,yes"], r"column present: yes contradicts the state 'absent'"),
        (["post,value,state,present", "a,Face,not_assessed,.2"], r"column present: .2 contradicts the state 'not_ass"),
        (["post,value,state,conflicted", "a,Face,conflict,"], r"column conflicted: nothing contradicts the state"),
        (["post,value,state,dominant", "a,Face,present,2"], r"row 2, column dominant: expected 0 or 1, not '2'"),
        (
            ["post,value,state,dominant", "a,Face,absent,1"],
            r"column dominant: a dominant value must also be present",
        ),
    ],
)
def test_bad_sheets_are_refused(tmp_path, lines, message):
    path = write(tmp_path / "s.csv", *lines)
    with pytest.raises(InputError, match=message) as raised:
        read_sheet(path)
    assert raised.value.path == str(path)
    assert raised.value.hint


heads = st.sampled_from(
    [b"post,value,state,present\n", b"video_id,Face,Hedonism,notes\n", b"Argument ID\tFace\tHumility\n"]
)
cell = st.sampled_from([b"a", b"Face", b"present", b"1", b"0", b"-1", b"", b"0.5", b"no", b"conflict", b"\xff", b'"'])
separator = st.sampled_from([b",", b"\n", b"\t"])


@given(heads, st.lists(st.tuples(cell, separator), max_size=30))
def test_any_bytes_are_read_or_refused(tmp_path_factory, head, raw):
    path = tmp_path_factory.mktemp("sheets") / "s.csv"
    path.write_bytes(head + b"".join(part for pair in raw for part in pair))
    try:
        sheet = read_sheet(path)
    except InputError as error:
        assert error.path == str(path)
    else:
        for labels in sheet.labels.values():
            assert np.isin(labels.labels[~np.isnan(labels.labels)], (0, 1)).all()
            assert (labels.labels[..., 0][labels.dominant] == 1).all()
