"""The input of an evaluation."""

import numpy as np
import pytest

from tests.evaluation.made import matrix, noisy, paper_gold, route
from tests.evaluation.test_routes import model_directory
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.sheets import read_sheet
from valex_local.corpus.texts import Text, Texts
from valex_local.corpus.writers import write_long
from valex_local.errors import InputError
from valex_local.evaluation.agreement import View
from valex_local.evaluation.baselines import Dictionary, TfIdf
from valex_local.evaluation.inputs import agreements, prepare
from valex_local.evaluation.routes import LabelSourcePath, read_source
from valex_local.posts.ids import post_key
from valex_local.schwartz import CIRCLE, Value

STIMULATION = CIRCLE.index(Value.STIMULATION)


@pytest.fixture(scope="module")
def gold():
    return paper_gold().take(range(120))


def sheet_of(path, runs, extra=None):
    write_long(path, runs, extra=extra)
    return read_sheet(path)


@pytest.fixture
def sheet(tmp_path, gold):
    return sheet_of(tmp_path / "gold.csv", {"": gold})


def texts_of(gold, language="en", **groups):
    """Return texts in which one word decides whether stimulation is present."""
    contents = [
        "what a rollercoaster" if present else "quite a quiet day" for present in gold.labels[:, STIMULATION, 0]
    ]
    return Texts(
        tuple(
            Text(name, f"{text} {row}", language, {g: cells[row] for g, cells in groups.items()})
            for row, (name, text) in enumerate(zip(gold.ids, contents, strict=True))
        )
    )


def by_name(prepared):
    return {route.name: route for route in prepared.routes}


def test_gold_labels_come_from_the_sheets(sheet, gold):
    prepared = prepare([LabelSourcePath((route("a", noisy(gold, 1, 1)),))], sheets=[sheet])
    assert prepared.gold.ids == gold.ids
    assert [r.name for r in prepared.routes] == ["a"]
    assert prepared.grouped_by == "author"
    assert prepared.groups[gold.ids[3]] == "user3"
    assert [(m.name, "--texts" in m.why) for m in prepared.missing] == [("dictionary", True), ("tfidf", True)]


def test_gold_labels_come_from_the_models(tmp_path, gold):
    source = read_source(str(model_directory(tmp_path / "encoder", gold)))
    prepared = prepare([source])
    assert np.array_equal(prepared.gold.labels, gold.labels)
    assert [r.name for r in prepared.routes] == ["encoder", "majority", "tfidf"]
    assert [m.name for m in prepared.missing] == ["dictionary"]


def test_no_gold_labels_and_contradicting_ones_are_refused(tmp_path, gold):
    with pytest.raises(InputError, match=r"no gold labels.*--labels"):
        prepare([LabelSourcePath((route("a", gold),))])
    other = gold.take(range(len(gold)))
    other.labels[0, 0] = 1 - other.labels[0, 0]
    sources = [read_source(str(model_directory(tmp_path / n, g))) for n, g in (("one", gold), ("two", other))]
    with pytest.raises(InputError, match="the gold labels of one and the gold labels of two contradict each other"):
        prepare(sources)


def test_one_annotator_or_the_majority(tmp_path, gold):
    flipped = matrix(1 - gold.labels, ids=gold.ids)
    sheet = sheet_of(tmp_path / "three.csv", {"a": gold, "b": gold, "c": flipped})
    assert np.array_equal(prepare([], sheets=[sheet]).gold.labels, gold.labels)
    assert np.array_equal(prepare([], sheets=[sheet], annotator="c").gold.labels, flipped.labels)
    with pytest.raises(InputError, match="no annotator 'd'"):
        prepare([], sheets=[sheet], annotator="d")


def test_routes_stand_under_the_ids_of_the_gold_labels(tmp_path, gold):
    numbers = tuple(post_key(name).number for name in gold.ids)
    source = matrix(gold.labels, ids=numbers)
    sheet = sheet_of(tmp_path / "gold.csv", {"": gold})
    prepared = prepare([LabelSourcePath((route("numbers", source),))], sheets=[sheet])
    assert prepared.routes[0].runs[0].ids == gold.ids


