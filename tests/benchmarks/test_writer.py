"""The benchmark of script writers: its world is drawn again, and what is wrong in a script is found."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.writer import Tally, compare, evidence_of, example_words, judge, measure, named_in, table
from benchmarks.writer_world import Human, Line, PostTruth, draw_post
from valex_local.records import Action, Dialogue, Scene
from valex_local.stages.script.checks import faults
from valex_local.stages.script.template import TemplateWriter

SEED = "test"
POSTS = [draw_post(SEED, number) for number in range(40)]


def test_equal_seeds_give_equal_posts_and_records() -> None:
    assert [draw_post(SEED, number) for number in range(40)] == POSTS
    assert [draw_post("other", number) for number in range(40)] != POSTS
    assert evidence_of(POSTS[3], SEED) == evidence_of(POSTS[3], SEED)
    assert {post.kind for post in POSTS} == {"tags", "captions", "neither"}
    assert {len(scene.people) for post in POSTS for scene in post.scenes} == {0, 1, 2}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (
            "One girl is talking to the camera, and there is a red box.",
            ({"talking to the camera"}, {"red box"}, {"girl"}),
        ),
        ("A man sits with a dress.", ({"sitting"}, {"dress"}, {"man"})),
        ("Two people; talking with each other.", ({"talking with each other"}, set(), set())),
        ("Somebody swims.", ({"swimming"}, set(), set())),
    ],
)
def test_what_a_line_names(line: str, named: tuple[set[str], ...]) -> None:
    assert named_in(line) == dict(zip(("deeds", "things", "people"), named, strict=True))


def test_names_of_speakers_are_judged() -> None:
    lina, marco = Human("woman", "Lina", "red", "dancing"), Human("man", "Marco", "blue", "dancing")
    post = PostTruth(0, "tags", ())
    said = Line("Marco, look!", lina)
    wanted = {"LINA": "right", "WOMAN": "right", "MARCO": "wrong", "MAN": "wrong", "OLD WOMAN": "wrong"}
    assert {name: judge(name, said, post) for name in wanted} == wanted
    assert judge("SPEAKER", said, post) == "missing"
    assert judge("WOMAN", Line("So it goes.", None), post) == "wrong"
    assert judge("SPEAKER", Line("So it goes.", None), post) == "rightly none"
    assert marco.name in said.text


def by_template(post: PostTruth) -> list[Scene]:
    return list(TemplateWriter().write(evidence_of(post, SEED)).scenes)


def spoilt(scenes: list[Scene]) -> list[Scene]:
    """The scenes with another place, an invented line, and a name that is nobody's."""
    first, *rest = scenes
    elements: list[Any] = [
        e.model_copy(update={"speaker": "GLIMP"}) if isinstance(e, Dialogue) else e for e in first.elements
    ]
    elements.insert(0, Action(text="A pirate is climbing with a black lamp.", keyframes=("K1",), start=0.0, end=1.0))
    return [first.model_copy(update={"heading": "CHURCH", "elements": tuple(elements)}), *rest]


def test_a_script_with_inventions_is_worse_in_every_figure() -> None:
    post = next(p for p in POSTS if p.kind == "tags" and p.scenes[0].place not in {"church"})
    evidence, figures = evidence_of(post, SEED), {}
    for name, scenes in (("good", by_template(post)), ("spoilt", spoilt(by_template(post)))):
        figures[name] = Tally()
        compare(figures[name], scenes, post, evidence, example_words())
    good, bad = figures["good"], figures["spoilt"]
    assert faults(by_template(post), evidence) == []
    assert (good.invented.total(), good.leaked.total(), good.speakers["wrong"]) == (0, 0, 0)
    assert bad.speakers["wrong"] > 0
    assert {"church", "pirat", "glimp"} <= bad.invented.keys()
    assert set(+bad.leaked) == {"glimp"}
    for kind in ("places", "deeds", "things"):
        assert bad.precision(kind) < 1.0
        assert bad.right[kind] <= good.right[kind] or kind != "places"


def test_the_template_is_as_right_as_its_records() -> None:
    rows = [{"scenes": [s.model_dump(mode="json") for s in by_template(p)], "figures": {}, "cpu": 1.0} for p in POSTS]
    tallies = measure(POSTS, rows, SEED)
    template, local = tallies["template"], tallies["local"]
    assert template.posts == local.posts == len(POSTS)
    assert (template.right, template.named, template.true) == (local.right, local.named, local.true)
    for kind in ("places", "deeds", "things", "people"):
        assert 0.8 < template.precision(kind) <= 1.0
        assert 0.3 < template.recall(kind) <= 1.0
    assert min(template.precision(kind) for kind in ("places", "deeds", "things")) < 1.0, "recognition makes mistakes"
    assert template.invented.total() == template.speakers["wrong"] == template.speakers["right"] == 0
    assert table(tallies).row_count > 10


def test_the_rules_alone_name_speakers_and_invent_nothing() -> None:
    rows = [{"scenes": [], "figures": {}, "cpu": 0.0}] * len(POSTS)
    tallies = measure(POSTS, rows, SEED)
    rules, template = tallies["first choice"], tallies["template"]
    assert rules.speakers["right"] > 0 == rules.speakers["wrong"]
    assert rules.invented.total() == rules.leaked.total() == 0
    assert all(rules.recall(kind) >= template.recall(kind) for kind in ("places", "deeds", "things", "people"))
