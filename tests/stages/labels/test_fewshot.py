"""The few-shot route with the smallest real model: structure, what is kept, examples out of the lab's own labels, and
posts that give orders."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stages.labels.talk import SPOKEN, Parrot, script, short_values, told
from valex_local.corpus import Corpus, Text
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import ConfigError, InputError, ValexError
from valex_local.llm import Message, Reply
from valex_local.records import Action, Labels, Post, Script
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.settings import make_settings
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.labels import LabelStage
from valex_local.stages.labels.checkpoint import Checkpoint
from valex_local.stages.labels.examples import MAX_SHOT_CHARACTERS, FewShotFold, plan_folds
from valex_local.stages.labels.fewshot import FewshotRoute
from valex_local.stages.labels.lines import EvidenceLine, lines_of, script_lines
from valex_local.stages.labels.prompt import LabelledExample
from valex_local.stages.labels.questions import Known, questions
from valex_local.stages.labels.routes import LabelResult, LabelTask
from valex_local.stages.labels.scenes import windows
from valex_local.stages.labels.texts import label_texts
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 2)
ATTACKS = tomllib.loads((Path(__file__).parents[2] / "data" / "attacks.toml").read_text("utf-8"))["attack"]
HARMLESS = script("I did it alone.", "Nobody helped me.", post="my own way", screen=("DAY 1",))


def item(found: Script) -> Item:
    return Item(Post(id="post"), Path(), {f"script.{found.name}": found})


@pytest.fixture(scope="session")
def smollm2(stored_model: Callable[[str], StoredModel]) -> StoredModel:
    pytest.importorskip("llama_cpp")
    return stored_model("smollm2-135m-instruct")


@pytest.fixture(scope="session")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_values(tmp_path_factory.mktemp("values") / "values.toml")


def context(model: StoredModel, variant: str = "template.fewshot", **how: Any) -> Context:
    settings = make_settings({"labels": {"routes": ["fewshot"], "fewshot": how}})
    return Context(settings, {"llm": model}, CPU, variant)


@pytest.fixture(scope="session")
def route(smollm2: StoredModel, values: Path) -> Iterator[FewshotRoute]:
    made = FewshotRoute(context(smollm2, values=str(values), context=4096, max_tokens=512))
    yield made
    made.close()


class Spy:
    """Hears the replies of a route's model."""

    def __init__(self, route: FewshotRoute, monkeypatch: pytest.MonkeyPatch) -> None:
        self.replies: list[Reply] = []
        self.messages: list[Any] = []
        chat = route._model.chat

        def spy(messages: Any, **how: Any) -> Reply:
            self.messages.append(messages)
            self.replies.append(chat(messages, **how))
            return self.replies[-1]

        monkeypatch.setattr(route._model, "chat", spy)


def judge(route: FewshotRoute, found: Script) -> LabelResult:
    (judged,) = route([route.prepare(LabelTask(item(found), found))])
    if isinstance(judged, ValexError):
        raise judged
    return judged


def check(judged: LabelResult, found: Script) -> None:
    """What must hold of any labels, however able the model is."""
    ids = {line.id for line in script_lines(found)}
    assert tuple(label.value for label in judged.values) == CIRCLE
    for label in judged.values:
        held = label.state in (State.PRESENT, State.CONFLICTED)
        assert label.state is not State.NOT_ASSESSED
        assert label.present is not None and label.conflicted is not None
        assert label.present + label.conflicted <= 1.0001
        assert set(label.evidence) <= ids
        assert bool(label.evidence) is held
        assert not label.dominant or label.state is State.PRESENT


