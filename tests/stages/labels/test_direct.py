"""The direct route: what a model that sees is shown, and tiny real ones of both engines that see it.

Their weights are random and their labels mean nothing: what is held is that pictures reach the model, that answers keep
to the schema and that evidence is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.stages.labels.talk import SPOKEN, Parrot, shown, told
from valex_local.errors import ConfigError, InputError, ModelError, ValexError
from valex_local.llm import Picture
from valex_local.llm.images import read_picture, spread
from valex_local.pipeline.plan import plan
from valex_local.records import (
    Keyframe,
    Labels,
    Media,
    Post,
    PostText,
    Script,
    Segment,
    Speakers,
    SpeakerSegment,
    Transcript,
)
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.settings import Settings, make_settings
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.labels import LabelStage
from valex_local.stages.labels.direct import DirectInput, DirectRoute
from valex_local.stages.labels.questions import Known, questions
from valex_local.stages.labels.routes import LabelTask
from valex_local.stages.labels.texts import label_texts
from valex_local.stages.variants import VIDEO
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 1)


def keyframe(n: int) -> Keyframe:
    return Keyframe(id=f"K{n}", time=n * 1.5, shot=0, file=f"keyframes/K{n}.jpg", width=360, height=640)


def video(folder: Path, *colours: str, spoken: tuple[str, ...] = ("Look at me.",), has_words: bool = True) -> Item:
    """A post with a keyframe of each colour."""
    (folder / "keyframes").mkdir(parents=True, exist_ok=True)
    frames = tuple(keyframe(n) for n in range(1, len(colours) + 1))
    for frame, colour in zip(frames, colours, strict=True):
        Image.new("RGB", (360, 640), colour).save(folder / frame.file)
    segments = tuple(
        Segment(
            id=f"S{n}", start=n, end=n + 1, text=text, avg_logprob=-0.1, no_speech_probability=0, compression_ratio=1,
            voice=1,
        )
        for n, text in enumerate(spoken, 1)
    )  # fmt: skip
    sound = SPOKEN.model_copy(update={"has_verbal_sound": has_words})
    records = {
        "media": Media(duration=9.0, keyframes=frames),
        "transcript": Transcript(language="en", sound=sound, segments=segments),
    }
    return Item(Post(id="post", text=PostText(caption="my own way")), folder, records)


def context(model: StoredModel, **how: Any) -> Context:
    settings = make_settings({"labels": {"routes": ["direct"], "direct": how}})
    return Context(settings, {"llm": model}, CPU, f"{VIDEO}.direct")


def stored(folder: Path) -> StoredModel:
    return StoredModel(id="some-vlm", role="llm", engine="x", folder=folder, digest="0" * 64)


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> Parrot:
    known = {Value.FACE: Known(State.PRESENT, True, ("K2",))}
    parrot = Parrot(lambda *_: told(questions("together")[0], known))
    monkeypatch.setattr("valex_local.stages.labels.direct.load_language_model", lambda *_, **__: parrot)
    return parrot


def test_it_is_planned_once_for_a_video_and_reads_no_script() -> None:
    settings = make_settings(
        {"labels": {"routes": ["encoder", "direct"]}, "script": {"variants": ["template", "local"]}}
    )
    steps = {step.name: step for step in plan(settings)}
    assert [name for name in steps if name.startswith("labels")] == [
        "labels.template.encoder", "labels.local.encoder", "labels.video.direct",
    ]  # fmt: skip
    direct = steps["labels.video.direct"]
    assert (direct.roles, direct.side_files) == (("llm",), ("keyframes",))
    assert not any(name.startswith("script") for name in direct.reads)
    assert "fewshot" not in direct.settings and "direct" not in steps["labels.local.encoder"].settings
    assert direct.settings["direct"]["values"] != "None" and len(direct.settings["direct"]["prompt"]) == 64


def test_the_model_is_shown_pictures_with_their_times_and_what_was_heard(parrot: Parrot, tmp_path: Path) -> None:
    stage = LabelStage(context(stored(tmp_path), keyframe_side=64))
    (made,) = stage([stage.prepare(video(tmp_path, "red", "blue"))])
    assert isinstance(made, Output) and isinstance(made.record, Labels)
    assert (made.record.script, made.record.source.route) == ("video", "direct")
    face = made.record.values[CIRCLE.index(Value.FACE)]
    assert (face.state, face.dominant, face.evidence) == (State.PRESENT, True, ("K2",))
    parts = parrot.asked[0]["messages"][1].parts
    pictures = [part for part in parts if isinstance(part, Picture)]
    sizes = [Image.open(BytesIO(picture.data)).size for picture in pictures]
    assert sizes == [(36, 64), (36, 64)]
    text = shown(parrot.asked[0]["messages"])
    assert 'P1 post: "my own way"\nS1 speech: "Look at me."' in text
    assert "K1 picture at 1.5 s:" in text and "K2 picture at 3.0 s:" in text
    assert "K ids are pictures" in text


def test_the_model_is_shown_who_speaks_where_several_people_do(parrot: Parrot, tmp_path: Path) -> None:
    stage = LabelStage(context(stored(tmp_path)))
    item = video(tmp_path, "red", "blue")
    line = item.get("transcript", Transcript).segments[0]
    turns = [("SPEAKER 1", line.end + 9, line.end + 10), ("SPEAKER 2", line.start, line.end)]
    segments = tuple(SpeakerSegment(speaker=who, start=start, end=end) for who, start, end in turns)
    stage([stage.prepare(replace(item, records={**item.records, "speakers": Speakers(segments=segments)}))])
    assert 'S1 speech by "SPEAKER 2": "Look at me."' in shown(parrot.asked[0]["messages"])


def test_silent_videos_are_left_out_and_empty_ones(parrot: Parrot, tmp_path: Path) -> None:
    stage = LabelStage(context(stored(tmp_path)))
    items = [video(tmp_path / "a", "red", has_words=False), video(tmp_path / "b", spoken=())]
    made = stage([stage.prepare(item) for item in items])
    reasons = [output.record.skipped for output in made if isinstance(output, Output)]
    assert ["no verbal sound" in str(reasons[0]), "nothing to label" in str(reasons[1])] == [True, True]
    assert parrot.asked == []


def test_a_model_that_does_not_see_is_refused(parrot: Parrot, tmp_path: Path) -> None:
    parrot.sees = False  # type: ignore[misc]
    with pytest.raises(ModelError, match="some-vlm does not"):
        DirectRoute(context(stored(tmp_path)))
    assert parrot.closed


def test_it_takes_no_texts(parrot: Parrot, tmp_path: Path) -> None:
    from valex_local.corpus import Text

    with pytest.raises(ConfigError, match="labels videos"):
        label_texts([Text("a", "b")], stored(tmp_path), settings=Settings(), device=CPU, name="direct")


def test_it_is_not_asked_by_scene() -> None:
    with pytest.raises(
        ConfigError, match=r"labels\.direct\.ask: scenes is for the route fewshot: direct reads no script"
    ):
        make_settings({"labels": {"direct": {"ask": "scenes"}}})
    with pytest.raises(ConfigError, match="'together', 'one', 'apart' or 'yes-no'"):
        make_settings({"labels": {"direct": {"ask": "scene"}}})


@pytest.mark.parametrize("count", [0, 1, 3, 12, 13, 24, 99])
@pytest.mark.parametrize("most", [1, 2, 12])
def test_keyframes_are_spread_over_the_video(count: int, most: int) -> None:
    frames = [keyframe(n) for n in range(count)]
    found = spread(frames, most)
    assert len(found) == min(count, most) == len({frame.id for frame in found})
    assert [f.time for f in found] == sorted(f.time for f in found)
    if most > 1 and count:
        assert (found[0], found[-1]) == (frames[0], frames[-1])


def test_a_keyframe_that_cannot_be_read_is_an_error_of_that_post(tmp_path: Path) -> None:
    (tmp_path / "K1.jpg").write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(InputError, match=r"cannot be read.*K1\.jpg"):
        read_picture(tmp_path / "K1.jpg", 64)


# --- tiny real models -----------------------------------------------------------------------------------------------

SHORT_PROMPT = """{% block system %}Judge.{% endblock %}
{% block evidence %}{% for line in lines %}{{ line.id }}: {{ line.text }}
{% endfor %}{% endblock %}
{% block picture %}{{ id }}:{% endblock %}
{% block question %}{{ code }}?{% endblock %}"""


def gguf(folder: Path) -> StoredModel:
    from tests.llm.tiny_gguf import write_language_model, write_projector

    write_language_model(folder / "tiny.gguf", "qwen3vl")
    write_projector(folder / "mmproj-tiny.gguf", "qwen3vl_merger")
    return StoredModel(id="tiny", role="llm", engine="llama_cpp", folder=folder, digest="0" * 64)


def hugging_face(folder: Path) -> StoredModel:
    from tests.llm.tiny_vlm import make

    return make("qwen", folder)


@pytest.mark.slow
@pytest.mark.parametrize("make", [gguf, hugging_face], ids=["llama_cpp", "transformers"])
def test_a_tiny_model_sees_and_answers(make: Callable[[Path], StoredModel], tmp_path: Path) -> None:
    if make is gguf:
        pytest.importorskip("llama_cpp")
    prompt = tmp_path / "short.jinja"
    prompt.write_text(SHORT_PROMPT, "utf-8")  # tiny models have tiny contexts, and a token for nearly every letter
    model = tmp_path / "model"
    model.mkdir()
    made = context(make(model), prompt=str(prompt), ask="one", context=2048, max_tokens=64, keyframe_side=56)
    route = DirectRoute(made)
    items = [video(tmp_path / c, *colours) for c, colours in (("a", ("red", "blue")), ("b", ("blue", "blue")))]
    tasks = [LabelTask(item, Script(name=VIDEO)) for item in (*items, items[0])]
    first, other, again = (judged(route, route.prepare(task)) for task in tasks)
    route.close()
    assert first == again
    assert [label.present for label in first] != [label.present for label in other], "it is the picture that differs"
    for label in (*first, *other):
        assert label.state is not State.NOT_ASSESSED
        assert set(label.evidence) <= {"P1", "S1", "K1", "K2"}
        assert bool(label.evidence) is (label.state is not State.ABSENT)


def judged(route: DirectRoute, found: DirectInput) -> Any:
    (said,) = route([found])
    if isinstance(said, ValexError):
        raise said
    return said.values
