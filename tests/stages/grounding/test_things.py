"""Things that lines name, and whether the bundled detectors find them in photographs."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stages.grounding.posts import action, media, post, scene, script
from valex_local.errors import ConfigError
from valex_local.records import Box, Detection, Face, Grounding, Script
from valex_local.settings import make_settings
from valex_local.stages.base import Context
from valex_local.stages.grounding import GroundingStage, things
from valex_local.stages.grounding.evidence import action_lines
from valex_local.stages.grounding.things import (
    ThingWords,
    mentioned_keyframes,
    named_things,
    shown_classes,
    thing_counts,
)
from valex_local.stages.vision.detected_tags import UNSAID
from valex_local.stages.vision.detection import Found, read_classes
from valex_local.stages.vision.expressions import SAID
from valex_local.store import Store
from valex_local.system.devices import Device

MODEL = Store().find("detectors")
CLASSES = read_classes(MODEL.folder / "classes.toml")
WORDS = ThingWords(CLASSES)


def names(text: str) -> list[str]:
    return [thing.name for thing in WORDS(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two women sit on a sofa.", ["person", "couch"]),
        ("A man eats a hot dog", ["person", "hot dog"]),
        ("A dog runs", ["dog"]),
        ("Her puppies sleep beside a potted plant; a plant hangs above", ["dog", "potted plant"]),
        ("TV, LAPTOP and Cell Phones on the table", ["tv", "laptop", "cell phone", "dining table"]),
        ("One person, smiling; a couch, a potted plant.", ["person", "couch", "potted plant"]),
        ("A man in an orange shirt trains in the clock tower", ["person"]),  # colours, verbs
        ("An empty street without people", []),
        ("There are no cars and no other people", []),
        ("He moves like a cat", []),
        ("A carpet, a catwalk, a doghouse, a bus-stop", []),
        ("A mountain at sunset", []),
    ],
)
def test_words_for_known_things(text: str, expected: list[str]):
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One person, smiling; a couch.", 1),
        ("Two young women dance", 2),
        ("3 children", 3),
        ("one little girl", 1),
        ("A woman", None),
        ("A woman and two men", None),  # three
        ("Three people; one man", None),  # one of them
        ("One of the women", None),
        ("A 7 year old boy", None),
        ("A 7-year-old boy", None),
        ("Two dogs and men", None),
        ("One couple", None),
        ("No two people", None),
    ],
)
def test_how_many_people_a_line_says_there_are(text: str, expected: int | None):
    assert [thing.number for thing in WORDS(text) if thing.name == "person"] in ([expected], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One person, smiling", ["smiling"]),
        ("She SMILES and grins", ["smiling"]),
        ("He looks sad", ["sad"]),
        ("A sad song plays", []),
        ("She is not smiling. Nobody smiles.", []),
    ],
)
def test_words_for_expressions(text: str, expected: list[str]):
    assert [named.name for named in WORDS.expressions(text)] == expected


def test_expressions_are_those_that_the_classifier_says():
    read = tomllib.loads((Path(things.__file__).with_name("things.toml")).read_text("utf-8"))
    assert set(read["expressions"]) == SAID.keys() - {UNSAID}
    assert set(read["words"]) <= CLASSES.classes.keys()


@given(st.sampled_from(sorted(CLASSES.classes)))
def test_the_detector_s_own_words_are_known_unless_they_mean_something_else_too(name: str):
    one, several = CLASSES.classes[name]
    known = names(f"There is {one} here") or names(f"There are {several} here")
    unsure = {"orange", "kite", "train", "book", "bear", "tie", "clock", "fork", "sink", "bowl", "cow", "sheep"}
    assert known == ([] if name in unsure else [name])


@given(st.text())
def test_any_text_is_read(text: str):
    assert {thing.name for thing in WORDS(text)} <= CLASSES.classes.keys()


def test_a_wrong_file_is_refused(tmp_path: Path):
    (tmp_path / "things.toml").write_text("words = 3")
    with pytest.raises(ConfigError):
        ThingWords(CLASSES, tmp_path / "things.toml")


def seen(**scores: float) -> Found:
    box = Box(left=0, top=0, width=1, height=1)
    return Found(tuple(Detection(name=name, score=score, box=box) for name, score in scores.items()), (), 0)


def test_a_thing_is_found_in_the_keyframes_of_its_line_alone():
    written = script(scene(action("A dog and a cat.", "K1"), action("A dog.", "K2")))
    lines = action_lines(written, media(1.0, 9.0).keyframes)
    found = [seen(dog=0.9), seen(cat=0.9)]
    rows = named_things(lines, ["K1", "K2"], found, WORDS, CLASSES)
    assert [(row.element, row.name, row.keyframe) for row in rows] == [
        (1, "dog", "K1"),
        (1, "cat", None),
        (2, "dog", None),
    ]
    mentioned = mentioned_keyframes(lines, ["K1", "K2"], found, WORDS, CLASSES)
    assert [keyframe.spoken_of for keyframe in mentioned] == [True, False]


@pytest.mark.parametrize(("counts", "nearest"), [((1, 3), 3), ((4, 0), 4), ((2, 9), 2), ((0, 0), 0)])
def test_people_are_compared_with_the_nearest_count(counts: tuple[int, int], nearest: int):
    lines = action_lines(script(scene(action("Three people.", "K1", "K2"))), media(1.0, 9.0).keyframes)
    found = [Found((), (), count) for count in counts]
    (row,) = named_things(lines, ["K1", "K2"], found, WORDS, CLASSES)
    assert (row.number, row.counted, row.keyframe) == (3, nearest, None)
    assert thing_counts([row])["numbers_differ"] == (nearest != 3)


def test_an_expression_is_compared_only_where_one_was_read():
    lines = action_lines(
        script(scene(action("She smiles.", "K1"), action("She smiles.", "K2"))), media(1.0, 9.0).keyframes
    )
    box = Box(left=0, top=0, width=1, height=1)

    def rows(*expressions: str | None) -> list[tuple[int, str | None, float | None]]:
        faces = tuple(Face(score=0.9 - at / 10, box=box, expression=name) for at, name in enumerate(expressions))
        named = named_things(lines, ["K1", "K2"], [Found((), faces, 1), Found((), (), 0)], WORDS, CLASSES)
        assert {row.kind for row in named} <= {"expression"}
        return [(row.element, row.keyframe, row.score) for row in named]

    assert rows() == rows(None) == []
    assert rows("neutral") == [(1, None, None)]
    assert rows("neutral", "smiling", "smiling") == [(1, "K1", 0.8)]


def test_keyframes_that_show_nothing_known_do_not_count():
    lines = action_lines(script(scene(action("A dog.", "K1"))), media(1.0, 9.0).keyframes)
    assert mentioned_keyframes(lines, ["K1", "K2"], [seen(), seen(dog=0.3)], WORDS, CLASSES) == ()


@given(st.floats(0, 1), st.sampled_from(["dog", "couch", "person"]))
def test_what_is_shown_follows_the_detector_s_thresholds(score: float, name: str):
    least = CLASSES.counted if name == "person" else CLASSES.least(name)
    assert bool(shown_classes(seen(**{name: score}), CLASSES)) == (round(score, 4) >= least)


def stage() -> GroundingStage:
    return GroundingStage(Context(make_settings({}), {"detector": MODEL}, Device("cpu", 1)))


def looked_at(folder: Path, *lines: str, language: str | None = None) -> Grounding:
    """Return the record of a script with two keyframes: a portrait of an officer, and a picture of noise."""
    matplotlib = pytest.importorskip("matplotlib")
    item = post(folder, media(1.0, 9.0), script(scene(*(action(text, "K1") for text in lines)), language=language))
    portrait = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    shutil.copy(portrait, folder / "keyframes" / "K1.jpg")
    made = stage()
    (output,) = made([made.prepare(item)])
    made.close()
    assert isinstance(output.record, Grounding)
    return output.record


def test_lines_are_compared_with_a_photograph(tmp_path: Path):
    record = looked_at(tmp_path / "a", "A woman in uniform looks at us.", "A dog sleeps on a couch.")
    assert [(thing.word, thing.keyframe) for thing in record.things] == [
        ("woman", "K1"),
        ("dog", None),
        ("couch", None),
    ]
    assert record.things[0].score > 0.8
    assert record.lines == ()
    assert [(keyframe.keyframe, keyframe.spoken_of) for keyframe in record.keyframes] == [("K1", True)]
    counts = record.figures
    assert (counts.lines, counts.things, counts.things_not_found, counts.keyframes, counts.spoken_of) == (2, 3, 2, 1, 1)
    assert counts.mean_percentile is None
    assert [notice.code for notice in record.notices] == ["things-alone"]


def test_another_language_is_said(tmp_path: Path):
    record = looked_at(tmp_path / "a", "Eine Frau in Uniform.", language="de")
    assert [notice.code for notice in record.notices] == ["things-alone", "language-not-covered"]


def test_a_script_without_action_mentions_nothing(tmp_path: Path):
    record = looked_at(tmp_path / "a")
    assert record.things == ()
    assert [keyframe.spoken_of for keyframe in record.keyframes] == [False]
    assert record.skipped is None


def test_no_script_is_skipped(tmp_path: Path):
    made, item = stage(), post(tmp_path / "a", media(1.0), Script(name="local", skipped="nothing"))
    (output,) = made([made.prepare(item)])
    assert output.record.skipped == "there is no script: nothing"
