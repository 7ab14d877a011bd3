"""Captions by the language model: what it is shown, what of its answers is taken, and tiny real ones that see.

The weights of the tiny ones are random and their sentences noise: what is held is that pictures reach them, that
answers keep to the schema, and that the sentences reach the script.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests import clips
from tests.stages.labels.talk import Parrot, shown
from tests.stages.labels.test_direct import gguf, hugging_face
from tests.stages.vision.test_vision_stage import BLUE, GREY, RED, post, run
from valex_local.errors import ConfigError, ModelError
from valex_local.files.text import clean_text
from valex_local.llm import ContextOverflow, Picture, Reply
from valex_local.pipeline.run import run as run_study
from valex_local.pipeline.selection import Selection
from valex_local.records import Captions, Media, Post, PostText, ScreenText, Sound, Transcript
from valex_local.settings import ScriptSettings, make_settings
from valex_local.stages.base import Context, Item
from valex_local.stages.script.evidence import gather
from valex_local.stages.script.template import TemplateWriter
from valex_local.stages.vision import VisionStage
from valex_local.stages.vision.captions import one_sentence
from valex_local.stages.vision.llm_captions import MAX_LENGTH, BadCaption, read_caption
from valex_local.store import Store, StoredModel
from valex_local.study import Study
from valex_local.system.devices import Device

LLM = StoredModel(id="some-vlm", role="llm", engine="x", folder=Path(), digest="1" * 64)


def context(model: StoredModel = LLM, clip: StoredModel | None = None, **llm: Any) -> Context:
    models = {"llm": model} if clip is None else {"llm": model, "clip": clip}
    settings = make_settings({"vision": {"captions": {"writer": "llm", "llm": llm}}})
    return Context(settings, models, Device("cpu", 1))


def said(caption: Any) -> str:
    return json.dumps({"caption": caption})


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Parrot]:
    """Make a model that gives these answers in turn, the last for good, and put it in the engine's place."""

    def teach(*answers: str | Reply, context: int = 4096) -> Parrot:
        parrot = Parrot(lambda at, _: answers[min(at, len(answers) - 1)], context=context)
        monkeypatch.setattr("valex_local.stages.vision.llm_captions.load_language_model", lambda *_, **__: parrot)
        return parrot

    return teach


# --- the stage ------------------------------------------------------------------------------------------------------


def test_each_keyframe_is_shown_alone_and_nothing_of_the_post_beside_it(taught, tmp_path: Path) -> None:
    parrot = taught(said("a red wall"), said("a blue wall"))
    item = post(tmp_path / "one", [RED, BLUE])
    told = Post(id="secret-author-7", text=PostText(caption="secret words", author="secret", hashtags=("secret",)))
    (record,) = run(VisionStage(context(keyframe_side=28)), dataclasses.replace(item, post=told))
    assert [(k.keyframe, k.caption, k.tags) for k in record.keyframes] == [
        ("K1", "A red wall.", ()), ("K2", "A blue wall.", ()),
    ]  # fmt: skip
    assert [notice.code for notice in record.notices] == ["no-tags"], "no CLIP model, and the record says so"
    colours = []
    for asked in parrot.asked:
        system, question = asked["messages"]
        pictures = [part for part in question.parts if isinstance(part, Picture)]
        assert len(pictures) == 1 and isinstance(system.content, str)
        image = Image.open(BytesIO(pictures[0].data))
        assert image.size == (16, 28)
        colours.append(max(range(3), key=image.resize((1, 1)).getpixel((0, 0)).__getitem__))
        assert "secret" not in shown(asked["messages"])
        assert asked["schema"]["properties"]["caption"]["maxLength"] == MAX_LENGTH
        assert (asked["temperature"], asked["seed"], asked["max_tokens"]) == (0.0, 0, 256)
    assert colours == [0, 2], "the red picture first, then the blue one"


def test_tags_and_captions_stand_side_by_side(taught, clip: StoredModel, vocabulary: Path, tmp_path: Path) -> None:
    taught(said("a wall"))
    settings = {"vocabulary": str(vocabulary), "min_probability": 0.0}
    items = [post(tmp_path / "one", [RED]), Item(Post(id="x"), tmp_path, {"media": Media(duration=3.0)})]
    made = context(clip=clip)
    vision = make_settings({"vision": {**settings, "captions": {"writer": "llm"}}})
    seen, empty = run(VisionStage(dataclasses.replace(made, settings=vision)), *items)
    plain = Context(make_settings({"vision": settings}), {"clip": clip}, Device("cpu", 1))
    (tagged,) = run(VisionStage(plain), items[0])
    assert seen.keyframes[0].tags == tagged.keyframes[0].tags != ()
    assert (seen.keyframes[0].caption, tagged.keyframes[0].caption) == ("A wall.", None)
    assert (seen.notices, empty.skipped, empty.keyframes) == ((), "no video track", ())


