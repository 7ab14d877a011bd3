"""The stage on a tiny model with random weights: what is scored against what, and what the records say."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.stages.grounding.posts import LINES, SAID, action, media, post, scene, script
from valex_local.errors import ConfigError, InputError
from valex_local.records import Grounding, Media
from valex_local.settings import make_settings
from valex_local.stages.base import Context, Item
from valex_local.stages.grounding import GroundingStage
from valex_local.stages.grounding.reference_lines import read_reference_lines
from valex_local.stages.setting_files import setting_file
from valex_local.stages.vision.openclip import OpenClip
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 2)


def context(clip: StoredModel | None, variant: str = "local", **grounding: object) -> Context:
    models = {} if clip is None else {"clip": clip}
    return Context(make_settings({"grounding": grounding}), models, CPU, variant)


def run(stage: GroundingStage, *items: Item) -> list[Grounding]:
    outputs = stage([stage.prepare(item) for item in items])
    assert all(not output.files for output in outputs)
    return [output.record for output in outputs]


def small(folder: Path, seed: int, lines: int = 3) -> Item:
    written = script(*(scene(SAID, action(LINES[(i + seed) % 4], f"K{i % 2 + 1}")) for i in range(lines)))
    return post(folder, media(1.0, 9.0, 20.0), written, seed=seed)


def test_the_scores_are_those_of_open_clip_itself(tmp_path: Path, clip: StoredModel):
    import open_clip
    import torch

    written = script(
        scene(SAID, action(LINES[0], "K1"), action(LINES[1], "K1", "K2")), scene(action(LINES[2]), start=15, end=30)
    )
    item = post(tmp_path / "one", media(1.0, 9.0, 20.0), written)
    stage = GroundingStage(context(clip))
    (record,) = run(stage, item)
    stage.close()

    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{clip.folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{clip.folder}")
    model.eval()
    ours = read_reference_lines(setting_file(make_settings({}), "grounding", "lines"))
    with torch.inference_mode():
        stills = [transform(Image.open(item.folder / f"keyframes/K{n}.jpg").convert("RGB")) for n in (1, 2, 3)]
        pictures = model.encode_image(torch.stack(stills), normalize=True)
        lines = (model.encode_text(tokenizer(list(LINES[:3])), normalize=True) @ pictures.T).numpy()
        chance = (model.encode_text(tokenizer(list(ours)), normalize=True) @ pictures.T).numpy()

    assert record.skipped is None
    assert record.chance_lines == len(ours)
    where = [(line.scene, line.element, line.rests_on, line.keyframes) for line in record.lines]
    assert where == [(1, 2, "named", ("K1",)), (1, 3, "named", ("K1", "K2")), (2, 1, "time", ("K3",))]
    for line, own, places in zip(record.lines, lines, ([0], [0, 1], [2]), strict=True):
        others = chance[:, places].max(axis=1)
        assert line.best == f"K{places[own[places].argmax()] + 1}"
        assert line.similarity == pytest.approx(own[places].max(), abs=2e-4)
        assert line.percentile == pytest.approx((others < own[places].max()).mean(), abs=0.01)
        assert line.z == pytest.approx((own[places].max() - others.mean()) / others.std(), abs=0.01)
        assert line.below_chance == (line.percentile < 0.5)
    percentiles = [(chance[:, k] < lines[rows, k].max()).mean() for k, rows in enumerate(([0, 1], [1], [2]))]
    assert [(k.keyframe, k.lines) for k in record.keyframes] == [("K1", 2), ("K2", 1), ("K3", 1)]
    for keyframe, share in zip(record.keyframes, percentiles, strict=True):
        assert keyframe.above_chance == pytest.approx(share**keyframe.lines, abs=0.02)
        assert keyframe.spoken_of == (keyframe.above_chance >= 0.9)


def test_the_figures_count_what_the_record_lists(tmp_path: Path, clip: StoredModel):
    written = script(scene(action(LINES[0], "K1"), action(LINES[1]), SAID), scene(action(LINES[2])))
    item = post(tmp_path / "one", media(1.0, 9.0), written)
    (record,) = run(GroundingStage(context(clip, spoken_of=0.2)), item)
    own = record.figures
    assert (own.lines, own.without_keyframes, own.keyframes) == (3, 2, 2)
    assert own.below_chance == sum(line.below_chance for line in record.lines)
    assert own.mean_percentile == pytest.approx(np.mean([line.percentile for line in record.lines]), abs=1e-4)
    assert own.spoken_of == sum(keyframe.spoken_of for keyframe in record.keyframes)


def test_thresholds_are_settings(tmp_path: Path, clip: StoredModel):
    item = small(tmp_path / "one", 0)
    (strict,) = run(GroundingStage(context(clip, below_chance=1.0, spoken_of=1.0)), item)
    (lax,) = run(GroundingStage(context(clip, below_chance=0.0, spoken_of=0.0)), item)
    assert strict.figures.below_chance == sum(line.percentile < 1 for line in strict.lines)
    assert lax.figures.below_chance == 0
    assert [k.spoken_of for k in lax.keyframes] == [True, True, False], "no line is compared with the last"
    assert [line.percentile for line in lax.lines] == [line.percentile for line in strict.lines]


def test_records_do_not_depend_on_the_batch(tmp_path: Path, clip: StoredModel):
    items = [small(tmp_path / str(n), n, lines=n % 4) for n in range(7)]
    stage = GroundingStage(context(clip))
    alone = [run(stage, item)[0].to_json() for item in items]
    assert [record.to_json() for record in run(stage, *items)] == alone
    assert [record.to_json() for record in run(stage, *reversed(items))] == alone[::-1]


def test_pictures_and_texts_go_through_the_model_once(tmp_path: Path, clip: StoredModel, monkeypatch):
    asked: dict[str, list[int]] = {"images": [], "texts": []}
    for name, sizes in asked.items():
        method = getattr(OpenClip, name)

        def counting(self, given, sizes=sizes, method=method):
            sizes.append(len(given))
            return method(self, given)

        monkeypatch.setattr(OpenClip, name, counting)
    stage = GroundingStage(context(clip))
    before = len(asked["texts"])
    run(stage, *(small(tmp_path / str(n), n) for n in range(4)))
    assert asked["images"] == [12], "the keyframes of four posts together"
    assert asked["texts"][before:] == [8, 8], "four different lines, filled up, and once more to see which are cut"


def test_the_vectors_of_the_lines_by_chance_are_kept(tmp_path: Path, clip: StoredModel, monkeypatch):
    kept = dataclasses.replace(clip, cache=tmp_path / ".cache")
    (first,) = run(GroundingStage(context(kept)), small(tmp_path / "one", 0))
    asked = []
    texts = OpenClip.texts
    monkeypatch.setattr(OpenClip, "texts", lambda self, given: asked.append(len(given)) or texts(self, given))
    (again,) = run(GroundingStage(context(kept)), small(tmp_path / "one", 0))
    assert again == first
    assert max(asked) < 20


def test_lines_of_ones_own(tmp_path: Path, clip: StoredModel):
    path = tmp_path / "lines.toml"
    path.write_text(f"format = 1\nlines = {[f'the number {n}' for n in range(40)]}")
    (record,) = run(GroundingStage(context(clip, lines=str(path))), small(tmp_path / "one", 0))
    assert record.chance_lines == 40
    path.write_text("format = 1\nlines = []")
    with pytest.raises(ConfigError, match="lines"):
        GroundingStage(context(clip, lines=str(path)))


def test_a_script_without_action_lines_speaks_of_nothing(tmp_path: Path, clip: StoredModel):
    item = post(tmp_path / "one", media(1.0, 9.0), script(scene(SAID)))
    (item.folder / "keyframes/K1.jpg").unlink()  # no picture is needed
    (record,) = run(GroundingStage(context(clip)), item)
    assert record.skipped is None
    assert record.lines == ()
    assert record.figures.mean_percentile is None
    assert [(k.lines, k.above_chance, k.spoken_of) for k in record.keyframes] == [(0, None, False)] * 2


def test_what_cannot_be_scored_says_why_and_shares_a_batch(tmp_path: Path, clip: StoredModel):
    sound = Item(small(tmp_path / "a", 0).post, tmp_path, {"media": Media(duration=3.0), "script.local": script()})
    none = script().model_copy(update={"skipped": "the model was silent"})
    lost = post(tmp_path / "b", media(1.0), none)
    first, second, third = run(GroundingStage(context(clip)), sound, lost, small(tmp_path / "c", 1))
    assert first.skipped == "no video track"
    assert second.skipped == "there is no script: the model was silent"
    assert len(third.lines) == 3


def test_without_a_model_nothing_is_loaded_and_the_record_says_what_vision_says(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from tests.stages.grounding.test_grounding_stage import *\n"
        "from valex_local.stages.vision import VisionStage\n"
        f"item = small(Path({str(tmp_path)!r}) / 'one', 0)\n"
        "for module in ('torch', 'open_clip', 'torchvision'): assert module not in sys.modules, module\n"
        "(record,) = run(GroundingStage(context(None)), item)\n"
        "(captions,) = run(VisionStage(context(None)), item)\n"
        "assert record.skipped == captions.skipped and 'no CLIP weights' in record.skipped and not record.lines\n"
        "for module in ('torch', 'open_clip', 'torchvision'): assert module not in sys.modules, module\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_a_broken_keyframe_is_named(tmp_path: Path, clip: StoredModel):
    item = small(tmp_path / "one", 0)
    path = item.folder / "keyframes/K2.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="keyframe") as caught:
        GroundingStage(context(clip)).prepare(item)
    assert caught.value.path == str(path)


# --- what a reader must know ----------------------------------------------------------------------------------------


def codes(record: Grounding) -> list[str]:
    return [notice.code for notice in record.notices]


def test_lines_longer_than_the_model_reads_are_told(tmp_path: Path, clip: StoredModel):
    long = "A man with a hat and a woman with a dog walk along a very long street and talk to each other loudly."
    item = post(tmp_path / "one", media(1.0), script(scene(action(long, "K1"))))
    (record,) = run(GroundingStage(context(clip)), item)  # this model reads 16 tokens
    assert codes(record) == ["lines-cut"]
    fitting = " ".join(long.split()[:13])  # and the marks of start and end are two of them
    (record,) = run(GroundingStage(context(clip)), post(tmp_path / "b", media(1.0), script(scene(action(fitting)))))
    assert codes(record) == []


@pytest.mark.parametrize(
    ("language", "by", "told"),
    [
        ("de", "llm", True),
        ("de", "import", True),
        ("de", "template", False),
        ("en", "llm", False),
        (None, "llm", False),
    ],
)
def test_another_language_is_told(tmp_path: Path, clip: StoredModel, language: str | None, by: str, told: bool):
    written = script(scene(action("Ein Hund.", "K1"), by=by), language=language)
    (record,) = run(GroundingStage(context(clip)), post(tmp_path / "one", media(1.0), written))
    assert codes(record) == ["language-not-covered"] * told
    assert all("de" in notice.text for notice in record.notices)


def test_a_model_may_say_what_it_is(tmp_path: Path, clip: StoredModel):
    toy = dataclasses.replace(clip, options={"notice": "a toy"})
    (record,) = run(GroundingStage(context(toy)), small(tmp_path / "one", 0))
    assert [(n.code, n.text) for n in record.notices] == [("model-notice", "tiny-clip: a toy")]
