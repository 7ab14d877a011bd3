"""Which label is about which text."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.files import N1, N2, N3, equal, holds, matrix, write
from valex_local.corpus import Corpus, Text, match, read_corpus
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.post_finder import digest_of, plain_name
from valex_local.errors import InputError
from valex_local.posts.ids import post_id
from valex_local.schwartz import CIRCLE, Value

YES, NO, CONFLICT = (1.0, 0.0), (0.0, 0.0), (0.0, 1.0)
FACE, HEDONISM = Value.FACE, Value.HEDONISM


def texts(*ids: str, **names: tuple[str, ...]) -> list[Text]:
    return [Text(name, f"text of {name}", names=names.get(name, ())) for name in ids]


def test_texts_and_labels_are_aligned_and_sorted():
    corpus = match(texts("c", "a", "d", "b"), matrix(b={FACE: YES}, x={FACE: YES}, a={FACE: CONFLICT}))
    assert [text.id for text in corpus.texts] == ["a", "b"]
    assert corpus.gold.ids == ("a", "b")
    assert holds(corpus.gold, "a", FACE) == CONFLICT
    assert holds(corpus.gold, "b", FACE) == YES
    assert corpus.unmatched_labels == ("x",)
    assert [text.id for text in corpus.unlabelled] == ["c", "d"]
    assert corpus.notices == ()


@pytest.mark.parametrize(("label", "text"), [(N1, f"me_{N1}"), (f"me_{N1}", N1), (f"me_{N1}", f"me_{N1}"), (N1, N1)])
def test_a_number_alone_fits_any_user(label, text):
    corpus = match(texts(text, f"me_{N2}"), matrix(**{label: {FACE: YES}}))
    assert corpus.gold.ids == (text,)
    assert holds(corpus.gold, text, FACE) == YES


def test_another_user_with_the_number_is_the_same_post():
    corpus = match(texts(f"me_{N1}"), matrix(**{f"you_{N1}": {FACE: YES}}))
    assert corpus.gold.ids == (f"me_{N1}",)


def test_a_number_that_fits_two_texts_is_left_out():
    corpus = match(texts(f"a_{N1}", f"b_{N1}", "x"), matrix(**{N1: {FACE: YES}, "x": {FACE: NO}}))
    assert corpus.unmatched_labels == (N1,)
    assert corpus.notices == (f"label of {N1} left out because it matches 2 texts",)


def test_the_exact_id_goes_before_the_number():
    corpus = match(texts(N1, f"me_{N1}"), matrix(**{N1: {FACE: YES}}))
    assert corpus.gold.ids == (N1,)


def test_other_names_of_a_text():
    given = texts("clip-0", "clip-1", **{"clip-0": ("My clip",), "clip-1": ("My clip", "Other")})
    assert match(given, matrix(Other={FACE: YES})).gold.ids == ("clip-1",)
    corpus = match(given, matrix(**{"My clip": {FACE: YES}, "clip-0": {FACE: NO}}))
    assert corpus.unmatched_labels == ("My clip",)


def test_a_script_imported_under_a_lab_s_own_name_is_found_by_it():
    name = plain_name("Interview A 12.txt")
    post = post_id(None, name, digest_of(name))
    labels = matrix(**{"interviews/Interview A 12.txt": {FACE: YES}, "Interview B": {FACE: NO}})
    corpus = match(texts(post, **{post: (post,)}), labels)
    assert holds(corpus.gold, post, FACE) == YES
    assert corpus.unmatched_labels == ("Interview B",)


def test_two_labels_of_one_text_are_joined():
    labels = matrix(**{N1: {FACE: YES}, f"me_{N1}": {FACE: YES, HEDONISM: NO}})
    corpus = match(texts(f"me_{N1}"), labels)
    assert len(corpus.gold) == 1
    assert holds(corpus.gold, f"me_{N1}", HEDONISM) == NO
    assert corpus.notices == ("texts labelled under two names, with the same labels: 1",)


def test_two_labels_of_one_text_that_contradict_each_other_are_named():
    labels = matrix(**{N1: {FACE: YES}, f"me_{N1}": {FACE: NO}})
    with pytest.raises(InputError, match=rf"the label of {N1} and the label of me_{N1} contradict each other"):
        match(texts(f"me_{N1}"), labels)


def test_nothing_in_common_shows_both_sides():
    with pytest.raises(InputError, match=r"4 labels \(a, b, c\) and 1 texts \(x\)"):
        match(texts("x"), matrix(d={}, c={}, b={}, a={}))


def test_groups():
    given = [
        Text("a", "x", groups={"author": "me", "Conclusion": "b"}),
        Text("b", "x", groups={"genre": "vlog"}),
        Text("c", "x", groups={"Author": "M. E.", "author": "me"}),
    ]
    corpus = match(given, LabelMatrix.empty("abc"))
    assert corpus.groups("author") == ("me", "b", "me")
    assert corpus.groups("conclusion") == ("b", "(b)", "c")  # b is named like a group
    assert corpus.groups("Author") == ("me", "b", "M. E.")
    assert corpus.groups("none") == ("a", "b", "c")
    with pytest.raises(InputError, match=r"cannot be grouped by 'sound'.*Author, Conclusion, author, genre, none"):
        corpus.groups("sound")


def test_labels_bring_groups():
    corpus = match(
        [Text(N1, "x", groups={"genre": "vlog"}), Text("b", "y")],
        matrix(**{f"me_{N1}": {FACE: YES}, "b": {FACE: YES}}),
        {"genre": {f"me_{N1}": "sport", "b": "sport"}, "author": {f"me_{N1}": "M. E.", "b": "B."}},
    )
    assert corpus.groups("author") == ("me", "B.")
    assert corpus.groups("genre") == ("vlog", "sport")


ids = st.lists(st.sampled_from([N1, N2, f"a_{N1}", f"b_{N1}", f"a_{N2}", "x", "y", "z"]), unique=True, min_size=1)


@given(ids, ids)
def test_every_text_and_label_is_accounted_for(named, labelled):
    gold = LabelMatrix.empty(labelled)
    gold.labels[:] = 0
    try:
        corpus = match(texts(*named), gold)
    except InputError:
        assert not set(named) & set(labelled)
        return
    assert sorted(text.id for text in (*corpus.texts, *corpus.unlabelled)) == sorted(named)
    assert corpus.gold.ids == tuple(text.id for text in corpus.texts) == tuple(sorted(corpus.gold.ids))
    assert set(corpus.unmatched_labels) <= set(labelled) - set(named)
    assert set(named) & set(labelled) <= set(corpus.gold.ids)
    assert not np.isnan(corpus.gold.labels).any()


# --- from files -----------------------------------------------------------------------------------------------------


def test_a_whole_corpus(tmp_path):
    (tmp_path / "scripts").mkdir()
    write(tmp_path / "scripts" / f"@me_video_{N1}.txt", "one")
    write(tmp_path / "scripts" / f"@you_video_{N2}.txt", "two")
    write(tmp_path / "scripts" / "empty.txt")
    write(tmp_path / "more.csv", "id,text", f"{N3},three")
    write(tmp_path / "a.csv", "url,Face,genre", f"https://www.tiktok.com/@me/photo/{N1} ,present,vlog")
    write(tmp_path / "b.csv", "post,value,state,coder", f"{N3},Face,conflict,X", "gone,Face,present,X")
    corpus = read_corpus([tmp_path / "a.csv", tmp_path / "b.csv"], [tmp_path / "scripts", tmp_path / "more.csv"])
    assert isinstance(corpus, Corpus)
    assert corpus.gold.ids == (N3, f"me_{N1}")
    assert [text.text for text in corpus.texts] == ["three", "one"]
    assert corpus.groups("genre") == (N3, "vlog")
    assert corpus.groups("author") == (N3, "me")
    assert corpus.unmatched_labels == ("gone",)
    assert [text.id for text in corpus.unlabelled] == [f"you_{N2}"]
    assert "text left out: scripts, empty.txt: the file is empty" in corpus.notices
    assert any(notice.startswith("a.csv: not assessed because there is no column") for notice in corpus.notices)
    only = read_corpus([tmp_path / "b.csv"], [tmp_path / "more.csv"], annotator="X")
    assert only.gold.ids == (N3,)


def test_columns_are_passed_on(tmp_path):
    labels = write(tmp_path / "l.csv", "id,Face", "a,present")
    table = write(tmp_path / "t.csv", "key,words", "a,one")
    corpus = read_corpus([labels], [table], id_column="key", text_column="words")
    assert [text.text for text in corpus.texts] == ["one"]


def test_thousands_are_read_in_no_time(tmp_path):
    rows = range(7000)
    arguments = ["Argument ID\tConclusion\tStance\tPremise", *(f"A{n}\tc{n % 300}\tagainst\tp {n}" for n in rows)]
    labels = ["\t".join(["Argument ID", *CIRCLE, "Universalism: objectivity"])]
    labels += ["\t".join([f"A{n}", *("1" if n % (k + 2) == 0 else "0" for k in range(20))]) for n in rows]
    write(tmp_path / "arguments.tsv", *arguments)
    write(tmp_path / "labels.tsv", *labels)
    began = time.process_time()
    corpus = read_corpus([tmp_path / "labels.tsv"], [tmp_path / "arguments.tsv"])
    assert time.process_time() - began < 5  # under one second on an idle machine
    assert len(corpus.texts) == 7000
    assert np.nansum(corpus.gold.labels[:, 0]) == 3500
    assert len(set(corpus.groups("Conclusion"))) == 300


def test_the_order_of_sources_does_not_matter(tmp_path):
    one = write(tmp_path / "1.csv", "id,Face,text", "a,present,x", "b,conflict,y")
    two = write(tmp_path / "2.csv", "id,Face,text", "c,present,z")
    forth, back = read_corpus([one, two], [one, two]), read_corpus([two, one], [two, one])
    assert [text.id for text in forth.texts] == [text.id for text in back.texts] == ["a", "b", "c"]
    assert equal(forth.gold, back.gold)