def test_a_bad_answer_is_asked_for_once_more_and_then_left_out(taught, tmp_path: Path) -> None:
    parrot = taught('{"capt', said("a wall"), said(""), '["a wall"]', said("a door"))
    (record,) = run(VisionStage(context(seed=5)), post(tmp_path / "one", [RED, BLUE, GREY]))
    assert [k.caption for k in record.keyframes] == ["A wall.", None, "A door."]
    assert [n.text for n in record.notices if n.code == "no-caption"] == [
        "the keyframe K2 has no caption: the answer does not have the requested form"
    ]
    assert [(a["seed"], a["temperature"]) for a in parrot.asked] == [(5, 0.0), (6, 0.6), (5, 0.0), (6, 0.6), (5, 0.0)]


def test_a_model_that_does_not_see_is_refused(taught) -> None:
    parrot = taught(said("a wall"))
    parrot.sees = False
    with pytest.raises(ConfigError, match=r"vision\.captions\.writer.*some-vlm takes no images"):
        VisionStage(context())
    assert parrot.closed


def test_a_wrong_prompt_is_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    prompt = tmp_path / "mine.jinja"
    prompt.write_text("{% block system %}See.{% endblock %}", "utf-8")
    with pytest.raises(ConfigError, match=r"lacks the block user.*mine\.jinja"):
        VisionStage(context(prompt=str(prompt)))


def test_a_prompt_that_asks_for_the_post_is_refused(taught, tmp_path: Path) -> None:
    parrot = taught(said("a wall"))
    prompt = tmp_path / "mine.jinja"
    prompt.write_text("{% block system %}{% endblock %}{% block user %}{{ post.text }}{% endblock %}", "utf-8")
    with pytest.raises(ConfigError, match="'post' is undefined"):
        VisionStage(context(prompt=str(prompt)))
    assert parrot.closed


def test_what_exceeds_the_context_is_an_error_of_that_post_and_says_what_to_change(taught, tmp_path: Path) -> None:
    taught(said("a wall"), context=260)
    stage = VisionStage(context())
    (made,) = stage([stage.prepare(post(tmp_path / "one", [RED]))])
    assert isinstance(made, ContextOverflow) and "keyframe_side" in str(made.hint)


def test_an_engine_that_breaks_down_is_an_error_of_that_post(taught, tmp_path: Path) -> None:
    parrot = taught(said("a wall"))
    stage = VisionStage(context())

    def broken(*_: Any, **__: Any) -> Reply:
        raise ModelError("broke down")

    parrot.chat = broken
    (made,) = stage([stage.prepare(post(tmp_path / "one", [RED]))])
    assert isinstance(made, ModelError)
    stage.close()
    stage.close()
    assert parrot.closed


def test_captions_are_the_evidence_of_a_script(taught, tmp_path: Path) -> None:
    taught(said('a man points at a sign that says "sale"'), said("a woman laughs"))
    item = post(tmp_path / "one", [RED, BLUE])
    (captions,) = run(VisionStage(context()), item)
    silent = Sound(has_sound=False, has_verbal_sound=False, has_speech=False)
    records = {**item.records, "captions": captions, "text": ScreenText(), "transcript": Transcript(sound=silent)}
    evidence = gather(Item(item.post, item.folder, records), ScriptSettings())
    assert not any(notice.code == "no-visual-evidence" for notice in evidence.notices)
    actions = [e for scene in TemplateWriter().write(evidence).scenes for e in scene.elements]
    assert [(a.text, a.keyframes) for a in actions] == [
        ("A man points at a sign that says sale.", ("K1",)), ("A woman laughs.", ("K2",)),
    ]  # fmt: skip


# --- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (said("  a man , with\na dog "), "A man, with a dog."),
        ('{"caption": "two\nlines"}', "Two lines."),
        (said("x" * MAX_LENGTH), "X" + "x" * (MAX_LENGTH - 2) + "…"),
        (said("word " * 80), ("Word " + "word " * 46).strip() + "…"),
        (said("x" * (MAX_LENGTH - 1) + "."), "X" + "x" * (MAX_LENGTH - 2) + "."),
        (said("x" * (MAX_LENGTH - 1)), "X" + "x" * (MAX_LENGTH - 2) + "."),
    ],
)
def test_what_is_taken(raw: str, expected: str) -> None:
    assert read_caption(raw) == expected


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "not JSON"),
        ('{"caption": "a man', "cut"),
        ("[" * 100_000, "not JSON"),
        ('"a man"', "requested form"),
        (said(None), "requested form"),
        (said(["a man"]), "requested form"),
        (json.dumps({"caption": "a", "more": "b"}), "requested form"),
        (said("…?!"), "contains no words"),
    ],
)
def test_what_is_refused(raw: str, why: str) -> None:
    with pytest.raises(BadCaption, match=why):
        read_caption(raw)


