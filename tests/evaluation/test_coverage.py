"""Label sets that cover different texts: which one costs most, how to leave it out, and figures on its own texts."""

import shlex

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.made import noisy, paper_gold
from valex_local.errors import InputError
from valex_local.evaluation.coverage import in_common, shrinking
from valex_local.evaluation.evaluate import EvaluatedRoute, evaluate
from valex_local.evaluation.layout import blocks
from valex_local.evaluation.notes import notes
from valex_local.evaluation.selection import check_names, options_keeping, selects
from valex_local.schwartz import Polarity
from valex_local.study.variants import LabelKey

KEYS = [LabelKey.of(name) for name in (
    "gemini.encoder", "gemini.encoder@mpnet", "local.encoder", "local.encoder@mpnet", "local.fewshot", "video.direct",
)]  # fmt: skip
NAMES = st.sampled_from("abcdefgh")
SETS = st.dictionaries(st.sampled_from(["one", "two", "three", "four"]), st.frozensets(NAMES), min_size=1)


def names(routes=(), scripts=()):
    return [str(key) for key in KEYS if selects(key, routes=routes, scripts=scripts)]


def test_a_route_stands_for_all_its_models_and_a_model_for_itself():
    assert names() == [str(key) for key in KEYS]
    assert names(["encoder"]) == ["gemini.encoder", "gemini.encoder@mpnet", "local.encoder", "local.encoder@mpnet"]
    assert names(["encoder@mpnet"]) == ["gemini.encoder@mpnet", "local.encoder@mpnet"]
    assert names(["local.encoder"]) == ["local.encoder"]
    assert names(["fewshot", "direct"]) == ["local.fewshot", "video.direct"]
    assert names(["encoder"], ["gemini"]) == ["gemini.encoder", "gemini.encoder@mpnet"]


def test_unknown_names_are_refused_with_those_that_there_are():
    check_names(KEYS, routes=["encoder@mpnet"], scripts=["local"])
    with pytest.raises(InputError, match=r"no labels of the route 'encoder@x'.*video\.direct"):
        check_names(KEYS, routes=["encoder@x"])
    with pytest.raises(InputError, match="no labels of the script 'hand'"):
        check_names(KEYS, scripts=["local", "hand"])
    with pytest.raises(InputError, match="by these routes for these scripts"):
        check_names(KEYS, routes=["direct"], scripts=["local"])


@given(kept=st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
def test_the_options_named_keep_what_they_should(kept):
    dropped = [key for key in KEYS if key not in kept]
    words = shlex.split(options_keeping(kept, dropped))
    given = {"routes": [], "scripts": []}
    for option, name in zip(words[::2], words[1::2], strict=True):
        given[option.removeprefix("--")].append(name)
    assert {key for key in KEYS if selects(key, **given)} == set(kept)


def test_the_simplest_options_are_named():
    assert options_keeping(KEYS[2:5], KEYS[:2]) == "--scripts local"
    assert options_keeping([KEYS[4]], [KEYS[2]]) == "--routes fewshot"
    assert options_keeping([KEYS[2]], [KEYS[3]]) == "--routes local.encoder"


@given(sets=SETS, gold=st.lists(NAMES, min_size=1, unique=True))
def test_leaving_out_gains_what_is_said(sets, gold):
    found = shrinking(gold, sets, {})
    before = in_common(gold, sets.values())
    if found is None:
        least = min(len(in_common(gold, [texts])) for texts in sets.values())
        assert len(before) == least or len(sets) == 1
        return
    kept = [texts for name, texts in sets.items() if name not in found.sets]
    assert kept
    assert len(in_common(gold, kept)) == found.without > len(before)
    assert found.texts == tuple(len(in_common(gold, [sets[name]])) for name in found.sets)


@pytest.fixture(scope="module")
def found():
    """A study of 200 posts, of which five have imported scripts with labels by two routes."""
    gold = paper_gold().take(range(200))

    def of_study(name, texts, seed):
        return EvaluatedRoute(name, (noisy(gold, 2, seed).take(range(texts)),), key=LabelKey.of(name))

    routes = [
        of_study("gemini.encoder", 5, 1), of_study("gemini.fewshot", 4, 2),
        of_study("local.encoder", 200, 3), of_study("local.fewshot", 198, 4),
    ]  # fmt: skip
    return gold, routes, evaluate(gold, routes, resamples=20)


def test_the_sets_that_cost_most_are_named_with_what_leaves_them_out(found):
    _, _, evaluation = found
    assert evaluation.items == 4
    assert evaluation.shrinking.sets == ("gemini.fewshot", "gemini.encoder")
    assert evaluation.shrinking.without == 198
    (note,) = [note for note in notes(evaluation) if "every route covers" in note]
    assert "4 of 200 texts" in note
    assert "gemini.fewshot covers 4, gemini.encoder covers 5" in note
    assert "about 198: add --scripts local" in note


def test_each_route_is_also_measured_on_its_own_texts(found):
    gold, routes, evaluation = found
    assert [(own.routes[0].name, own.items) for own in evaluation.own] == [
        ("gemini.encoder", 5), ("gemini.fewshot", 4), ("local.encoder", 200), ("local.fewshot", 198),
    ]  # fmt: skip
    alone = evaluate(gold, [routes[2]], resamples=20, compare=())
    assert evaluation.own[2] == alone
    table = next(block for block in blocks(evaluation) if "covers" in block[0][0].title)
    assert [row.cells[:2] for row in table[0][0].rows][2] == ("local.encoder", "200")
    weighted = alone.routes[0].of(Polarity.PRESENT).averages.weighted_f1.value
    assert table[0][0].rows[2].cells[2].startswith(f"{weighted:.3f} [")


def test_sets_that_cover_the_same_need_no_such_table(found):
    gold, routes, _ = found
    evaluation = evaluate(gold, [routes[2]], resamples=0)
    assert (evaluation.shrinking, evaluation.own) == (None, ())


def test_files_are_left_out_by_name():
    gold = paper_gold().take(range(50))
    some = EvaluatedRoute("mine", (noisy(gold, 2, 1).take(range(10)),))
    study = EvaluatedRoute("local.encoder", (noisy(gold, 2, 2),), key=LabelKey.of("local.encoder"))
    assert evaluate(gold, [some, study], resamples=0).shrinking.how == "leave out mine"
    lone = EvaluatedRoute("all", (noisy(gold, 2, 2),))
    few = EvaluatedRoute("local.encoder", (noisy(gold, 2, 1).take(range(9)),), key=LabelKey.of("local.encoder"))
    assert evaluate(gold, [few, lone], resamples=0).shrinking.how == "leave out the study"


def test_nothing_in_common_says_what_to_leave_out():
    gold = paper_gold().take(range(50))
    one, other = (noisy(gold, 2, seed) for seed in (1, 2))
    one.labels[:30] = np.nan
    routes = [EvaluatedRoute("one", (one,)), EvaluatedRoute("other", (other.take(range(30)),))]
    with pytest.raises(InputError, match=r"Without one there are 30: leave out one"):
        evaluate(gold, routes, resamples=0)
