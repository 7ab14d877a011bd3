import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.stages.vision.tiny import CONFIG, save_clip
from valex_local.errors import ConfigError, InputError, ModelError
from valex_local.records import Captions, Keyframe, Media, Post, Shot
from valex_local.settings import make_settings
from valex_local.stages.base import Context, Item
from valex_local.stages.vision import VisionStage
from valex_local.store import StoredModel
from valex_local.system.devices import Device


def context(clip: StoredModel | None, vocabulary: Path | None = None, **vision: object) -> Context:
    if vocabulary is not None:
        vision["vocabulary"] = str(vocabulary)
    models = {} if clip is None else {"clip": clip}
    return Context(make_settings({"vision": vision}), models, Device("cpu", 2))


def post(folder: Path, pictures: Sequence[tuple[int, int, int]], *, seed: int = 0) -> Item:
    """Return a post with one keyframe per colour, noise over it."""
    rng = np.random.default_rng(seed)
    (folder / "keyframes").mkdir(parents=True)
    keyframes = []
    for number, colour in enumerate(pictures, 1):
        noise = rng.integers(-60, 61, (48, 27, 3))
        Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)).save(folder / f"keyframes/K{number}.jpg")
        keyframes.append(
            Keyframe(id=f"K{number}", time=number, shot=0, file=f"keyframes/K{number}.jpg", width=27, height=48)
        )
    media = Media(duration=9.0, shots=(Shot(start=0, end=9),), keyframes=tuple(keyframes))
    return Item(Post(id=folder.name), folder, {"media": media})


def run(stage: VisionStage, *items: Item) -> list[Captions]:
    outputs = stage([stage.prepare(item) for item in items])
    assert all(not output.files for output in outputs)
    return [output.record for output in outputs]


RED, BLUE, GREY = (220, 30, 30), (30, 30, 220), (120, 120, 120)


