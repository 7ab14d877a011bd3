"""Comparing scripts of a made-up study in which every figure is known, and errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.comparison.made import HEARD, add_post, labels, make_study, say, script, transcript, whole
from valex_local.comparison.compare import compare
from valex_local.comparison.figures import Means, Resampling
from valex_local.comparison.pair import VariantPair, variants
from valex_local.comparison.results import Comparison
from valex_local.errors import ConfigError, InputError, MissingExtra
from valex_local.evaluation.agreement import View
from valex_local.records import Grounding, GroundingFigures, Script
from valex_local.schwartz import State, Value
from valex_local.study import Study

WORDS = sum(len(line.split()) for line in HEARD)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = make_study(tmp_path_factory.mktemp("made") / "study")
    for at, post in enumerate(made.post_ids()):
        for name, percentile in (("a", 0.9), ("b", at / 10)):
            figures = GroundingFigures(
                lines=1, mean_percentile=percentile, keyframes=4, spoken_of=at % 4, things=5, things_not_found=at
            )
            made.write(post, f"grounding.{name}", Grounding(script=name, figures=figures))
    return made


@pytest.fixture(scope="module")
def found(study):
    return compare(VariantPair(study, "a", "b"), resamples=200)


def row(found, name):
    return next(each for each in found.rows if each.name == name)


def shared(found, name):
    return next(each for each in found.shared if each.name == name)


def words(text):
    return len(text.split())


# --- figures over the study -----------------------------------------------------------------------------------------


def expected():
    """Return the figures of b in the five posts."""
    longest = max(words(line) for line in HEARD)
    return {
        "speech_kept": [1 - words(HEARD[1]) / WORDS, 1, 1, longest / WORDS, 1],
        "speech_added": [0, 3 / (WORDS + 3), 0, 1 - longest / WORDS, 0],
        "text_kept": [1, 1, 0.5, 1, 1],
        "text_added": [0, 0, 0, 0, 0],
        "text_words_added": [0, 0, 0, 0, 0],
        "order_in_time": [1, 1, 1, -1, 1],
        "speakers": [1, 1, 1, 1, 2],
        "telling_speakers": [1, 1, 1, 1, 0],
        "speech_lines": [3, 5, 4, 4, 4],
        "speech_words": [WORDS - words(HEARD[1]), WORDS + 3, WORDS, WORDS, WORDS],
        "text_lines": [4, 4, 2, 4, 4],
        "action_words": [0, 0, 0, 0, 4],
        "headings": [0, 0, 0, 0, 1],
        "actions_match": [0, 0.1, 0.2, 0.3, 0.4],
        "keyframes_spoken": [0, 0.25, 0.5, 0.75, 0],
        "things_not_found": [0, 0.2, 0.4, 0.6, 0.8],
    }


@pytest.mark.parametrize("name", expected())
def test_every_figure_is_the_mean_over_posts(found, name):
    assert [getattr(post.second, name) for post in found.posts] == pytest.approx(expected()[name], abs=1e-6)
    figure = row(found, name)
    assert figure.posts == 5
    assert figure.second.value == pytest.approx(np.mean(expected()[name]), abs=1e-5)
    assert figure.difference.value == pytest.approx(figure.first.value - figure.second.value, abs=2e-6)
    assert figure.difference.low <= figure.difference.value <= figure.difference.high


def test_every_figure_is_known(found):
    assert [each.name for each in found.rows] == list(expected())


@pytest.mark.parametrize("name", ["speech_kept", "text_kept", "order_in_time"])
def test_the_whole_script_keeps_all(found, name):
    figure = row(found, name).first
    assert (figure.value, figure.low, figure.high) == (1, 1, 1)


def test_what_both_have_in_common(found):
    longest = max(words(line) for line in HEARD)
    of_posts = [2 * (WORDS - words(HEARD[1])) / (2 * WORDS - words(HEARD[1])), 2 * WORDS / (2 * WORDS + 3), 1,
                longest / WORDS, 1]  # fmt: skip
    assert [post.shared.speech_shared for post in found.posts] == pytest.approx(of_posts, abs=1e-6)
    assert shared(found, "speech_shared").mean.value == pytest.approx(np.mean(of_posts), abs=1e-6)
    assert [post.shared.text_shared for post in found.posts] == pytest.approx([1, 1, 4 / 6, 1, 1], abs=1e-6)
    assert [post.shared.order for post in found.posts] == [1, 1, 1, -1, 1]
    assert [post.shared.matched_lines for post in found.posts] == [7, 8, 6, 8, 8]
    assert (shared(found, "similarity").posts, shared(found, "similarity").mean) == (0, None)


def ground(study, post, **figures):
    """Write the grounding of both scripts, by detections alone unless figures are those of a CLIP model."""
    for name in ("a", "b"):
        study.write(post, f"grounding.{name}", Grounding(script=name, figures=GroundingFigures(**figures)))


def test_keyframes_mentioned_need_no_clip_model(tmp_path):
    study = make_study(tmp_path / "study")
    for at, post in enumerate(study.post_ids()):
        ground(study, post, lines=1, keyframes=at, spoken_of=1 if at else 0, things=2, things_not_found=1)
    found = compare(VariantPair(study, "a", "b"), resamples=0)
    assert [post.second.keyframes_spoken for post in found.posts] == [
        None,
        1,
        0.5,
        pytest.approx(1 / 3, abs=1e-6),
        0.25,
    ]
    assert (row(found, "keyframes_spoken").posts, row(found, "actions_match").posts) == (4, 0)
    assert row(found, "things_not_found").second.value == 0.5
    assert any("without a CLIP model" in notice for notice in found.notices)


def test_scripts_scored_in_different_ways_are_not_compared(tmp_path):
    study = make_study(tmp_path / "study")
    first, *others = study.post_ids()
    ground(study, first, lines=1, keyframes=2, spoken_of=1)
    by_clip = GroundingFigures(lines=1, mean_percentile=0.5, keyframes=3, spoken_of=3)
    study.write(first, "grounding.b", Grounding(script="b", figures=by_clip))
    ground(study, others[0], lines=1, keyframes=2, spoken_of=1)
    found = compare(VariantPair(study, "a", "b"), resamples=0)
    assert (row(found, "keyframes_spoken").posts, row(found, "keyframes_spoken").first.value) == (1, 0.5)
    assert [left.texts for left in found.left_out if "by CLIP" in left.why] == [(first,)]


def test_a_script_is_compared_with_a_view_of_it(tmp_path):
    study = make_study(tmp_path / "study")
    for post in study.post_ids():
        study.write(post, "labels.a~speech.encoder", labels("a~speech", {Value.FACE: State.PRESENT}))
    found = compare(VariantPair(study, "a", "a~speech"), resamples=0)
    assert (row(found, "speech_kept").first.value, row(found, "speech_kept").second.value) == (1, 0)
    assert row(found, "text_lines").first.value == row(found, "text_lines").second.value == 4
    assert sum(change.posts for change in found.routes[0].changes if change.second is State.PRESENT) == 5
    with pytest.raises(InputError, match=r"no post of this study has script\.gone~speech\.json"):
        compare(VariantPair(study, "a", "gone~speech"))
    with pytest.raises(ConfigError, match="scripts have no elements 'pictures'"):
        compare(VariantPair(study, "a", "a~pictures"))


def test_a_study_compared_the_other_way_round(study, found):
    back = compare(VariantPair(study, "b", "a"), resamples=200)
    for ours, theirs in zip(found.rows, back.rows, strict=True):
        assert (ours.first, ours.second) == (theirs.second, theirs.first)
        assert ours.difference.value == -theirs.difference.value


def test_authors_are_drawn_where_they_are_known(study, found):
    assert (found.groups, found.grouped_by) == (3, "author")
    single = compare(VariantPair(study, "a", "b"), group="none", resamples=200)
    assert (single.groups, single.grouped_by) == (None, None)
    assert row(single, "speech_kept").second.value == row(found, "speech_kept").second.value
    assert row(single, "speech_kept").second.low != row(found, "speech_kept").second.low


def test_the_same_seed_gives_the_same_intervals(study, found):
    assert compare(VariantPair(study, "a", "b"), resamples=200) == found
    assert compare(VariantPair(study, "a", "b"), resamples=200, seed=1) != found


def test_without_resamples_there_are_no_intervals(study):
    figure = row(compare(VariantPair(study, "a", "b"), resamples=0), "speech_kept")
    assert (figure.second.low, figure.difference.low, figure.difference.not_above) == (None, None, None)
    assert figure.second.value is not None


def test_a_comparison_survives_json(found):
    assert Comparison.model_validate_json(found.to_json()) == found


def test_progress_counts_every_post(study):
    heard = []
    compare(VariantPair(study, "a", "b"), resamples=0, on_progress=heard.append)
    assert heard == [1] * 5


# --- means ----------------------------------------------------------------------------------------------------------


def test_means_are_over_the_posts_that_have_a_figure():
    values = np.array([[1.0, np.nan], [0.0, np.nan], [np.nan, np.nan], [0.5, np.nan]])
    found = Means(values, Resampling(np.arange(4), None, 500, 0))
    assert found.counts.tolist() == [3, 0]
    assert found.means[0] == 0.5
    assert found.estimate(1) is None
    figure = found.estimate(0)
    assert figure.low < 0.5 < figure.high


def test_posts_of_one_author_are_drawn_together():
    values = np.array([[1.0], [0.0], [1.0], [0.0]])
    together = Means(values, Resampling(np.array([0, 0, 1, 1]), "author", 100, 0))
    assert set(together.drawn[:, 0]) == {0.5}
    alone = Means(values, Resampling(np.array([0, 0, 0, 0]), "author", 100, 0)).estimate(0)
    assert (alone.value, alone.low, alone.high) == (0.5, None, None)


# --- posts that lack something --------------------------------------------------------------------------------------


@pytest.fixture
def gaps(tmp_path):
    """A study of posts with both scripts and evidence, without evidence, and without one of the scripts."""
    study = Study(tmp_path / "study", create=True)
    add_post(study, "full", whole("a"), script("b", *whole("b").scenes[0].elements[2:]), heard=transcript(*HEARD))
    add_post(study, "gone", whole("a"), whole("b"))
    add_post(study, "only-a", whole("a"), heard=transcript(*HEARD))
    add_post(study, "empty-b", whole("a"), Script(name="b", skipped="nothing to write"))
    return study


def test_posts_without_a_script_are_listed_and_not_counted(gaps):
    found = compare(VariantPair(gaps, "a", "b"), resamples=0)
    assert [post.post for post in found.posts] == ["full", "gone"]
    left = {each.why: each.texts for each in found.left_out}
    assert left["no script b"] == ("only-a",)
    assert left["no script b (nothing to write)"] == ("empty-b",)
    assert left["the speech in the video is unknown (no record)"] == ("gone",)
    assert left["the screen text in the video is unknown (no record)"] == ("full", "gone")


def test_figures_are_over_the_posts_that_have_them_and_never_0_without_evidence(gaps):
    found = compare(VariantPair(gaps, "a", "b"), resamples=0)
    kept, texts = row(found, "speech_kept"), row(found, "text_kept")
    assert (kept.posts, kept.first.value) == (1, 1)
    assert kept.second.value == pytest.approx(1 - words(HEARD[0]) / WORDS, abs=1e-6)
    assert (texts.posts, texts.first, texts.second, texts.difference) == (0, None, None, None)
    assert row(found, "speech_lines").posts == 2
    assert found.grouped_by is None


def test_a_figure_that_one_script_lacks_counts_for_neither(tmp_path):
    study = Study(tmp_path / "study", create=True)
    added = script("a", say("something else"), *whole("a").scenes[0].elements)
    add_post(
        study, "p1", added, script("b"), heard=transcript(*HEARD)
    )  # b says nothing: it has no share of added words
    add_post(study, "p2", whole("a"), whole("b"), heard=transcript(*HEARD))
    figure = row(compare(VariantPair(study, "a", "b"), resamples=0), "speech_added")
    assert (figure.posts, figure.first.value, figure.second.value, figure.difference.value) == (1, 0, 0, 0)


def test_unknown_authors_cannot_be_drawn(gaps):
    with pytest.raises(InputError, match="known author"):
        compare(VariantPair(gaps, "a", "b"), group="author", resamples=0)


def test_unknown_variants_are_named_with_those_that_are_there(gaps):
    assert variants(gaps) == {"a": 4, "b": 3}
    with pytest.raises(
        InputError, match=r"no post of this study has script\.gemini\.json.*a \(4 posts\), b \(3 posts\)"
    ):
        compare(VariantPair(gaps, "a", "gemini"))


def test_the_same_variant_twice(gaps):
    with pytest.raises(ConfigError, match=r"both scripts are a.*a \(4 posts\), b"):
        compare(VariantPair(gaps, "a", "a"))


def test_no_post_with_both(tmp_path):
    study = Study(tmp_path / "study", create=True)
    add_post(study, "one", whole("a"))
    add_post(study, "two", whole("b"))
    with pytest.raises(InputError, match=r"no post has both scripts: a \(1 post\) and b \(1 post\).*ids must match"):
        compare(VariantPair(study, "a", "b"))


def test_a_study_without_scripts(tmp_path):
    with pytest.raises(InputError, match="The variants are: none"):
        compare(VariantPair(Study(tmp_path / "study", create=True), "a", "b"))


# --- labels ---------------------------------------------------------------------------------------------------------


def test_states_that_differ_are_counted(found):
    (route,) = found.routes
    assert (route.route, route.posts) == ("encoder", 5)
    # Hedonism is present by b in all posts, by a in the first, third and fifth.
    assert [(c.value, c.first, c.second, c.posts) for c in route.changes] == [
        (Value.HEDONISM, State.ABSENT, State.PRESENT, 2)
    ]
    assert [post.labels[0].agreeing for post in found.posts] == pytest.approx([1, 18 / 19] * 2 + [1], abs=1e-6)
    assert route.agreeing.value == pytest.approx((3 + 2 * 18 / 19) / 5, abs=1e-6)


def test_agreement_by_value(found):
    views = {view.view: {value.value: value for value in view.values} for view in found.routes[0].agreement.views}
    hedonism, face = (views[View.STATE][value] for value in (Value.HEDONISM, Value.FACE))
    assert hedonism.pairs[0].agreeing == 0.6
    assert hedonism.pairs[0].kappa == 0  # b says the same of all posts
    # Ten states, eight present: alpha is 1 - 9 * 4 / (2 * 8 * 2), of four unlike pairs in either order.
    assert hedonism.alpha == pytest.approx(1 - 9 * 4 / (2 * 8 * 2), abs=1e-6)
    assert (face.pairs[0].kappa, face.alpha) == (1, 1)


def test_routes_of_one_script_only_are_reported(tmp_path):
    study = make_study(tmp_path / "study")
    first = study.post_ids()[0]
    study.write(first, "labels.a.fewshot", labels("a", {}, route="fewshot"))
    (study.folder(first) / "labels.b.encoder.json").unlink()
    found = compare(VariantPair(study, "a", "b"), resamples=0)
    assert [(route.route, route.posts) for route in found.routes] == [("encoder", 4)]
    assert any("fewshot: not compared" in notice and "a 1 post, b 0 posts" in notice for notice in found.notices)
    assert {each.why: each.texts for each in found.left_out} == {"no labels by encoder for b": (first,)}
    assert found.posts[0].labels == ()


def test_labels_that_were_skipped_say_nothing(tmp_path):
    study = make_study(tmp_path / "study")
    first = study.post_ids()[0]
    silent = labels("b", {}).model_copy(update={"values": (), "skipped": "no verbal sound"})
    study.write(first, "labels.b.encoder", silent)
    assert compare(VariantPair(study, "a", "b"), resamples=0).routes[0].posts == 4


def test_what_is_not_assessed_neither_agrees_nor_differs(tmp_path):
    study = Study(tmp_path / "study", create=True)
    states = {Value.FACE: State.NOT_ASSESSED, Value.HEDONISM: State.PRESENT}
    add_post(
        study, "p", whole("a"), whole("b"), labelled=(labels("a", states), labels("b", {Value.FACE: State.PRESENT}))
    )
    (label,) = compare(VariantPair(study, "a", "b"), resamples=0).posts[0].labels
    assert (label.assessed, [c.value for c in label.changes]) == (18, [Value.HEDONISM])
    assert label.agreeing == pytest.approx(17 / 18, abs=1e-6)


def test_other_models_are_reported(tmp_path):
    study = Study(tmp_path / "study", create=True)
    add_post(
        study, "p", whole("a"), whole("b"), labelled=(labels("a", {}, model="small"), labels("b", {}, model="big"))
    )
    said = " ".join(compare(VariantPair(study, "a", "b"), resamples=0).notices)
    assert "come from different models, which may account for differences (a: small; b: big)" in said


def test_without_labels_it_says_how_to_make_them(gaps):
    assert any(
        "valex label -s STUDY --script" in notice
        for notice in compare(VariantPair(gaps, "a", "b"), resamples=0).notices
    )


def test_without_the_libraries_the_scripts_are_compared_all_the_same(study, monkeypatch):
    def lacking(*_):
        raise MissingExtra("krippendorff", "train")

    monkeypatch.setattr("valex_local.comparison.labels.agreement", lacking)
    found = compare(VariantPair(study, "a", "b"), resamples=0)
    assert found.routes[0].agreement is None
    assert found.routes[0].changes
    assert any("krippendorff is not installed" in notice for notice in found.notices)
