"""Importing labels as gold labels of a study."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus.files import AUTHORS_HEAD, any_matrix, equal, holds, matrix, place, write
from tests.exchange.exported import N1, N2, NAMED, ONE, SILENT, TWO, make_study
from valex_local.cli.import_labels import labels as command
from valex_local.corpus import gold_of, read_sheet, write_authors, write_long
from valex_local.errors import ConfigError, InputError, StudyError
from valex_local.exchange.annotations import read_annotations
from valex_local.exchange.gold import differing, gold_file, overlaid, read_gold, write_gold
from valex_local.exchange.labels import import_labels
from valex_local.records import Post
from valex_local.schwartz import State, Value
from valex_local.study import Study

YES, NO, CONFLICT = (1.0, 0.0), (0.0, 0.0), (0.0, 1.0)


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def gold(study, annotator):
    return read_sheet(study.root / "gold" / f"{annotator}.csv").labels[annotator]


def authors_sheet(path, *rows):
    """Write the authors' sheet of words; a row is a URL and cells by column."""
    lines = ["link," + ",".join(f"1_Value1_{name}_values" for name in AUTHORS_HEAD)]
    for address, cells in rows:
        lines.append(",".join([address, *(cells.get(name, "") for name in AUTHORS_HEAD)]))
    return write(path, *lines)


# --- sheets ---------------------------------------------------------------------------------------------------------


def test_the_authors_sheet_becomes_gold(study, tmp_path):
    sheet = authors_sheet(
        tmp_path / "sheet.csv",
        (f"https://www.tiktok.com/@ann/video/{N1} ", {"Face": "present", "Hedonism": "dominant"}),
        (f"https://www.tiktok.com/@bo.b/photo/{N2}", {"Humility": "conflict"}),
        ("https://www.tiktok.com/@else/video/7300000000000000009", {"Face": "present"}),
    )
    found = import_labels([sheet], study.root, annotator="anna")
    assert found.unmatched == ["else_7300000000000000009 (sheet.csv): the study has no such post"]
    assert not found.ok
    (of,) = found.annotators.values()
    assert (of.file, of.posts, of.labels, of.added, of.replaced) == ("gold/anna.csv", 2, 38, 38, 0)
    read = gold(study, "anna")
    assert read.ids == (ONE, TWO)
    assert holds(read, ONE, Value.FACE) == YES
    assert read.dominant[0, place(Value.HEDONISM)]
    assert holds(read, TWO, Value.HUMILITY) == CONFLICT
    assert holds(read, TWO, Value.FACE) == NO


def test_the_file_is_plain_and_the_owners(study, tmp_path):
    sheet = write(tmp_path / "s.csv", "post,value,state", f"{ONE},Face,present")
    import_labels([sheet], study.root, annotator="anna")
    path = study.root / "gold" / "anna.csv"
    assert path.read_text().splitlines()[0] == "post,value,state,present,conflicted,dominant,annotator"
    assert f"{ONE},Face,present,yes,no,0,anna" in path.read_text().splitlines()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_gold_of_several_annotators_is_read_together(study, tmp_path):
    sheet = write(
        tmp_path / "s.csv",
        "post,value,state,annotator",
        *(f"{ONE},Face,{state},{name}" for name, state in (("anna", "present"), ("ben", "present"), ("cleo", ""))),
    )
    found = import_labels([sheet], study.root)
    assert list(found.annotators) == ["anna", "ben", "cleo"]
    sheets = [read_sheet(path) for path in sorted((study.root / "gold").iterdir())]
    assert gold_of(sheets).state(0, place(Value.FACE)) is State.PRESENT
    assert gold_of(sheets, "cleo").state(0, place(Value.FACE)) is State.ABSENT


@pytest.mark.parametrize(
    "name", [ONE, f"@ann_video_{N1}.mp4", f"https://www.tiktok.com/@ann/video/{N1}", N1, "clip 0.mp4"]
)
def test_posts_are_known_by_all_their_names(study, tmp_path, name):
    sheet = write(tmp_path / "s.csv", "post,value,state", f"{name},Face,present")
    assert import_labels([sheet], study.root, annotator="anna").ok
    assert gold(study, "anna").ids == (ONE,)


def test_a_number_that_fits_two_posts_is_unmatched(study, tmp_path):
    study.write(f"other_{N1}", "post", Post(id=f"other_{N1}"))
    sheet = write(tmp_path / "s.csv", "post,value,state", f"{N1},Face,present", f"{TWO},Face,present")
    found = import_labels([sheet], study.root, annotator="anna")
    assert found.unmatched == [f"{N1} (s.csv): it matches 2 posts: {ONE}, other_{N1}"]
    assert gold(study, "anna").ids == (TWO,)