def test_equal_baselines_of_two_models_are_one_and_others_are_told_apart(tmp_path, gold):
    one, two = (read_source(str(model_directory(tmp_path / name, gold))) for name in ("one", "two"))
    assert [r.name for r in prepare([one, two]).routes] == ["one", "two", "majority", "tfidf"]
    write_long(tmp_path / "two" / "training" / "baseline-tfidf.csv", {"0": noisy(gold, 3, 3)})
    two = read_source(str(tmp_path / "two"))
    assert [r.name for r in prepare([one, two]).routes] == ["one", "two", "majority", "tfidf", "tfidf (two)"]


def test_groups_by_default_are_those_of_the_training(tmp_path, gold):
    source = read_source(str(model_directory(tmp_path / "encoder", gold, group="genre")))
    assert prepare([source]).grouped_by == "genre"
    assert prepare([source], group="Author").grouped_by == "author"
    assert prepare([source], group="none").groups is None
    with pytest.raises(InputError, match=r"grouped by 'colour'.*author, genre, none"):
        prepare([source], group="colour")


def test_groups_come_from_sheets_and_texts(tmp_path, gold):
    genres = {name: str(row % 3) for row, name in enumerate(gold.ids)}
    sheet = sheet_of(tmp_path / "gold.csv", {"": gold}, extra={"genre": genres})
    assert prepare([], sheets=[sheet], group="genre").groups[gold.ids[4]] == "1"
    texts = texts_of(gold, mood=[str(row % 2) for row in range(len(gold))])
    assert prepare([], sheets=[sheet], texts=texts, group="mood").groups[gold.ids[3]] == "1"


def test_without_any_author_single_texts_stand_alone(tmp_path):
    plain = matrix(np.zeros((3, 19, 2)), ids=("a", "b", "c"))
    prepared = prepare([], sheets=[sheet_of(tmp_path / "gold.csv", {"": plain})])
    assert (prepared.grouped_by, prepared.groups) == (None, None)


def test_baselines_of_texts_are_made_out_of_fold(sheet, gold):
    prepared = prepare([], sheets=[sheet], texts=texts_of(gold), supports=(5,))
    tfidf = by_name(prepared)["tfidf"].runs[0].of(gold.ids)
    assert prepared.missing == ()
    assert (tfidf.labels[:, STIMULATION, 0] == gold.labels[:, STIMULATION, 0]).all()
    assert "out of fold, 5 folds" in by_name(prepared)["tfidf"].about
    rare = (gold.labels == 1).sum(axis=0) < 5
    assert np.isnan(tfidf.labels[:, rare]).all()
    dictionary = by_name(prepared)["dictionary"]
    assert dictionary.about is None
    assert not np.isnan(dictionary.runs[0].labels[:, STIMULATION, 0]).any()


def test_baselines_that_a_model_brings_are_not_made_anew(tmp_path, gold):
    source = read_source(str(model_directory(tmp_path / "encoder", gold)))
    prepared = prepare([source], texts=texts_of(gold))
    assert [r.name for r in prepared.routes] == ["encoder", "majority", "tfidf", "dictionary"]
    assert np.array_equal(by_name(prepared)["tfidf"].runs[0].labels, source.routes[3].runs[0].labels, equal_nan=True)


def test_texts_of_unknown_and_of_unheard_languages(sheet, gold):
    unknown = prepare([], sheets=[sheet], texts=texts_of(gold, None))
    assert "English is assumed for 120 texts" in by_name(unknown)[Dictionary.name].about
    japanese = prepare([], sheets=[sheet], texts=texts_of(gold, "ja"))
    assert Dictionary.name not in by_name(japanese)
    (missing,) = japanese.missing
    assert "'ja'" in missing.why
    assert "120 texts" in missing.why


