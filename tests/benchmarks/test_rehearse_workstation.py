"""benchmarks/rehearse_workstation.py: its shapes are those of the real models, and a tiny rehearsal goes through."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import rehearse_workstation as rehearsal
from tests import commands
from tests.clips import Scene, make_clip, tone
from valex_local.store import Store, StoredModel

ROOT = Path(__file__).resolve().parents[2]


def sizes(model_id: str) -> dict[str, int]:
    return {file.name: file.size for file in Store().built_in[model_id].files if file.size is not None}


def test_clip_has_the_shape_of_the_real_one():
    import open_clip

    assert open_clip.get_model_config("ViT-L-14-quickgelu") == rehearsal.VIT_L_14
    assert rehearsal.REAL.clip is rehearsal.FULL.clip is rehearsal.VIT_L_14


@pytest.mark.parametrize(("shapes", "model"), [("REAL", "whisper-large-v3-turbo"), ("FULL", "whisper-large-v3")])
def test_whisper_has_the_bytes_of_the_real_one(shapes: str, model: str):
    import torch
    import transformers

    config = rehearsal.random_models.whisper_config(getattr(rehearsal, shapes).whisper, tokens=51866)
    with torch.device("meta"):
        network = transformers.WhisperModel(config)
    numbers = sum(p.numel() for p in network.parameters())
    assert 2 * numbers == pytest.approx(sizes(model)["model.bin"], rel=0.001)


def test_roberta_has_355_million_numbers():
    import torch
    import transformers

    with torch.device("meta"):
        network = transformers.RobertaModel(rehearsal.random_models.roberta_config(rehearsal.REAL.labels))
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(355.4e6, rel=0.001)


def test_the_language_model_has_the_bytes_of_the_one_that_the_profile_names():
    vlm, shape = rehearsal.random_vlm, rehearsal.FULL.vlm
    text, sight = sorted(sizes("qwen3-vl-8b-instruct").values(), reverse=True)
    layer = sum(map(math.prod, vlm._text_layer(shape).values()))
    ends = 2 * shape.vocabulary * shape.text.width
    assert (shape.text.layers * layer + ends) * 34 / 32 == pytest.approx(text, rel=0.01)
    layer = sum(map(math.prod, vlm._vision_layer(shape.vision).values()))
    ends = sum(map(math.prod, vlm._vision_ends(shape).values()))
    assert (shape.vision.layers * layer + ends) * 2 == pytest.approx(sight, rel=0.02)


def test_what_is_left_out_is_made_up_for():
    found = rehearsal.models(rehearsal.TINY, "transformers", ["asr"])
    assert [model.role for model in found] == ["clip", "labels", "llm"]
    assert found[-1].arguments[-1] == "transformers"
    assert rehearsal.WITHOUT["asr"] == ["models.asr=whisper-base-ct2"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "precious").touch()
    with pytest.raises(SystemExit, match="not empty"), rehearsal.work_folder(tmp_path, 0.1):
        pass
    with pytest.raises(SystemExit, match="are needed"), rehearsal.work_folder(tmp_path / "new", 1e9):
        pass


@pytest.mark.slow
def test_a_tiny_rehearsal_goes_through_and_leaves_nothing(
    stored_model: Callable[[str], StoredModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    """The run in a process of its own; the models are added in this one."""
    stored_model("ppocrv6")
    pytest.importorskip("llama_cpp")
    own_process = rehearsal.valex

    def valex(root: Path, *arguments: str, facts: Path | None = None) -> None:
        if facts:
            own_process(root, *arguments, facts=facts)
        else:
            done = commands.valex(*arguments, VALEX_MODELS=str(root / "store"))
            assert done.returncode == 0, done.stderr

    for folder in ("clips", "scratch"):
        (tmp_path / folder).mkdir()
    make_clip(tmp_path / "clips" / "a.mp4", (Scene(1.5), Scene(1.5, pattern=1)), audio=tone(3.0))
    monkeypatch.setattr(rehearsal, "valex", valex)
    monkeypatch.setattr(rehearsal, "CLIPS", tmp_path / "clips")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.setattr(sys, "argv", ["rehearse_workstation", *["--tiny", "--clips", "1", "--device", "cpu"]])
    rehearsal.main()
    printed = capfd.readouterr().out
    assert not list((tmp_path / "scratch").glob("rehearsal-*"))
    lines = printed[printed.index("step   ") :].splitlines()
    table = {line.split()[0]: line for line in lines[1:] if "cpu" in line.split()}
    assert list(table) == [
        "media", "speech", "speakers", "ocr", "vision", "script.template", "script.local",
        "grounding.template", "grounding.local",
        "labels.template.fewshot", "labels.local.fewshot", "labels.template.encoder", "labels.local.encoder",
    ]  # fmt: skip
    assert "Q8_0" in table["script.local"] and "(4 pictures)" in table["vision"]
    for step in ("speech", "vision", "grounding.local", "labels.local.encoder"):
        assert "float32" in table[step]
    assert "words, tags, scripts and labels are noise" in lines[-1]