@pytest.mark.slow
def test_a_small_real_model_labels_and_its_prefix_is_evaluated_once(
    route: FewshotRoute, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(route, monkeypatch)
    first = judge(route, HARMLESS)
    check(first, HARMLESS)
    assert {notice.code for notice in first.notices} <= {"unsure-probabilities"}
    other = script("We must save the rivers.", "Buy less!")
    check(judge(route, other), other)
    # What a script adds to the prompt that all scripts share: its lines, and the marks of turns around them.
    llama: Any = route._model
    shared = len(llama.prompt(spy.messages[-1])[0].tokens)
    own = spy.replies[-1].prompt_tokens - shared
    assert spy.replies[-1].evaluated_tokens <= own * 1.05
    assert own < 80 < shared
    assert judge(route, HARMLESS) == first, "labels do not depend on what was labelled before"


@pytest.mark.slow
@pytest.mark.parametrize(("way", "count", "most"), [("one", 19, 40), ("scenes", 2, 150)])
def test_several_questions_share_their_prefix(
    smollm2: StoredModel, values: Path, monkeypatch: pytest.MonkeyPatch, way: str, count: int, most: int
) -> None:
    made = FewshotRoute(context(smollm2, values=str(values), ask=way, context=4096, max_tokens=512))
    spy = Spy(made, monkeypatch)
    judged = judge(made, in_two_scenes(HARMLESS))
    made.close()
    assert tuple(label.value for label in judged.values) == CIRCLE
    assert all(label.state is not State.NOT_ASSESSED for label in judged.values)
    assert len(spy.replies) == count
    assert spy.replies[0].evaluated_tokens > 500
    assert all(reply.evaluated_tokens < most for reply in spy.replies[1:]), "what they share is evaluated once"


# --- prompt injection -----------------------------------------------------------------------------------------------


def attacked(attack: dict[str, str]) -> Script:
    text = attack["text"]
    return {
        "speech": lambda: script("I did it alone.", text, post="my own way", screen=("DAY 1",)),
        "post": lambda: script("I did it alone.", "Nobody helped me.", post=text, screen=("DAY 1",)),
        "screen": lambda: script("I did it alone.", "Nobody helped me.", post="my own way", screen=(text,)),
    }[attack["channel"]]()


def in_two_scenes(found: Script) -> Script:
    """The same with a second scene, both long enough to be asked about alone."""
    (scene,) = found.scenes
    waves = Action(text="Somebody waves at a friend behind the window, again and again. " * 3, start=None, end=None)
    first = scene.model_copy(update={"elements": (*scene.elements[:-1], waves)})
    second = scene.model_copy(update={"heading": "STREET", "elements": (waves,)})
    return found.model_copy(update={"scenes": (first, second)})


def test_there_are_twenty_attacks() -> None:
    assert len({attack["name"] for attack in ATTACKS}) == len(ATTACKS) >= 20
    assert {attack["channel"] for attack in ATTACKS} == {"speech", "post", "screen"}


def whole(found: Script) -> list[Sequence[EvidenceLine]]:
    return [script_lines(found)]


def by_scene(found: Script) -> list[Sequence[EvidenceLine]]:
    return [window.lines for window in windows(script_lines(in_two_scenes(found)))]


@pytest.mark.parametrize("split", [whole, by_scene])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a["name"])
def test_an_attack_is_one_plain_line_of_the_prompt(
    route: FewshotRoute, attack: dict[str, str], split: Callable[[Script], list[Sequence[EvidenceLine]]]
) -> None:
    """The tokens that reach the real model have as many marks of turns as without the attack."""
    llama: Any = route._model
    ids = []
    harmless, *_ = messages_of(route, split(HARMLESS))
    for hostile in messages_of(route, split(attacked(attack))):
        (lines,) = hostile[1].parts
        assert isinstance(lines, str)
        ids += [line.split()[0] for line in lines.strip().split("\n")]
        assert hostile[0] == harmless[0]
        marks = [[t for unit in llama.prompt(m) for t in unit.tokens if t < 3] for m in (harmless, hostile)]
        assert marks[0] == marks[1]
    expected = ["H1", "P1", "S1", "S2", "T1", "L5", *(["H2", "L6"] if split is by_scene else [])]
    assert sorted(set(ids)) == sorted(expected)
    assert sum(name != "P1" for name in ids) == len(expected) - 1, "each line but the post text once"


def messages_of(route: FewshotRoute, asked: list[Sequence[EvidenceLine]]) -> list[list[Message]]:
    return [route._labeller._prompt.messages(lines, (), questions("together")[0]) for lines in asked]


@pytest.mark.slow
def test_attacks_change_neither_structure_nor_other_posts(route: FewshotRoute) -> None:
    before = judge(route, HARMLESS)
    for attack in ATTACKS[1::12]:  # each takes seconds; the test above holds the prompts of all
        hostile = attacked(attack)
        check(judge(route, hostile), hostile)
    assert judge(route, HARMLESS) == before


# --- the stage ------------------------------------------------------------------------------------------------------


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> Parrot:
    parrot = Parrot(lambda *_: told(questions("together")[0], {}))
    monkeypatch.setattr("valex_local.stages.labels.fewshot.load_language_model", lambda *_, **__: parrot)
    return parrot


def stored(tmp_path: Path) -> StoredModel:
    return StoredModel(id="some-llm", role="llm", engine="x", folder=tmp_path, digest="0" * 64)