def test_texts_of_too_few_groups_leave_none_to_learn_from(sheet, gold):
    texts = texts_of(gold, show=["one"] * len(gold))
    (missing,) = prepare([], sheets=[sheet], texts=texts, group="show").missing
    assert (missing.name, "at least 3 groups" in missing.why) == (TfIdf.name, True)
    shows = ["one"] * 40 + ["two"] * 40 + ["three"] * 40
    assert not prepare([], sheets=[sheet], texts=texts_of(gold, show=shows), group="show").missing


def test_texts_that_are_not_used_are_counted(sheet, gold):
    texts = Texts((*texts_of(gold), Text("elsewhere", "words", "en")), ("b.txt: the file is empty",))
    notices = prepare([], sheets=[sheet], texts=texts).notices
    assert "text left out: b.txt: the file is empty" in notices
    assert "1 text not used by the baselines: no gold labels" in notices


def test_two_texts_about_one_label_are_refused(tmp_path, gold):
    number = post_key(gold.ids[0]).number
    plain = matrix(gold.labels[:1], ids=(number,))
    texts = Texts(tuple(Text(f"{user}_{number}", "words") for user in ("anna", "berta")))
    with pytest.raises(InputError, match="the texts: anna_"):
        prepare([], sheets=[sheet_of(tmp_path / "gold.csv", {"": plain})], texts=texts)


def test_texts_without_any_label_are_refused(sheet):
    with pytest.raises(InputError, match="none of the 1 texts has a gold label"):
        prepare([], sheets=[sheet], texts=Texts((Text("elsewhere", "words"),)))


def test_what_files_say_of_themselves_is_handed_on(tmp_path, gold):
    genres = {name: str(row % 3) for row, name in enumerate(gold.ids)}
    sheet = sheet_of(tmp_path / "gold.csv", {"": gold}, extra={"genre": genres})
    source = LabelSourcePath((route("a", gold),), notices=("a.csv: something",))
    assert prepare([source], sheets=[sheet]).notices == (*(f"gold.csv: {n}" for n in sheet.notices), "a.csv: something")


def test_annotators_of_one_sheet_agree_so_far(tmp_path, gold):
    sheet = sheet_of(tmp_path / "two.csv", {"ann": gold, "ben": noisy(gold, 3, 1)})
    (found,) = agreements([], [sheet], None)
    assert (found.between, found.sources) == ("annotators", ("ann", "ben"))
    assert 0.3 < found.views[0].mean_alpha < 1


def test_an_annotator_of_two_sheets_is_one_source(tmp_path, gold):
    half = [gold.take(range(60)), gold.take(range(60, 120))]
    sheets = [sheet_of(tmp_path / f"{i}.csv", {"ann": part, "ben": part}) for i, part in enumerate(half)]
    (found,) = agreements([], sheets, None)
    assert found.sources == ("ann", "ben")
    present = next(view for view in found.views if view.view is View.PRESENT)
    assert present.values[0].items == 120
    assert present.mean_alpha == 1


def test_routes_agree_with_each_other_and_the_gold_labels(sheet, gold):
    source = LabelSourcePath(
        (route("a", noisy(gold, 3, 1), noisy(gold, 3, 2), noisy(gold, 3, 3)), route("b", noisy(gold, 1, 4)))
    )
    (found,) = agreements([source], [sheet], prepare([source], sheets=[sheet]))
    assert found.sources == ("gold labels", "a", "b")
    (alone,) = agreements([source], [], None)
    assert alone.sources == ("a", "b")


def test_routes_without_gold_labels_are_matched_too(gold):
    numbers = LabelMatrix(tuple(post_key(n).number for n in gold.ids), gold.labels, gold.probabilities, gold.dominant)
    (found,) = agreements([LabelSourcePath((route("a", gold), route("b", numbers)))], [], None)
    assert found.views[0].values[4].items == 120
    assert found.views[0].mean_kappa == 1


def test_one_source_alone_has_nobody_to_agree_with(gold):
    with pytest.raises(InputError, match="no two sources"):
        agreements([LabelSourcePath((route("a", gold),))], [], None)
