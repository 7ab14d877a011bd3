"""Labels as tables: read back by our reader, by pyvalues and by pyarrow."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.exchange.exported import HOSTILE, NAMED, ONE, SILENT, TWO, export, labels, make_study
from valex_local.corpus import read_sheet
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import ConfigError, InputError
from valex_local.files.tables import guarded, read_table, unguarded
from valex_local.files.text import clean_text
from valex_local.records import Calibration, Cutoff, Labels, Notice, Post
from valex_local.schwartz import CIRCLE, Polarity, Value
from valex_local.study import LabelKey
from valex_local.study.codings import change_coding


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def rows_of(path, delimiter=","):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def stored(study, name="template.encoder"):
    """Return the labels of the study, under the names of its posts."""
    records = {post: study.read(post, f"labels.{name}", Labels) for post in study.post_ids()}
    return LabelMatrix.from_labels({post: r.values for post, r in records.items() if r is not None and r.values})


def same(one, other, *, probabilities):
    assert one.ids == other.ids
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.dominant, other.dominant)
    if probabilities:
        np.testing.assert_array_equal(one.probabilities, other.probabilities)


# --- our own reader -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_long_table_is_read_back_whole(study, tmp_path, suffix):
    found, path = export(study, "long", out=tmp_path / f"labels{suffix}")
    sheet = read_sheet(path)
    assert (found.posts, found.files) == (2, 1)
    assert sheet.kind == "long"
    same(sheet.labels["template.encoder"], stored(study), probabilities=True)
    assert sheet.groups["whose"] == {ONE: "encoder-model (made up)", NAMED: "encoder-model (made up)"}


@pytest.mark.parametrize(("form", "run"), [("wide", "template.encoder"), ("authors", "")])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_wide_tables_are_read_back(study, tmp_path, form, run, suffix):
    _, path = export(study, form, out=tmp_path / f"labels{suffix}")
    sheet = read_sheet(path)
    assert sheet.kind == "codes"
    same(sheet.labels[run], stored(study), probabilities=False)


def test_wide_has_probabilities_under_codes(study):
    _, path = export(study, "wide")
    row = rows_of(path)[0]
    assert (row["Self-direction: action"], row["SDA_present"], row["SDA_conflicted"]) == ("-1", "0.2", "0.8")
    assert (row["post"], row["run"], row["whose"]) == (ONE, "template.encoder", "encoder-model (made up)")


def test_tables_say_how_states_were_drawn_and_from_which_probability_on(study, tmp_path):
    cutoffs = tuple(
        Cutoff(value=value, polarity=Polarity.PRESENT, probability=0.12345, support=12) for value in CIRCLE[1:]
    )
    calibrated = Calibration(model="encoder-model", kind="validated", posts=(ONE, NAMED), cutoffs=cutoffs)
    study.write_calibration(LabelKey("template", "encoder"), calibrated)
    found, path = export(study, "long")
    first, second, *_ = rows_of(path)
    assert (second["p_present"], second["present_from"], second["conflicted_from"]) == ("0.2", "0.1235", "")
    assert (first["state"], first["present_from"]) == ("absent", ""), "no cut-off: never called"
    kinds = {row["value"]: row["states"] for row in rows_of(path)}
    assert kinds == {value: "validated" if value in CIRCLE[1:] else "not validated" for value in CIRCLE}
    assert found.states == [
        "template.encoder: validated on 2 posts of this study; 1.5 values called per post; by encoder-model, made for "
        "made up"
    ]
    _, path = export(study, "wide")
    assert {row["states"] for row in rows_of(path)} == {"validated and not validated"}
    _, path = export(study, "authors")
    assert "states: validated on 2 posts of this study" in rows_of(path)[0]["notes"]
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    _, folder = export(study, "parquet")
    row = parquet.read_table(folder / "labels.parquet").to_pylist()[1]
    assert (row["states"], row["present_from"], row["conflicted_from"]) == ("validated", 0.1235, None)


def test_an_export_says_that_its_states_are_not_validated(study):
    found, _ = export(study, "authors")
    assert found.states[0].startswith("template.encoder: cautious, from a probability of 0.6 on; not validated")
    assert "do not report in how many posts" in found.states[1]
    assert export(study, "fountain")[0].states == [], "scripts have no states"


def test_codings_are_a_row_for_each_decision(study, tmp_path):
    change_coding(study, ONE, "anna", CIRCLE[3], {"state": "present", "lines": ["S1", "T2"]}, seen=0)
    decided = {"state": "conflicted", "confidence": "low", "note": "=she jokes\nperhaps"}
    change_coding(study, ONE, "anna", CIRCLE[0], decided, seen=1)
    change_coding(study, ONE, "ben", "note", "hard to hear", seen=0)
    found, path = export(study, "codings")
    first, second, third = rows_of(path)
    assert [first["value"], second["value"], third["value"]] == [CIRCLE[0], CIRCLE[3], ""]
    assert (first["coder"], first["coding"], first["confidence"]) == ("anna", "open", "low")
    assert unguarded(first["note"]) == "=she jokes\nperhaps"
    assert (second["state"], second["dominant"], second["lines"]) == ("present", "0", "S1 T2")
    assert (third["coder"], third["note"]) == ("ben", "hard to hear")
    assert found.posts == 1
    assert found.left_out[TWO] == "nobody has coded it"
    change_coding(study, ONE, "ben", "done", True, seen=1)
    done = [row for row in rows_of(export(study, "codings")[1]) if row["coder"] == "ben" and row["value"]]
    assert [row["state"] for row in done] == ["absent"] * len(CIRCLE)


def test_the_authors_csv(study):
    with_notice = labels((0.9, 0.1)).model_copy(update={"notices": (Notice(code="x", text="=odd\nlanguage"),)})
    study.write(ONE, "labels.template.encoder", with_notice)
    found, path = export(study, "authors")
    first, second = rows_of(path)
    assert [first["video_id"], first["Has_sound"], second["Has_sound"]] == [ONE, "True", ""]
    assert first["1_Value1_Self_Direction_Thought_values"] == "1"
    assert (
        first["notes"]
        == "encoder-model (made up); states: cautious, from a probability of 0.6 on; not validated; =odd\nlanguage"
    )
    assert found.left_out == {TWO: "no labels", SILENT: "no labels (no verbal sound)"}
    assert path.name == "authors.csv"


def test_labels_by_a_further_model_are_chosen_by_its_name(study):
    study.write(ONE, "labels.template.encoder@other", labels((0.2, 0.9)))
    with pytest.raises(ConfigError, match=r"template\.encoder, template\.encoder@other"):
        export(study, "authors")
    _, path = export(study, "authors", route="encoder@other")
    assert [(row["video_id"], row["1_Value1_Self_Direction_Thought_values"]) for row in rows_of(path)] == [(ONE, "-1")]
    _, path = export(study, "authors", route="encoder")
    assert [row["video_id"] for row in rows_of(path)] == [ONE, NAMED]
    _, path = export(study, "long")
    assert {row["run"] for row in rows_of(path)} == {"template.encoder", "template.encoder@other"}


def test_a_tsv_has_one_line_a_row(study, tmp_path):
    with_notice = labels((0.9, 0.1)).model_copy(update={"notices": (Notice(code="x", text="a\tb\nc"),)})
    study.write(ONE, "labels.template.encoder", with_notice)
    _, path = export(study, "authors", out=tmp_path / "a.tsv")
    head, first, _ = path.read_text("utf-8").splitlines()
    assert head.count("\t") == first.count("\t") == 21
    assert first.endswith("; not validated; a b c")


def test_what_was_not_assessed_stays_blank(study):
    study.write(ONE, "labels.template.encoder", labels((None, None), (0.9, None)))
    for form, blank in (("authors", ""), ("wide", ""), ("long", "not_assessed")):
        _, path = export(study, form)
        sheet = read_sheet(path)
        (answers,) = sheet.labels.values()
        assert np.isnan(answers.labels[0, 0]).all()
        assert blank in rows_of(path)[0].values()


# --- several labellings ---------------------------------------------------------------------------------------------


@pytest.fixture
def several(study):
    study.write(TWO, "labels.gemini.encoder", labels((0.8, 0.1), script="gemini"))
    study.write(ONE, "labels.video.direct", labels((0.1, 0.9), script="video", route="direct"))
    return study


def test_formats_for_one_labelling_want_to_know_which(several):
    for form in ("authors", "pyvalues"):
        with pytest.raises(ConfigError, match=r"the study has 3: gemini.encoder, template.encoder, video.direct"):
            export(several, form)
    _, path = export(several, "authors", script="gemini")
    assert [row["video_id"] for row in rows_of(path)] == [TWO]
    _, path = export(several, "authors", route="direct")
    assert [row["video_id"] for row in rows_of(path)] == [ONE]


@pytest.mark.parametrize("form", ["long", "wide"])
def test_other_tables_hold_all(several, form):
    _, path = export(several, form)
    sheet = read_sheet(path)
    assert set(sheet.labels) == {"gemini.encoder", "template.encoder", "video.direct"}
    for name, answers in sheet.labels.items():
        same(answers, stored(several, name), probabilities=form == "long")
    _, path = export(several, form, script="video")
    assert set(read_sheet(path).labels) == {"video.direct"}


def test_no_labels_are_reported(study):
    with pytest.raises(InputError, match="no post has labels of the script gemini and the route fewshot"):
        export(study, "long", script="gemini", route="fewshot")


# --- formulas -------------------------------------------------------------------------------------------------------


@given(
    st.one_of(st.sampled_from(HOSTILE), st.text(st.sampled_from("'=+-@\t\r\n 1.a"), max_size=6), st.text(max_size=9))
)
@example("'=1")
@example("'-1")
@example("''")
def test_no_cell_is_a_formula_and_every_cell_comes_back(cell):
    written = guarded(cell)
    assert unguarded(written) == clean_text(cell)
    number = written.strip(" ").lstrip("+-").replace(",", ".").replace(".", "", 1).isdigit()
    assert number or (written.lstrip()[:1] not in tuple("=+-@") and written[:1] not in ("\t", "\r"))


@pytest.mark.parametrize("cell", ["-1", "+1.5", "-0,5", "0", "plain", "a=b", "", "'quoted"])
def test_numbers_and_plain_cells_stay(cell):
    assert guarded(cell) == cell


@pytest.mark.parametrize("cell", ["=1+1", "+me", "-me", "@sum(A1)", " =1", "\tx", "\rx"])
def test_formulas_are_led_in_by_an_apostrophe(cell):
    assert guarded(cell) == f"'{cell}"


def test_names_that_look_like_formulas_are_guarded_in_tables(study):
    evil = labels((0.9, 0.1))
    source = evil.source.model_copy(update={"model": "=cmd|'/c calc'!A0"})
    study.write(ONE, "labels.template.encoder", evil.model_copy(update={"source": source}))
    for form in ("wide", "long"):
        _, path = export(study, form)
        assert rows_of(path)[0]["whose"].startswith("'=cmd")
        assert read_table(path).rows[0].cells["whose"] == "=cmd|'/c calc'!A0 (made up)"


# --- pyvalues -------------------------------------------------------------------------------------------------------


def test_pyvalues_reads_its_table(study):
    pyvalues = pytest.importorskip("pyvalues")
    found, path = export(study, "pyvalues")
    assert path.name == "pyvalues.tsv"
    documents = list(pyvalues.RefinedValuesWithAttainment.read_tsv(path, document_id_field="ID"))
    assert [document.id for document in documents] == [ONE, NAMED]
    read = documents[0].values[0]
    assert (read.self_direction_thought.attained, read.self_direction_thought.constrained) == (0.9, 0.05)
    assert read.self_direction_action.constrained == 0.8
    assert (read.stimulation.attained, read.stimulation.constrained) == (0.5384, 0.4615)
    assert found.notices == ["1 × scores scaled down because present and conflicted add up to more than 1"]
    for value in CIRCLE[3:]:
        assert read[value.value].attained == 0.1


def test_pyvalues_columns_are_left_out_that_were_not_assessed(study):
    pyvalues = pytest.importorskip("pyvalues")
    study.write(ONE, "labels.template.encoder", labels((0.5, None)))
    found, path = export(study, "pyvalues")
    assert "Self-direction: thought constrained" not in rows_of(path, "\t")[0]
    missing = "Self-direction: thought constrained"
    assert found.notices == [f"not assessed in every post, which pyvalues reads as 0: {missing}"]
    read = next(pyvalues.RefinedValuesWithAttainment.read_tsv(path)).values[0]
    assert (read.self_direction_thought.attained, read.self_direction_thought.constrained) == (0.5, 0.0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=19, max_size=19))
def test_pyvalues_takes_any_pair_of_probabilities(pairs):
    pyvalues = pytest.importorskip("pyvalues")
    from valex_local.exchange.export.tables import _attainment

    scores = [_attainment(label) for label in labels(*pairs).values]
    read = pyvalues.RefinedValuesWithAttainment.from_list([float(p or 0) for pair in scores for p in pair])
    assert len(read.to_list()) == 38


# --- parquet --------------------------------------------------------------------------------------------------------


def test_parquet_holds_labels_and_lines(several):
    parquet = pytest.importorskip("pyarrow.parquet")
    found, folder = export(several, "parquet")
    assert (found.posts, found.files) == (3, 2)
    assert found.left_out == {SILENT: "no script and no labels"}
    rows = parquet.read_table(folder / "labels.parquet").to_pylist()
    assert len(rows) == 4 * 19
    for name in ("template.encoder", "video.direct", "gemini.encoder"):
        script, _, route = name.partition(".")
        of = {(r["post"], r["value"]): r for r in rows if (r["script"], r["route"]) == (script, route)}
        for post, said in of.items():
            record = several.read(post[0], f"labels.{name}", Labels)
            label = record.values[CIRCLE.index(Value(post[1]))]
            assert (said["state"], said["p_present"], said["p_conflicted"]) == (
                label.state,
                label.present,
                label.conflicted,
            )
    assert rows[0]["languages"] == ["en"]
    lines = parquet.read_table(folder / "lines.parquet").to_pylist()
    spoken = [line for line in lines if line["post"] == ONE and line["kind"] == "dialogue"]
    assert (spoken[0]["text"], spoken[0]["start"], spoken[0]["ref"]) == (
        "This week I bought nothing new at all.",
        0.5,
        "S1",
    )
    assert {line["script"] for line in lines} == {"template", "gemini"}
    assert [line["repeats"] for line in lines if line["ref"] == "T2" and line["post"] == ONE] == ["S2"]
    assert {line["author"] for line in lines} == {"ann", "bo.b", "my"}


def test_parquet_in_row_groups(several, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("valex_local.exchange.export.arrow.ROW_GROUP", 19)
    _, folder = export(several, "parquet")
    file = parquet.ParquetFile(folder / "labels.parquet")
    assert (file.num_row_groups, file.metadata.num_rows) == (4, 76)


def test_parquet_of_scripts_alone(study):
    pytest.importorskip("pyarrow")
    for post in (ONE, NAMED, SILENT):
        (study.folder(post) / "labels.template.encoder.json").unlink()
    found, folder = export(study, "parquet")
    assert [path.name for path in folder.iterdir()] == ["lines.parquet"]
    assert found.files == 1


def test_parquet_of_nothing_is_refused(study):
    pytest.importorskip("pyarrow")
    study.write("empty", "post", Post(id="empty"))
    with pytest.raises(InputError, match="no post has a script or labels"):
        export(study, "parquet", posts=["empty"])


def test_parquet_without_its_library_says_what_brings_it(study, monkeypatch):
    from valex_local.errors import MissingExtra

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pyarrow is not installed.*valex_local\[exchange\]"):
        export(study, "parquet")
    assert not list((study.root / "exports").iterdir())