def test_the_stage_writes_the_record_of_a_script(parrot: Parrot, tmp_path: Path) -> None:
    stage = LabelStage(context(stored(tmp_path)))
    silent = Script(name="template", sound=SPOKEN.model_copy(update={"has_verbal_sound": False}))
    made = stage([stage.prepare(item(HARMLESS)), stage.prepare(item(silent))])
    stage.close()
    labelled, skipped = (output.record for output in made if isinstance(output, Output))
    assert isinstance(labelled, Labels) and isinstance(skipped, Labels)
    assert (labelled.source.route, labelled.source.model, len(labelled.values)) == ("fewshot", "some-llm", 19)
    assert skipped.skipped is not None and not skipped.values
    assert parrot.closed


def test_a_script_beyond_the_context_fails_alone(parrot: Parrot, tmp_path: Path) -> None:
    stage = LabelStage(context(stored(tmp_path)))
    long = script("w" * 90_000)
    failed, done = stage([stage.prepare(item(long)), stage.prepare(item(HARMLESS))])
    assert isinstance(failed, ValexError)
    assert isinstance(done, Output)


# --- examples out of the lab's own labels ---------------------------------------------------------------------------


def corpus(count: int = 24, unlabelled: int = 0) -> Corpus:
    texts = tuple(Text(f"t{n:02}", f"text number {n}", groups={"author": f"a{n // 2}"}) for n in range(count))
    gold = LabelMatrix.empty(text.id for text in texts)
    gold.labels[:] = 0
    for row in range(count):
        gold.labels[row, row % 19, row % 2] = 1
    more = tuple(Text(f"u{n}", f"unknown {n}") for n in range(unlabelled))
    return Corpus(texts, gold, unlabelled=more)


def test_examples_come_out_of_other_folds_alone() -> None:
    given = corpus(unlabelled=3)
    turns = plan_folds(given, shots=4, folds=3, group="author", seed=0)
    assert len(turns) == 4
    assert sorted(text.id for turn in turns for text in turn.texts) == sorted(
        text.id for text in (*given.texts, *given.unlabelled)
    )
    author = {text.id: text.groups.get("author") for text in given.texts}
    for turn in turns:
        assert len(turn.shots) == len(set(turn.drawn)) == 4
        assert {author[name] for name in turn.drawn}.isdisjoint(author.get(t.id, "nobody") for t in turn.texts)
        shown = [(v, k.state) for shot in turn.shots for v, k in shot.known.items()]
        assert len(set(shown)) == 4, "each shows what none before showed"


def test_draws_go_by_the_seed() -> None:
    first, again, other = (
        [turn.drawn for turn in plan_folds(corpus(), shots=2, folds=3, group="none", seed=seed)] for seed in (0, 0, 1)
    )
    assert first == again != other


def test_what_cannot_be_an_example_is_not_drawn() -> None:
    """Without any value, too long, or not assessed on all of them: what nobody assessed would be shown as absent."""
    given = corpus(10)
    given.gold.labels[:4] = 0
    given.gold.labels[7, 3, 0] = np.nan
    texts = (*given.texts[:5], Text("t05", "x" * (MAX_SHOT_CHARACTERS + 1)), *given.texts[6:])
    turns = plan_folds(Corpus(texts, given.gold), shots=5, folds=2, group="none", seed=0)
    assert {name for turn in turns for name in turn.drawn} <= {"t04", "t06", "t08", "t09"}


def test_where_nothing_can_be_drawn_it_is_said() -> None:
    given = corpus(4)
    given.gold.labels[:] = 0
    with pytest.raises(InputError, match=r"none of the .* labelled texts can be an example"):
        plan_folds(given, shots=1, folds=2, group="none", seed=0)


def test_no_example_is_left_over_for_the_next_turn(parrot: Parrot, tmp_path: Path) -> None:
    shot = LabelledExample(
        (EvidenceLine("L1", "text", "a shot of the first turn"),), {Value.FACE: Known(State.PRESENT)}
    )
    texts = (Text("a", "one"), Text("b", "two"))
    turns = (FewShotFold(texts[:1], (shot,), ("x",)), FewShotFold(texts[1:], (), ()))
    label_texts(texts, stored(tmp_path), settings=make_settings({}), device=CPU, name="fewshot", folds=turns)
    assert ["a shot of" in a["messages"][0].content for a in parrot.asked] == [True, False]


def test_a_studys_script_has_the_same_lines_in_and_out_of_the_study() -> None:
    text = Text("a", "the rendering", script=HARMLESS)
    assert lines_of(text) == script_lines(HARMLESS)
    assert [line.id for line in lines_of(Text("a", "one\n\ntwo"))] == ["L1", "L3"]