def test_two_names_of_one_post_complete_each_other_or_are_refused(study, tmp_path):
    rows = ["post,value,state", f"{ONE},Face,present", f"{N1},Humility,conflict"]
    import_labels([write(tmp_path / "s.csv", *rows)], study.root, annotator="anna")
    read = gold(study, "anna")
    assert (holds(read, ONE, Value.FACE), holds(read, ONE, Value.HUMILITY)) == (YES, CONFLICT)
    with pytest.raises(InputError, match=rf"contradict each other: {ONE}, Face is present and absent"):
        import_labels([write(tmp_path / "t.csv", *rows, f"{N1},Face,absent")], study.root, annotator="anna")


def test_probabilities_are_no_gold(study, tmp_path):
    labels = matrix(**{ONE: {Value.FACE: YES}})
    labels.probabilities[0, place(Value.FACE)] = 0.9, 0.1
    write_long(tmp_path / "p.csv", {"": labels})
    found = import_labels([tmp_path / "p.csv"], study.root, annotator="anna")
    assert found.notices == ["p.csv: probabilities left out because gold labels have none"]
    assert np.isnan(gold(study, "anna").probabilities).all()


def test_columns_that_posts_can_be_grouped_by_are_kept(study, tmp_path):
    """Folds by author need them; a column whose name has a meaning in the study's file would spoil it."""
    sheet = write(
        tmp_path / "s.csv", "post,author,place,state,Face", f"{ONE},ann,Bern,done,1", f"{NAMED.upper()}.mp4,Zoe,,done,0"
    )
    sheet_of_ben = write(tmp_path / "ben.csv", "post,author,Face", f"{TWO},bo,0")
    import_labels([sheet], study.root, annotator="anna")
    import_labels([sheet_of_ben], study.root, annotator="ben")
    import_labels([write(tmp_path / "t.csv", "post,place,Face", f"{TWO},Chur,1")], study.root, annotator="anna")
    read = read_sheet(study.root / "gold" / "anna.csv")
    assert read.groups == {"author": {ONE: "ann", NAMED: "Zoe"}, "place": {ONE: "Bern", TWO: "Chur"}}
    assert read.complete
    assert len(read.labels["anna"]) == 3