@given(st.text(max_size=400) | st.text("aB .,…\"'\n", max_size=400))
def test_any_text_is_a_clean_short_line_or_refused(text: str) -> None:
    try:
        caption = read_caption(said(text))
    except BadCaption:
        assert not any(c.isalnum() for c in text[:MAX_LENGTH])
        return
    assert caption == one_sentence(caption)
    assert len(caption) <= MAX_LENGTH + 2, "a first letter may be two or three as a capital"
    assert clean_text(caption)


@given(st.text(max_size=60) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_answer_breaks_the_parser(raw: str) -> None:
    try:
        assert read_caption(raw)
    except BadCaption as reason:
        assert str(reason)


# --- tiny real models -----------------------------------------------------------------------------------------------

SHORT_PROMPT = "{% block system %}See.{% endblock %}{% block user %}What?{% endblock %}"


@pytest.mark.slow
@pytest.mark.parametrize("make", [gguf, hugging_face], ids=["llama_cpp", "transformers"])
def test_a_tiny_model_sees_and_writes(make: Callable[[Path], StoredModel], tmp_path: Path) -> None:
    if make is gguf:
        pytest.importorskip("llama_cpp")
    model, prompt = tmp_path / "model", tmp_path / "short.jinja"
    model.mkdir()
    prompt.write_text(SHORT_PROMPT, "utf-8")
    # A token holds a letter: the whole of a caption and the marks around it.
    stage = VisionStage(context(make(model), prompt=str(prompt), context=2048, max_tokens=512, keyframe_side=56))
    items = [post(tmp_path / str(n), colours, seed=n) for n, colours in enumerate([(RED, BLUE), (BLUE, RED)])]
    (first, other), (again,) = run(stage, *items), run(stage, items[0])
    stage.close()
    assert again == first
    sentences = [k.caption for record in (first, other) for k in record.keyframes]
    assert len({s for s in sentences if s}) > 1, "other pictures, other captions"
    for sentence in filter(None, sentences):
        assert sentence == one_sentence(sentence) and len(sentence) <= MAX_LENGTH


@pytest.fixture
def only(tmp_path: Path) -> Callable[[str], Captions | None]:
    """Run one stage over a clip of two scenes with a tiny model that sees; return the captions so far."""
    pytest.importorskip("llama_cpp")
    clips.make_clip(tmp_path / "a.mp4", [clips.Scene(1.0, clips.RED), clips.Scene(1.0, clips.BLUE)])
    model, prompt = tmp_path / "model", tmp_path / "short.jinja"
    model.mkdir()
    gguf(model)
    prompt.write_text(SHORT_PROMPT, "utf-8")
    llm = {"prompt": str(prompt), "context": 2048, "max_tokens": 512, "keyframe_side": 56}
    options = {
        "models": {"llm": f"local-dir:{model}"},
        "vision": {"captions": {"writer": "llm", "llm": llm}},
        "work": {"device": "cpu"},
    }
    store, out = Store(tmp_path / "store"), tmp_path / "study"

    def only(stage: str) -> Captions | None:
        run_study(tmp_path / "a.mp4", out, options=options, selection=Selection(only=stage), store=store)
        study = Study(out)
        return study.read(study.post_ids()[0], "captions", Captions)

    return only


@pytest.mark.slow
def test_a_run_writes_captions_and_says_by_what(only: Callable[[str], Captions | None]) -> None:
    assert only("media") is None
    record = only("vision")
    assert len(record.keyframes) == 2 and any(k.caption for k in record.keyframes)
    assert record.made_by.models["llm"].startswith("model@") and "clip" not in record.made_by.models
    assert record.made_by.settings["captions"]["writer"] == "llm"
    assert len(record.made_by.settings["captions"]["llm"]["prompt"]) == 64


@pytest.mark.slow
def test_keyframes_that_were_dropped_are_made_again(only: Callable[[str], Captions | None], tmp_path: Path) -> None:
    only("media")
    for keyframe in (tmp_path / "study").glob("posts/*/keyframes/*"):
        keyframe.unlink()
    assert len(only("vision").keyframes) == 2, "without a CLIP model too"
