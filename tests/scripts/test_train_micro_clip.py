"""The recipe of the toy image model: what it holds out, what it says is true, and that it learns."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

SCENES = 400

pytestmark = pytest.mark.usefixtures("drawn")


def test_no_scene_of_the_training_holds_a_pair_that_is_held_out(drawn: ModuleType):
    pairs = [pair for seed in range(SCENES) for pair in drawn.Facts.of(drawn.scene(seed)).things]
    assert not any(drawn.held_out(*pair) for pair in pairs)
    assert {kind for kind, _ in pairs} == {*drawn.KINDS, *drawn.OTHER_KINDS, *drawn.LOOKALIKES}
    assert {color for _, color in pairs} == {*drawn.TINTS, *drawn.OTHER_COLORS}
    for seed in range(SCENES):
        assert any(drawn.held_out(*pair) for pair in drawn.Facts.of(drawn.scene(seed, unseen=True)).things)


def test_one_colour_of_each_kind_but_one_is_held_out(drawn: ModuleType):
    out = [(kind, color) for kind in drawn.KINDS for color in drawn.TINTS if drawn.held_out(kind, color)]
    assert dict(out) == drawn.HELD_OUT
    assert set(drawn.KINDS) - {kind for kind, _ in out} == {"skateboard"}
    assert max(Counter(color for _, color in out).values()) < len(drawn.KINDS) / 2


def test_nothing_that_is_told_in_training_names_a_pair_that_is_held_out(drawn: ModuleType):
    from train_micro_clip import ASKED

    told = [statement for group in ASKED.values() for statement in group]
    told += [statement for seed in range(SCENES) for statement in drawn.whole(drawn.scene(seed), random.Random(seed))]
    assert not any(s.kind in drawn.KINDS and s.color and drawn.held_out(s.kind, s.color) for s in told)


def test_equal_seeds_give_equal_scenes_and_pictures(drawn: ModuleType):
    first, again = (np.asarray(drawn.picture(drawn.scene(5), random.Random(5), 72, 128)) for _ in range(2))
    assert np.array_equal(first, again)
    assert drawn.scene(5) != drawn.scene(6)


def test_what_is_said_of_a_scene_holds_and_what_is_false_does_not(drawn: ModuleType):
    for seed in range(SCENES):
        scene = drawn.scene(seed)
        facts = drawn.Facts.of(scene)
        assert all(statement.holds(facts) for statement in drawn.whole(scene, random.Random(seed)))
    facts = drawn.Facts("shop", ("sitting", "upright"), frozenset({("sofa", "red")}))
    for statement, true in (
        (drawn.Statement(people=2), True),
        (drawn.Statement(people=1), False),
        (drawn.Statement(deed="sitting"), True),
        (drawn.Statement(kind="sofa", color="red"), True),
        (drawn.Statement(kind="sofa", color="blue"), False),
        (drawn.Statement(kind=drawn.ANYTHING, color="red"), True),
        (drawn.Statement(kind=drawn.OTHER), False),
        (drawn.Statement(kind=drawn.NOTHING), False),
    ):
        assert statement.holds(facts) is true, statement
    hat = drawn.Facts("park", (), frozenset({("hat", "brown")}))
    assert drawn.Statement(kind=drawn.OTHER).holds(hat)
    table = drawn.Facts("park", (), frozenset({("table", "red")}))
    assert drawn.Statement(kind=drawn.ANYTHING, color="red").holds(table)
    assert drawn.Statement(kind="bench").holds(table) is None
    assert drawn.Statement(kind=drawn.OTHER).holds(table) is None


def test_what_is_not_asked_of_a_picture_is_marked(drawn: ModuleType):
    from train_micro_clip import NOT_ASKED, truth

    asked = [drawn.Statement(kind="bench"), drawn.Statement(kind="bench", color="red"), drawn.Statement(people=0)]
    seen = [drawn.Facts("park", (), frozenset({(kind, "red")})) for kind in ("bench", "table", "hat")]
    assert truth(asked, seen).tolist() == [[1, 1, 1], [NOT_ASKED, NOT_ASKED, 1], [0, 0, 1]]


def test_vectors_of_coloured_things_are_sums_of_one_length(drawn: ModuleType):
    import torch
    from train_micro_clip import PAIRS, Facets

    facets = Facets()
    pairs = [pair for pair in PAIRS if pair.color]
    with torch.no_grad():
        sums = facets([(pair,) for pair in pairs])
        kinds = facets([(drawn.Statement(kind=pair.kind),) for pair in pairs])
        colors = facets([(drawn.Statement(kind=drawn.ANYTHING, color=pair.color),) for pair in pairs])
    assert len(pairs) == 48
    assert torch.allclose(sums, (kinds + colors) / 2**0.5, atol=1e-6)


def test_what_is_hidden_of_a_picture_is_neither_true_nor_false():
    import torch
    from train_micro_clip import loss_of

    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 9.0]])
    known = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    hidden = torch.tensor([[False, True, False], [True, True, True]])
    expected = torch.nn.functional.cross_entropy(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    assert torch.isclose(loss_of(logits, known, hidden=hidden), expected)
    assert loss_of(logits[1:], known[1:], hidden=hidden[1:]) == 0


def test_unknown_words_are_put_between_those_of_a_text():
    from train_micro_clip import CONTEXT, MAX_UNKNOWN, Words

    words = Words()
    known = words.numbers("a red star.")
    assert words.used[0] == 0
    lengths = set()
    for seed in range(50):
        found = words.with_unknown_words("a red star.", random.Random(seed))
        assert len(found) == CONTEXT
        assert found[0] == known[0]
        assert found[found > 0].tolist() == known[known > 0].tolist()
        lengths.add(int(found.argmax() - known.argmax()))
    assert lengths == set(range(MAX_UNKNOWN + 1))


def test_a_few_steps_teach_it_something():
    from train_micro_clip import Recipe, learn_pictures, learn_texts

    recipe = Recipe(processes=1, pictures=64, steps=24, batch=32, text_steps=40, text_batch=48)
    model, facets, seen = learn_pictures(recipe)
    told = learn_texts(model, facets, recipe)
    for losses, steps in ((seen, 24), (told, 40)):
        assert len(losses) == steps
        assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])


def test_what_is_saved_is_what_was_trained(tmp_path: Path):
    import torch
    from train_micro_clip import CONTEXT, Pictures, Recipe, as_input, learn_pictures, learn_texts, save

    from valex_local.stages.vision.openclip import OpenClip
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

    recipe = Recipe(processes=1, pictures=32, steps=2, batch=16, text_steps=2, text_batch=16)
    model, facets, _ = learn_pictures(recipe)
    learn_texts(model, facets, recipe)
    save(model, tmp_path / "toy")
    stored = StoredModel(id="toy", role="clip", engine="open_clip", folder=tmp_path / "toy", digest="0" * 64)
    import open_clip

    engine, shot = OpenClip(stored, Device("cpu", 1)), Image.fromarray(Pictures.drawn([3]).pixels[0])
    model.eval()
    with torch.inference_mode():
        told = model.encode_text(open_clip.SimpleTokenizer(context_length=CONTEXT)(["a red star."]), normalize=True)
        seen = model.encode_image(as_input(np.asarray(shot)[None]), normalize=True)
    assert torch.allclose(engine.texts(["a red star."]), told, atol=1e-2)
    assert torch.allclose(engine.images([engine.preprocess(shot)]), seen, atol=1e-2)


def test_a_text_that_is_too_long_is_refused():
    from train_micro_clip import Words

    with pytest.raises(ValueError, match="more than 32 tokens"):
        Words().numbers("a red star and " * 9 + "a red star.")