@given(any_matrix(st.just([ONE, TWO])))
@settings(max_examples=30, deadline=None)
def test_any_labels_are_read_back_as_they_were(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("gold")
    study = Study(folder / "study", create=True)
    labels.labels[:, 0] = YES
    labels.probabilities[:] = np.nan
    path = write_gold(study, "anna", labels)
    assert equal(read_gold(study, "anna")[0], labels)
    for post in (ONE, TWO):
        study.write(post, "post", Post(id=post))
    before = path.read_bytes()
    found = import_labels([path], study.root)
    assert path.read_bytes() == before, "labels that are there change nothing"
    assert (found.annotators["anna"].added, found.annotators["anna"].replaced) == (0, 0)


# --- whose labels ---------------------------------------------------------------------------------------------------


def test_the_annotator_must_be_named(study, tmp_path):
    silent = write(tmp_path / "s.csv", "post,value,state", f"{ONE},Face,present")
    two = write(tmp_path / "t.csv", "post,value,state,coder", f"{ONE},Face,present,a", f"{ONE},Face,absent,b")
    one = write(tmp_path / "u.csv", "post,value,state,coder", f"{ONE},Face,present,a")
    with pytest.raises(ConfigError, match=r"does not say who gave the labels.*--annotator"):
        import_labels([silent], study.root)
    with pytest.raises(ConfigError, match="the files name several annotators: a, b"):
        import_labels([two], study.root, annotator="anna")
    import_labels([one, silent], study.root, annotator="anna")
    assert [path.name for path in (study.root / "gold").iterdir()] == ["anna.csv"]


@pytest.mark.parametrize("name", ["", "../x", ".x", "=cmd", "-", "a\nb", " a", "x" * 61])
def test_names_that_cannot_be_used(study, tmp_path, name):
    sheet = write(tmp_path / "s.csv", "post,value,state", f"{ONE},Face,present")
    with pytest.raises(ConfigError, match="this annotator's name cannot be used"):
        import_labels([sheet], study.root, annotator=name)
    assert not (study.root / "gold").exists()


def test_file_names_are_safe_and_belong_to_one_annotator(study, tmp_path):
    assert gold_file(study, "a/../b c").name == "a_.._b_c.csv"
    assert gold_file(study, "anna@lab.org").name == "anna@lab.org.csv"
    sheet = write(tmp_path / "s.csv", "post,value,state", f"{ONE},Face,present")
    import_labels([sheet], study.root, annotator="a b")
    with pytest.raises(ConfigError, match="has labels by 'a b', not 'a/b'"):
        import_labels([sheet], study.root, annotator="a/b")


# --- what is there --------------------------------------------------------------------------------------------------


def test_contradictions_of_what_is_there_need_replace(study, tmp_path):
    first = write(tmp_path / "1.csv", "post,value,state", f"{ONE},Face,present", f"{ONE},Tradition,absent")
    second = write(tmp_path / "2.csv", "post,value,state", f"{ONE},Face,conflict", f"{TWO},Face,dominant")
    import_labels([first], study.root, annotator="anna")
    path = study.root / "gold" / "anna.csv"
    before = path.read_bytes()
    with pytest.raises(
        InputError,
        match=rf"differ from those in the study: 1 .*{ONE}, Face: present in the study, conflicted here.*--replace",
    ):
        import_labels([second], study.root, annotator="anna")
    assert path.read_bytes() == before
    found = import_labels([second], study.root, annotator="anna", replace=True)
    of = found.annotators["anna"]
    assert (of.posts, of.labels, of.added, of.replaced) == (2, 2, 1, 1)
    read = gold(study, "anna")
    assert holds(read, ONE, Value.FACE) == CONFLICT
    assert holds(read, ONE, Value.TRADITION) == NO, "labels of which the new sheet says nothing stay"
    assert read.dominant[read.ids.index(TWO), place(Value.FACE)]


def test_another_annotator_may_say_otherwise(study, tmp_path):
    for name, state in (("anna", "present"), ("ben", "absent")):
        sheet = write(tmp_path / f"{name}.csv", "post,value,state", f"{ONE},Face,{state}")
        import_labels([sheet], study.root, annotator=name)
    assert holds(gold(study, "anna"), ONE, Value.FACE) == YES
    assert holds(gold(study, "ben"), ONE, Value.FACE) == NO


def test_dominance_alone_is_a_difference():
    one, other = matrix(a={Value.FACE: YES}), matrix(a={Value.FACE: YES})
    other.dominant[0, place(Value.FACE)] = True
    assert differing(one, other).sum() == 1
    assert overlaid(one, other).dominant[0, place(Value.FACE)]
    assert not overlaid(other, one).dominant[0, place(Value.FACE)]


def test_a_new_label_takes_both_polarities():
    known, new = matrix(a={Value.FACE: CONFLICT}), matrix(a={Value.FACE: (1.0, np.nan)})
    assert np.array_equal(overlaid(known, new).labels[0, place(Value.FACE)], [1.0, np.nan], equal_nan=True)


def test_a_study_at_work_and_no_study_are_reported(study, tmp_path):
    sheet = write(tmp_path / "s.csv", "post,value,state", f"{ONE},Face,present")
    with study.lock(), pytest.raises(StudyError, match="another run is active"):
        import_labels([sheet], study.root, annotator="anna")
    with pytest.raises(StudyError, match="there is no study here"):
        import_labels([sheet], tmp_path, annotator="anna")


# --- Label Studio ---------------------------------------------------------------------------------------------------


def result(question, *choices, kind="choices"):
    return {"id": "x", "from_name": question, "to_name": "script", "type": kind, "value": {kind: list(choices)}}


def annotation(by, *results, cancelled=False):
    return {"id": 1, "completed_by": by, "was_cancelled": cancelled, "result": list(results)}


def tasks(path, *rows):
    path.write_text(json.dumps(list(rows)), "utf-8")
    return path


def task(data, *annotations):
    return {
        "id": 7,
        "data": data,
        "annotations": list(annotations),
        "predictions": [{"result": [result("Face", "absent")]}],
    }


def test_annotators_are_separated_and_cancelled_annotations_left_out(study, tmp_path):
    export = tasks(
        tmp_path / "export.json",
        task(
            {"post": ONE},
            annotation(1, result("Face", "present"), result("comment", "hm", kind="text")),
            annotation({"id": 2, "email": "ben@lab.org"}, result("Face", "conflicted")),
            annotation({"id": 3, "email": ""}, result("Face", "dominant")),
            annotation(1, result("Face", "absent"), cancelled=True),
        ),
        task({"url": f"https://www.tiktok.com/@bo.b/video/{N2}"}, annotation(1, result("Humility", "Present"))),
        task({"post": NAMED}),
        task({"text": "nothing names it"}, annotation(1, result("Face", "absent"))),
    )
    found = import_labels([export], study.root)
    assert list(found.annotators) == ["user-1", "ben@lab.org", "user-3"]
    assert holds(gold(study, "user-1"), ONE, Value.FACE) == YES
    assert holds(gold(study, "user-1"), TWO, Value.HUMILITY) == YES
    assert np.isnan(holds(gold(study, "user-1"), TWO, Value.FACE)).all(), "no answer is no label"
    assert holds(gold(study, "ben@lab.org"), ONE, Value.FACE) == CONFLICT
    assert gold(study, "user-3").dominant.sum() == 1
    assert found.unmatched == ["task 7 (export.json): it does not name a post"]
    assert found.notices == [
        "export.json: cancelled annotations left out: 1",
        "export.json: tasks without annotations left out: 1",
        "export.json: predictions left out: 4",
        "export.json: answers to 'comment' left out because it is not a value: 1",
    ]


def test_json_min(study, tmp_path):
    export = tasks(
        tmp_path / "min.json",
        {
            "id": 1,
            "post": ONE,
            "script": "x",
            "Face": "present",
            "Humility": {"choices": ["conflicted"]},
            "annotator": 4,
        },
        {"id": 2, "post": TWO, "script": "x", "Face": "absent", "annotator": 4, "Tradition": None},
    )
    import_labels([export], study.root)
    read = gold(study, "user-4")
    assert read.ids == (ONE, TWO)
    assert (holds(read, ONE, Value.FACE), holds(read, ONE, Value.HUMILITY)) == (YES, CONFLICT)
    assert np.isnan(holds(read, TWO, Value.TRADITION)).all()


def test_the_video_names_the_post_where_nothing_else_does(study, tmp_path):
    address = f"/data/local-files/?d=videos/%40ann_video_{N1}.mp4"
    export = tasks(tmp_path / "e.json", task({"video": address}, annotation(1, result("Face", "present"))))
    assert import_labels([export], study.root).ok


def test_nobody_named_needs_a_name(study, tmp_path):
    export = tasks(tmp_path / "e.json", task({"post": ONE}, annotation(None, result("Face", "present"))))
    with pytest.raises(ConfigError, match="does not say who"):
        import_labels([export], study.root)
    import_labels([export], study.root, annotator="anna")
    assert gold(study, "anna").ids == (ONE,)


def done(*results):
    """Return an export of one task that one annotator has labelled."""
    return json.dumps([task({"post": ONE}, *(annotation(1, r) for r in results))])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "this is not an export of Label Studio"),
        ('{"a": 1}', "this is not an export of Label Studio"),
        ('[{"data": 3}]', r"this is not an export of Label Studio \(task 1: data: "),
        ('[{"data": {}, "annotations": [{"result": 3}]}]', "annotations left out .*are not understood: 1 .*result: "),
        ("[]", "this export contains no labels of values"),
        (done(), r"no labels of values \(tasks without annotations left out: 1; "),
        (done(result("mood", "good")), "answers to 'mood' left out because it is not a value"),
        (done(result("Face", "maybe")), r"answers that are not absent, .*task 7, Face: 'maybe'"),
        (done(result("Face", "present", "absent")), "task 7, Face: present and absent"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, content, message):
    path = tmp_path / "e.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_annotations(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "data",
                        "annotations",
                        "result",
                        "from_name",
                        "type",
                        "value",
                        "choices",
                        "completed_by",
                        "Face",
                        "post",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_json_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps([data, data]), "utf-8")
    try:
        read_annotations(path)
    except InputError as error:
        assert str(path) in str(error)


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command(study, tmp_path):
    sheet = tmp_path / "s.csv"
    write_authors(sheet, matrix(**{ONE: {Value.FACE: YES}, "else": {Value.FACE: YES}}))
    options = ["--annotator", "anna", "--blank", "missing"]
    done = CliRunner().invoke(command, [str(sheet), "-s", str(study.root), *options])
    assert done.exit_code == 1
    assert "1 × unmatched: else (s.csv): the study has no such post" in done.output
    assert "anna: 1 × post, 1 × label (1 new, 0 replaced) · gold/anna.csv" in done.output
    write(sheet, "post,value,state", f"{SILENT},Face,present")
    done = CliRunner().invoke(command, [str(sheet), "-s", str(study.root), "--annotator", "anna", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output)["annotators"]["anna"]["posts"] == 1
    write(sheet, "post,value,state", "else,Face,present")
    done = CliRunner().invoke(command, [str(sheet), "-s", str(study.root), "--annotator", "ben"])
    assert done.exit_code == 2
    assert not (study.root / "gold" / "ben.csv").exists()