def test_tags_of_each_keyframe_in_order(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    stage = VisionStage(context(clip, vocabulary, min_probability=0.0))
    (captions,) = run(stage, post(tmp_path / "one", [RED, BLUE]))
    stage.close()
    assert captions.skipped is None
    assert [k.keyframe for k in captions.keyframes] == ["K1", "K2"]
    for keyframe in captions.keyframes:
        assert [tag.category for tag in keyframe.tags] == ["colour", "colour", "thing"]
        assert {tag.label for tag in keyframe.tags} == {"red", "blue", "dog"}
        colours = [tag.probability for tag in keyframe.tags if tag.category == "colour"]
        assert colours == sorted(colours, reverse=True)
        assert 0 < sum(colours) < 1, "the background takes its share"
    first, second = (k.tags for k in captions.keyframes)
    assert first != second, "different pictures, different shares"


def test_the_shares_are_those_of_open_clip_itself(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    import open_clip
    import torch

    item = post(tmp_path / "one", [RED])
    stage = VisionStage(context(clip, vocabulary, min_probability=0.0))
    (captions,) = run(stage, item)
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{clip.folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{clip.folder}")
    model.eval()
    picture = transform(Image.open(item.folder / "keyframes/K1.jpg")).unsqueeze(0)
    with torch.inference_mode():
        _, texts, scale = model(
            picture, tokenizer(["a photo of a dog.", "a photo of nothing.", "a photo of a blank wall."])
        )
        image = model.encode_image(picture, normalize=True)
        expected = (scale * image @ texts.T).softmax(-1)[0, 0].item()
    dog = next(tag for tag in captions.keyframes[0].tags if tag.label == "dog")
    assert dog.probability == pytest.approx(expected, abs=1e-3)


def test_thresholds_of_the_category_and_of_the_settings(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    item = post(tmp_path / "one", [RED])
    (strict,) = run(VisionStage(context(clip, vocabulary, min_probability=1.0)), item)
    assert [tag.category for tag in strict.keyframes[0].tags] == ["colour", "colour"], "the category states its own"
    text = vocabulary.read_text("utf-8").replace("threshold = 0.0", "threshold = 1.0")
    vocabulary.write_text(text, "utf-8")
    (none,) = run(VisionStage(context(clip, vocabulary, min_probability=1.0)), item)
    assert none.keyframes[0].tags == (), "nothing fits is an answer"


def test_records_do_not_depend_on_the_batch(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    items = [post(tmp_path / str(n), [RED, BLUE, GREY][: n % 3 + 1], seed=n) for n in range(7)]
    stage = VisionStage(context(clip, vocabulary, min_probability=0.0))
    alone = [run(stage, item)[0].to_json() for item in items]
    assert [record.to_json() for record in run(stage, *items)] == alone
    assert [record.to_json() for record in run(stage, *reversed(items))] == alone[::-1]
    again = VisionStage(context(clip, vocabulary, min_probability=0.0))
    assert [record.to_json() for record in run(again, *items)] == alone


def test_a_shot_is_in_one_place(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    item = post(tmp_path / "one", [RED, BLUE, GREY])
    (apart,) = run(VisionStage(context(clip, vocabulary, min_probability=0.0)), item)
    text = vocabulary.read_text("utf-8").replace("threshold = 0.0", "threshold = 0.0\nper_shot = true")
    vocabulary.write_text(text, "utf-8")
    (pooled,) = run(VisionStage(context(clip, vocabulary, min_probability=0.0)), item)

    def shares(captions: Captions, category: str) -> list[dict[str, float]]:
        return [{t.label: t.probability for t in k.tags if t.category == category} for k in captions.keyframes]

    one, *others = shares(pooled, "colour")
    assert others == [one, one]
    assert one["red"] == pytest.approx(np.mean([s["red"] for s in shares(apart, "colour")]), abs=1e-4)
    assert shares(pooled, "thing") == shares(apart, "thing")
    media = item.records["media"]
    cut = [k.model_copy(update={"shot": int(k.id == "K3")}) for k in media.keyframes]
    two_shots = Item(item.post, item.folder, {"media": media.model_copy(update={"keyframes": tuple(cut)})})
    (divided,) = run(VisionStage(context(clip, vocabulary, min_probability=0.0)), two_shots)
    first, second, last = shares(divided, "colour")
    assert first == second != last
    assert last == shares(apart, "colour")[2]


def test_a_model_may_bring_its_vocabulary_and_a_notice(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    model = dataclasses.replace(
        clip, folder=tmp_path / "own", options={"vocabulary": "words.toml", "notice": "knows two colours"}
    )
    shutil.copytree(clip.folder, model.folder)
    shutil.copy(vocabulary, model.folder / "words.toml")
    item = post(tmp_path / "one", [RED])
    (captions,) = run(VisionStage(context(model, min_probability=0.0)), item)
    assert {tag.category for tag in captions.keyframes[0].tags} == {"colour", "thing"}
    assert [(n.code, n.text) for n in captions.notices] == [("model-notice", "tiny-clip: knows two colours")]
    other = tmp_path / "other.toml"
    other.write_text(vocabulary.read_text("utf-8").replace('"colour"', '"hue"'), "utf-8")
    (captions,) = run(VisionStage(context(model, other, min_probability=0.0)), item)
    assert {tag.category for tag in captions.keyframes[0].tags} == {"hue", "thing"}, "the lab's goes before"


def test_a_model_may_not_name_a_vocabulary_elsewhere(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    model = dataclasses.replace(clip, options={"vocabulary": str(vocabulary)})
    with pytest.raises(ModelError, match="outside its folder"):
        VisionStage(context(model))


def test_our_vocabulary_runs(tmp_path: Path, clip: StoredModel):
    (captions,) = run(VisionStage(context(clip)), post(tmp_path / "one", [RED]))
    assert captions.keyframes[0].keyframe == "K1"
    for tag in captions.keyframes[0].tags:
        assert tag.probability >= 0.15


def test_without_a_model_nothing_is_loaded_and_the_record_says_why(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from tests.stages.vision.test_vision_stage import *\n"
        f"stage = VisionStage(context(None)); (r,) = run(stage, post(Path({str(tmp_path)!r}) / 'one', [RED]))\n"
        "assert 'no CLIP weights' in r.skipped and 'valex models add' in r.skipped and not r.keyframes\n"
        "assert not {'torch', 'open_clip', 'torchvision'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_sound_alone_is_skipped(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    item = Item(Post(id="x"), tmp_path, {"media": Media(duration=3.0)})
    (captions,) = run(VisionStage(context(clip, vocabulary)), item)
    assert captions.skipped == "no video track"


def test_skipped_and_tagged_posts_share_a_batch(tmp_path: Path, clip: StoredModel, vocabulary: Path):
    stage = VisionStage(context(clip, vocabulary))
    silent = Item(Post(id="x"), tmp_path, {"media": Media(duration=3.0)})
    first, second = run(stage, silent, post(tmp_path / "one", [RED]))
    assert first.skipped
    assert len(second.keyframes) == 1


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_a_broken_keyframe_is_named(tmp_path: Path, clip: StoredModel, vocabulary: Path, content: bytes | None):
    item = post(tmp_path / "one", [RED])
    path = item.folder / "keyframes/K1.jpg"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match="keyframe") as caught:
        VisionStage(context(clip, vocabulary)).prepare(item)
    assert caught.value.path == str(path)


def test_a_wrong_vocabulary_stops_the_stage(tmp_path: Path, clip: StoredModel):
    path = tmp_path / "wrong.toml"
    path.write_text("format = 1", "utf-8")
    with pytest.raises(ConfigError, match="category"):
        VisionStage(context(clip, path))


def _without(name: str):
    return lambda folder: (folder / name).unlink()


def _configured(old: str, new: str):
    def change(folder: Path) -> None:
        path = folder / "open_clip_config.json"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def _cut(folder: Path) -> None:
    path = folder / "open_clip_model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


class _Evil:
    """An object whose unpickling leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self):
        return Path.touch, (self._trace,)


def test_weights_that_hold_code_are_refused_and_do_not_run(tmp_path: Path, vocabulary: Path):
    import torch

    model, trace = save_clip(tmp_path / "clip"), tmp_path / "trace"
    (model.folder / "open_clip_model.safetensors").unlink()
    torch.save({"positional_embedding": _Evil(trace)}, model.folder / "open_clip_pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        VisionStage(context(model, vocabulary))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without("open_clip_config.json"), "no open_clip_config.json"),
        (_without("open_clip_model.safetensors"), "no weights"),
        (_configured('{"model_cfg"', '{"other"'), "not the configuration"),
        (_configured('"embed_dim": 16', '"embed_dim": 24'), "cannot be loaded"),
        (_configured('"context_length"', '"hf_model_name": "x/y", "context_length"'), "from a hub"),
        (_configured('"context_length"', '"hf_tokenizer_name": "x/y", "context_length"'), "tokenizer.json is missing"),
        (
            _configured('"context_length"', '"tokenizer_kwargs": {"trust_remote_code": true}, "context_length"'),
            "run code",
        ),
        (_cut, "cannot be loaded"),
    ],
)
def test_a_wrong_directory_is_refused(tmp_path: Path, vocabulary: Path, change, said: str):
    model = save_clip(tmp_path / "clip")
    change(model.folder)
    with pytest.raises(ModelError) as caught:
        VisionStage(context(model, vocabulary))
    assert said in caught.value.what
    assert caught.value.hint


def test_a_tokenizer_with_more_words_than_the_model_is_refused(tmp_path: Path, vocabulary: Path):
    text = CONFIG["model_cfg"]["text_cfg"] | {"vocab_size": 100}
    model = save_clip(tmp_path / "clip", CONFIG | {"model_cfg": CONFIG["model_cfg"] | {"text_cfg": text}})
    with pytest.raises(ModelError, match="cannot be loaded"):
        VisionStage(context(model, vocabulary))


def test_an_unknown_engine_is_refused(clip: StoredModel, vocabulary: Path):
    with pytest.raises(ModelError, match="open_klip"):
        VisionStage(context(dataclasses.replace(clip, engine="open_klip"), vocabulary))
