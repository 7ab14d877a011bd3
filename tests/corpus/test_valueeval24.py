"""Files of the shape of ValueEval'24: two columns for each value, sentences of documents, several languages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.files import holds, place, write
from valex_local.corpus import read_corpus, read_sheet, read_texts
from valex_local.corpus.documents import DocumentColumns, language_of_document
from valex_local.corpus.writers import write_long
from valex_local.errors import InputError
from valex_local.schwartz import CIRCLE, State, Value

HEAD = ["Text-ID", "Sentence-ID", *(f"{value} {end}" for value in CIRCLE for end in ("attained", "constrained"))]
CELLS = {"0": 0.0, "0.0": 0.0, "0.5": 0.5, "1": 1.0, "1.0": 1.0}


def row(document: str, sentence: int | str, **pairs: tuple[str, str]) -> str:
    cells = [cell for value in CIRCLE for cell in pairs.get(value.name.lower(), ("0", "0"))]
    return "\t".join([document, str(sentence), *cells])


def labels(path, *rows: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, "\t".join(HEAD), *rows)


def sentences(path, *rows: tuple[str, object, str], head: tuple[str, ...] = ("Text-ID", "Sentence-ID", "Text")):
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, "\t".join(head), *("\t".join(map(str, cells)) for cells in rows))


def test_attained_is_present_constrained_is_conflicted_and_both_may_hold(tmp_path):
    sheet = read_sheet(
        labels(
            tmp_path / "labels.tsv",
            row("EN_001", 1, hedonism=("1", "0"), face=("0", "1"), tradition=("1.0", "1")),
            row("EN_001", 2, hedonism=("0.5", "0.5")),
        )
    )
    (found,) = sheet.labels.values()
    assert (sheet.kind, sheet.complete) == ("valueeval24", True)
    assert found.ids == ("EN_001:1", "EN_001:2")
    assert [holds(found, "EN_001:1", v) for v in (Value.HEDONISM, Value.FACE, Value.TRADITION, Value.HUMILITY)] == [
        (1, 0), (0, 1), (1, 1), (0, 0),
    ]  # fmt: skip
    assert np.isnan(holds(found, "EN_001:2", Value.HEDONISM)).all()
    assert found.state(1, place(Value.HEDONISM)) is State.NOT_ASSESSED
    assert sheet.groups == {"document": {"EN_001:1": "EN_001", "EN_001:2": "EN_001"}}
    assert any("(0.5 and 0.5), which count as not assessed: 1" in notice for notice in sheet.notices)


@given(pairs=st.lists(st.tuples(st.sampled_from(sorted(CELLS)), st.sampled_from(sorted(CELLS))), max_size=19))
def test_half_is_never_absent_and_what_is_read_is_what_stands_there(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("half") / "labels.tsv"
    given_pairs = {value.name.lower(): pair for value, pair in zip(CIRCLE, pairs, strict=False)}
    sheet = read_sheet(labels(path, row("EN_001", 1, **given_pairs), row("EN_001", 2)))
    found = sheet.labels[""].labels[0]
    halves = 0
    for column, pair in enumerate(pairs):
        numbers = [CELLS[cell] for cell in pair]
        halves += numbers.count(0.5) == 1
        assert np.array_equal(found[column], [np.nan, np.nan] if 0.5 in numbers else numbers, equal_nan=True)
    said = [notice for notice in sheet.notices if "0.5 in one of the two columns" in notice]
    assert len(said) == (halves > 0)
    assert not said or f"not assessed: {halves} (row 2, column" in said[0]
    write_long(path.with_name("again.csv"), sheet.labels)
    again = read_sheet(path.with_name("again.csv")).labels[""]
    assert np.array_equal(again.labels, sheet.labels[""].labels, equal_nan=True)


def test_what_cannot_be_understood_is_counted_named_and_not_assessed(tmp_path):
    sheet = read_sheet(
        labels(
            tmp_path / "labels.tsv",
            row("EN_001", 1, hedonism=("0.3", "0"), face=("2", "1"), humility=("yes", "0"), tradition=("", "1")),
            row("EN_001", 2, hedonism=("1", "0")),
            row("EN_001", 2, hedonism=("0", "0")),
            row("EN_001", 3, face=("1", "0")),
            row("EN_001", 3, face=("1", "0")),
            row("EN_002", ""),
            row("", ""),
        )
    )
    (found,) = sheet.labels.values()
    assert found.ids == ("EN_001:1", "EN_001:2", "EN_001:3")
    values = (Value.HEDONISM, Value.FACE, Value.HUMILITY, Value.TRADITION)
    pairs = [holds(found, "EN_001:1", value) for value in values]
    assert np.array_equal(pairs, [(np.nan, 0), (np.nan, 1), (np.nan, 0), (np.nan, 1)], equal_nan=True)
    assert np.isnan(holds(found, "EN_001:2", Value.HEDONISM)).all()
    assert not sheet.complete
    said = "\n".join(sheet.notices)
    assert (
        "cells that are not 0, 0.5 or 1, which count as not assessed: 3 (row 2, column Hedonism attained: '0.3'" in said
    )
    assert "blank cells counted as not assessed: 1" in said
    assert "contradict each other, which count as not assessed: 1 (row 3 and row 4: EN_001:2, Hedonism)" in said
    assert "rows that repeat labels of earlier rows: 2 (row 4; row 6)" in said
    assert "not known: 2 (row 7, column Sentence-ID is empty; row 8 has labels but no id)" in said


@pytest.mark.parametrize(
    "column", ["Hedonsim attained", "Self-direction attained", "Universalism: objectivity constrained"]
)
def test_a_column_that_is_of_no_value_is_an_error(tmp_path, column):
    path = write(tmp_path / "labels.tsv", f"Text-ID\tSentence-ID\tFace attained\t{column}", "EN_001\t1\t0\t0")
    with pytest.raises(InputError, match="not one of the values followed by attained or constrained"):
        read_sheet(path)


def test_columns_that_are_missing_are_not_assessed(tmp_path):
    path = write(tmp_path / "labels.csv", "Text-ID,Sentence-ID,Face attained,Humility_Constrained", "a,1,1,0")
    sheet = read_sheet(path)
    assert np.array_equal(holds(sheet.labels[""], "a:1", Value.FACE), (1, np.nan), equal_nan=True)
    assert np.array_equal(holds(sheet.labels[""], "a:1", Value.HUMILITY), (np.nan, 0), equal_nan=True)
    assert any("Face constrained, Humility attained" in notice for notice in sheet.notices)
    write(tmp_path / "twice.csv", "Text-ID,Sentence-ID,Face attained,Face attained", "a,1,1,0")
    with pytest.raises(InputError, match="are both for Face"):
        read_sheet(tmp_path / "twice.csv")


def test_ids_are_equal_however_a_program_writes_the_number():
    columns = DocumentColumns("Text-ID", "Sentence-ID")
    for sentence in ("12", " 12 ", "12.0", "012"):
        assert columns.id_of({"Text-ID": "EN_001", "Sentence-ID": sentence}) == "EN_001:12"
    assert columns.id_of({"Text-ID": "a", "Sentence-ID": "b.c"}) == "a:b.c"
    assert columns.id_of({"Text-ID": " ", "Sentence-ID": ""}) == ""


def test_the_language_is_that_of_the_column_the_folder_or_the_id(tmp_path):
    rows = [("EL_M_001", 1, "Ένα"), ("EN_001", 1, "One"), ("XX_001", 1, "?")]

    def languages(path, *, column=None):
        if column is None:
            texts = read_texts(sentences(path, *rows))
        else:
            head = ("Text-ID", "Sentence-ID", "Text", "Language")
            texts = read_texts(sentences(path, *((*r, column) for r in rows), head=head))
        return [text.language for text in texts], texts.left_out

    assert languages(tmp_path / "training" / "sentences.tsv") == (["el", "en", None], ())
    found, said = languages(tmp_path / "training-english" / "sentences.tsv")
    assert found == ["en"] * 3
    assert any("read as en" in notice and "el (1)" in notice for notice in said)
    assert languages(tmp_path / "DE" / "sentences.tsv")[0] == ["de"] * 3
    assert languages(tmp_path / "all" / "sentences-tr.tsv")[0] == ["tr"] * 3
    assert languages(tmp_path / "training" / "sentences.tsv", column="NL") == (["nl"] * 3, ())
    assert language_of_document("AB_001") is None


def test_sentences_that_share_an_id_are_left_out_and_named(tmp_path):
    path = sentences(
        tmp_path / "sentences.tsv",
        ("EN_001", 1, "One"), ("EN_001", 1, "Another"), ("EN_001", 2, "Two"), ("EN_001", 2, "Two"), ("EN_001", 3, ""),
        ("EN_001", "", "Lost"),
    )  # fmt: skip
    texts = read_texts(path)
    assert [(text.id, text.text) for text in texts] == [("EN_001:2", "Two")]
    said = "\n".join(texts.left_out)
    for reason in ("row 2 and row 3: different sentences with the id EN_001:1", "row 6: it has no text",
                   "row 7: column Sentence-ID is empty", "row 5: same text as row 4"):  # fmt: skip
        assert reason in said


def test_documents_are_never_split_and_what_does_not_match_is_listed(tmp_path):
    gold = labels(tmp_path / "labels.tsv", row("EN_001", 1), row("EN_001", 2), row("EN_002", 1), row("EN_009", 1))
    texts = sentences(
        tmp_path / "sentences.tsv", ("EN_001", 1, "a"), ("EN_001", 2, "b"), ("EN_002", 1, "c"), ("EN_002", 2, "d")
    )
    corpus = read_corpus([gold], [texts])
    assert corpus.gold.ids == ("EN_001:1", "EN_001:2", "EN_002:1")
    assert corpus.groups("author") == corpus.groups("document") == ("EN_001", "EN_001", "EN_002")
    assert corpus.grouping("author") == "document"
    assert corpus.grouping("none") == "none"
    assert corpus.unmatched_labels == ("EN_009:1",)
    assert [text.id for text in corpus.unlabelled] == ["EN_002:2"]


def test_documents_stay_whole_beside_posts_with_authors(tmp_path):
    gold = labels(tmp_path / "labels.tsv", row("EN_001", 1), row("EN_001", 2))
    texts = sentences(tmp_path / "sentences.tsv", ("EN_001", 1, "a"), ("EN_001", 2, "b"))
    posts = write(tmp_path / "posts.csv", "id,author,text", "x,me,c")
    sheet = write(tmp_path / "sheet.csv", "id,Face,Hedonism", "x,1,0")
    corpus = read_corpus([gold, sheet], [texts, posts])
    assert corpus.grouping("author") == "author"
    assert dict(zip(corpus.gold.ids, corpus.groups("author"), strict=True)) == {
        "EN_001:1": "EN_001", "EN_001:2": "EN_001", "x": "me",
    }  # fmt: skip


def test_folders_of_languages_are_read_together(tmp_path):
    for code in ("EL", "EN"):
        labels(tmp_path / "data" / code / "labels.tsv", row(f"{code}_001", 1, face=("1", "0")))
        sentences(tmp_path / "data" / code / "sentences.tsv", (f"{code}_001", 1, "text"))
    corpus = read_corpus([tmp_path / "data"], [tmp_path / "data"])
    assert corpus.gold.ids == ("EL_001:1", "EN_001:1")
    assert [text.language for text in corpus.texts] == ["el", "en"]
    assert any(notice.startswith("EL/labels.tsv: ") for notice in corpus.notices)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"contains no labels\.tsv"):
        read_corpus([tmp_path / "empty"], [tmp_path / "data"])


def test_a_translation_beside_its_original_is_refused_with_both_places(tmp_path):
    sentences(tmp_path / "training" / "sentences.tsv", ("DE_001", 1, "Hallo"))
    sentences(tmp_path / "training-english" / "sentences.tsv", ("DE_001", 1, "Hello"))
    with pytest.raises(InputError, match=r"training/sentences\.tsv, row 2 and training-english/sentences\.tsv, row 2"):
        read_texts(tmp_path)