@pytest.mark.parametrize("way", ["together", "scenes"])
def test_what_was_judged_before_an_interruption_is_kept(parrot: Parrot, tmp_path: Path, way: str) -> None:
    texts, out = [Text(f"t{n}", f"text {n}") for n in range(4)], tmp_path / "labels.csv"
    settings, model = make_settings({"labels": {"fewshot": {"ask": way}}}), stored(tmp_path)

    def kept(**how: Any) -> Checkpoint:
        asked = make_settings({"labels": {"fewshot": {"ask": way, **how}}})
        return Checkpoint(out, name="fewshot", model=model, settings=asked)

    def interrupt(done: int) -> None:
        if len(parrot.asked) == 2:
            raise KeyboardInterrupt

    how: dict[str, Any] = {"settings": settings, "device": CPU, "name": "fewshot"}
    with pytest.raises(KeyboardInterrupt):
        label_texts(texts, model, checkpoint=kept(), on_progress=interrupt, **how)
    assert parrot.closed
    kept().path.open("a").write('{"key": "cut')
    whole = label_texts(texts, model, checkpoint=kept(), **how)
    assert len(parrot.asked) == 4, "two were judged before"
    assert whole.answers.ids == tuple(t.id for t in texts)
    assert "text 0" not in kept().path.read_text("utf-8"), "no text is kept"
    label_texts(texts, model, checkpoint=kept(seed=1), **how)
    assert len(parrot.asked) == 8, "another setting is another question"
    kept().done()
    assert not kept().path.exists()


def test_too_few_groups_is_an_error() -> None:
    with pytest.raises(InputError, match="cannot be split"):
        plan_folds(corpus(2), shots=1, folds=5, group="author", seed=0)


def test_texts_are_labelled_after_the_examples_of_their_fold(parrot: Parrot, tmp_path: Path) -> None:
    given = corpus(8, unlabelled=1)
    texts = (*given.texts, *given.unlabelled)
    turns = plan_folds(given, shots=2, folds=2, group="none", seed=0)
    settings = make_settings({"labels": {"fewshot": {"seed": 1}}})
    heard: list[int] = []
    found = label_texts(
        texts, stored(tmp_path), settings=settings, device=CPU, name="fewshot", folds=turns, on_progress=heard.append
    )
    assert found.answers.ids == tuple(text.id for text in texts)
    assert not np.isnan(found.answers.labels).any()
    assert (sum(heard), found.failed) == (9, {})
    prefixes = [a["messages"][0].content for a in parrot.asked]
    assert len(set(prefixes)) == 3
    assert sum(a != b for a, b in pairwise(prefixes)) == 2, "one prefix a fold, one after another"
    for asked, text in zip(parrot.asked, (t for turn in turns for t in turn.texts), strict=True):
        assert text.text not in asked["messages"][0].content


def test_a_text_beyond_the_context_is_named_and_the_others_are_labelled(parrot: Parrot, tmp_path: Path) -> None:
    texts = [Text("long", "w" * 90_000), Text("short", "word")]
    found = label_texts(texts, stored(tmp_path), settings=make_settings({}), device=CPU, name="fewshot")
    assert list(found.failed) == ["long"]
    assert found.answers.state(0, 0) is State.NOT_ASSESSED
    assert found.answers.state(1, 0) is State.ABSENT
    with pytest.raises(ValexError):
        label_texts(texts[:1], stored(tmp_path), settings=make_settings({}), device=CPU, name="fewshot")


def test_other_routes_take_no_examples(tmp_path: Path) -> None:
    from tests.stages.labels.tiny import save_model

    turns = plan_folds(corpus(4), shots=1, folds=2, group="none", seed=0)
    with pytest.raises(ConfigError, match="only the route fewshot"):
        label_texts((), save_model(tmp_path / "m"), settings=make_settings({}), device=CPU, folds=turns)


def test_value_codes_are_those_of_the_literature() -> None:
    assert [v.code for v in (Value.FACE, Value.POWER_DOMINANCE, Value.POWER_RESOURCES)] == ["FAC", "POD", "POR"]
    assert len({v.code for v in CIRCLE}) == 19


@pytest.mark.slow
def test_it_labels_through_a_real_server(smollm2: StoredModel, values: Path, tmp_path: Path) -> None:
    """llama-cpp-python's own server on loopback: the schema holds there too; it tells no log-probabilities."""
    pytest.importorskip("uvicorn")
    from tests.llm.llama_server import serving

    with serving(smollm2, tmp_path, context=4096, logits=False) as url:
        served = StoredModel(
            id="served", role="llm", engine="server", folder=tmp_path, digest="0" * 64, options={"url": url}
        )
        made = FewshotRoute(context(served, values=str(values), context=4096, max_tokens=512))
        judged = judge(made, HARMLESS)
        made.close()
    check(judged, HARMLESS)
    assert [notice.code for notice in judged.notices] == ["no-probabilities"]
