#!/usr/bin/env python3
"""Try the profile workstation on the demo clips, with models of the real shapes and random weights.

    python -m benchmarks.rehearse_workstation [--tiny | --full] [--engine ENGINE] [--device DEVICE] [--clips N]
        [--without ROLE]... [--set KEY=VALUE]... [--keep FOLDER]

It writes the models, adds them to a store of its own with `valex models add`, and calls `valex run --profile
workstation`: this tests loading, number formats, memory and batches before anybody downloads the real weights. Then a
table shows the cost of each step. All words and labels are noise. Everything is in a temporary folder, which is removed
afterwards unless --keep names one.

          Whisper               CLIP       labels           language model                      disk
--tiny    2 layers              2 layers   2 layers         2 layers                            0.1 GB
          large-v3-turbo        ViT-L-14   RoBERTa-large    Qwen3-VL-2B, Q8_0 and float16       8 GB
--full    large-v3              ViT-L-14   RoBERTa-large    Qwen3-VL-8B, as the profile names   17 GB

The OCR model is the real one, from your own store. The amount of noise is limited: Whisper writes 64 tokens for each
window of audio, the language model `script.llm.max_tokens` for each scene, twice, and some 400 for the labels of each
script. On a CPU the language model takes minutes per clip: `--without llm`, `--clips 1`, `--set
script.llm.max_tokens=192` or `--set 'labels.routes=["encoder"]'` shorten that. The extras llm and dev are required.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import random_models, random_vlm
from benchmarks.random_models import WhisperShape
from benchmarks.random_vlm import Part, VlmShape
from valex_local.settings import Settings
from valex_local.store import Store, StoredModel
from valex_local.system.devices import Device
from valex_local.system.hugging_face import quiet

CLIPS = random_models.ROOT / "models" / "demo" / "clips"
GIB = 1 << 30
VLM_ENGINES = {"llama_cpp": random_vlm.save_gguf, "transformers": random_vlm.save_hugging_face}
WITHOUT = {"asr": ["models.asr=whisper-base-ct2"], "llm": ['script.variants=["template"]', 'labels.routes=["encoder"]']}
"""Roles that can be left out, and the settings for a run without them; Whisper base is taken from the user's store."""

NOISE = (
    "labels.keep_silent=true", "speech.min_avg_logprob=-100", "speech.max_compression=1000", "speech.max_no_speech=1",
    "speech.min_voice=0", "labels.fewshot.context=16384",
)  # fmt: skip
"""Settings with which noise counts as words, so that later steps have something to do, and with which the few-shot
prompt fits: for these models nearly every letter is a token."""


@dataclass(frozen=True)
class Shapes:
    """The shapes of all models, the disk space they take in gigabytes, and settings to use with them."""

    whisper: WhisperShape
    clip: dict[str, Any]
    labels: dict[str, int]
    vlm: VlmShape
    disk: float
    settings: tuple[str, ...] = ()


VIT_L_14: dict[str, Any] = {
    "embed_dim": 768, "quick_gelu": True,
    "vision_cfg": {"image_size": 224, "layers": 24, "width": 1024, "patch_size": 14},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 768, "heads": 12, "layers": 12},
}  # fmt: skip
REAL = Shapes(
    WhisperShape(encoder=32, decoder=4, width=1280, heads=20),
    VIT_L_14,
    {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    VlmShape(
        Part(28, 2048, 16, 6144), Part(24, 1024, 16, 4096), kv_heads=8, head=128, deepstack=(5, 11, 17), tied=True
    ),
    disk=8,
)
FULL = replace(
    REAL,
    whisper=WhisperShape(encoder=32, decoder=32, width=1280, heads=20),
    vlm=VlmShape(Part(36, 4096, 32, 12288), Part(27, 1152, 16, 4304), kv_heads=8, head=128, deepstack=(8, 16, 24)),
    disk=17,
)
TINY = Shapes(
    WhisperShape(encoder=2, decoder=2, width=64, heads=2),
    {
        "embed_dim": 16, "quick_gelu": True,
        "vision_cfg": {"image_size": 224, "layers": 2, "width": 64, "head_width": 32, "patch_size": 14},
        "text_cfg": VIT_L_14["text_cfg"] | {"width": 16, "heads": 2, "layers": 2},
    },
    {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128},
    VlmShape(Part(2, 64, 2, 128), Part(2, 32, 2, 64), kv_heads=2, head=32, deepstack=(0,), vocabulary=0),
    disk=0.1,
    settings=("ocr.fps=1",),
)  # fmt: skip


# --- models ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """A model to add: its role, the function that saves it, and arguments of `valex models add`."""

    role: str
    save: Callable[[Path], None]
    arguments: tuple[str, ...] = ()


def models(shapes: Shapes, engine: str, without: Sequence[str]) -> list[Model]:
    """Return the models of a rehearsal.

    Parameters
    ----------
    shapes : Shapes
        Their shapes.
    engine : str
        Engine of the language model.
    without : sequence of str
        Roles to leave out.

    Returns
    -------
    list of Model
        The models.
    """
    found = [
        Model("asr", partial(random_models.save_whisper, shape=shapes.whisper)),
        Model("clip", partial(random_models.save_clip, shape=shapes.clip)),
        Model("labels", partial(random_models.save_labels, shape=shapes.labels)),
        Model("llm", partial(VLM_ENGINES[engine], shape=shapes.vlm), ("--role", "llm", "--engine", engine)),
    ]
    return [model for model in found if model.role not in without]


def add_models(root: Path, wanted: Sequence[Model], without: Sequence[str]) -> list[str]:
    """Save the models and add them to a store of their own.

    Parameters
    ----------
    root : Path
        The folder of the rehearsal, in which the store is.
    wanted : sequence of Model
        The models.
    without : sequence of str
        Roles left out.

    Returns
    -------
    list of str
        The settings that name the models.
    """
    for borrowed in ["ppocrv6", "resemblyzer", *(["whisper-base-ct2"] if "asr" in without else [])]:
        valex(root, "models", "add", str(Store().root / borrowed), "--id", borrowed)
    settings = []
    for model in wanted:
        folder = root / "made" / model.role
        folder.mkdir(parents=True)
        start = time.perf_counter()
        with quiet():
            model.save(folder)
        made = time.perf_counter()
        size = sum(path.stat().st_size for path in folder.iterdir())
        name = f"random-{model.role}"
        more = ("--licence", "none", "--origin", "random numbers", "--link")
        valex(root, "models", "add", str(folder), "--id", name, *model.arguments, *more)
        shutil.rmtree(folder)  # the store has its own links
        took = f"written in {made - start:.0f} s, added in {time.perf_counter() - made:.0f} s"
        print(f"{name}: {size / 1e9:.2f} GB, {took}", flush=True)
        settings.append(f"models.{model.role}={name}")
    return settings


# --- the run --------------------------------------------------------------------------------------------------------


def valex(root: Path, *arguments: str, facts: Path | None = None) -> None:
    """Run the command line in a separate process.

    Parameters
    ----------
    root : Path
        The folder of the rehearsal, in which the store is.
    *arguments : str
        Arguments of the command line.
    facts : Path, optional
        File to which the process writes what each stage loads.
    """
    called = (
        ["-m", "benchmarks.rehearse_workstation", "--watch", str(facts)]
        if facts
        else ["-c", "from valex_local.cli import main; main()"]
    )
    environment = os.environ | {"VALEX_MODELS": str(root / "store")}
    done = subprocess.run([sys.executable, *called, *arguments], env=environment, check=False)
    if done.returncode:
        sys.exit(f"valex {' '.join(arguments[:2])} ended with {done.returncode}")


def run_and_note(facts: Path, arguments: list[str]) -> None:
    """Run the command line and write facts about the stage of every step once it is loaded."""
    from valex_local.cli import main as command_line
    from valex_local.pipeline.plan import Step
    from valex_local.stages.base import Stage

    load = Step.load

    def load_and_note(step: Step, settings: Settings, models: Mapping[str, StoredModel], device: Device) -> Stage:
        stage = load(step, settings, models, device)
        found = list(parts(stage, set()))
        images = next((int(part.image_batch_size) for part in found if hasattr(part, "image_batch_size")), None)
        weights = sorted({kind for part in found if (kind := number_format(part))})
        sizes = {"batch": stage.batch_size, "image_batch_size": images}
        line = {**sizes, "weights": weights, "device": device.kind}
        with facts.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step.name, **line}) + "\n")
        return stage

    Step.load = load_and_note  # type: ignore[method-assign, assignment]
    sys.argv = ["valex", *arguments]
    command_line()


def parts(thing: Any, seen: set[int]) -> Iterator[Any]:
    """Yield a stage and the objects it consists of, down to those of other libraries."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    yield thing
    if isinstance(thing, list | tuple):
        inner: Sequence[Any] = thing
    elif type(thing).__module__.partition(".")[0] in ("valex_local", "faster_whisper"):
        inner = list(getattr(thing, "__dict__", {}).values())
    else:
        inner = ()
    for part in inner:
        yield from parts(part, seen)


def number_format(part: Any) -> str | None:
    """Return the number format of weights; None for objects without weights."""
    match f"{type(part).__module__}.{type(part).__name__}".split("."):
        case ["ctranslate2", *_, "Whisper"]:
            return str(part.compute_type)
        case ["llama_cpp", *_, "Llama"]:
            import gguf

            return gguf.LlamaFileType(int(part.metadata["general.file_type"])).name.removeprefix("MOSTLY_")
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(part, torch.nn.Module):
        return str(next(part.parameters()).dtype).removeprefix("torch.")
    return None


# --- results ----------------------------------------------------------------------------------------------------------


def rows(study: Path, facts: Path) -> list[list[str]]:
    """Return a row for every step of a run, from its log and the facts noted."""
    noted = {fact["step"]: fact for fact in map(json.loads, facts.read_text("utf-8").splitlines())}
    logs = sorted((study / "logs").glob("*.jsonl"))
    lines = [json.loads(line) for log in logs for line in log.read_text("utf-8").splitlines()]
    found = []
    fact: dict[str, Any] = {}
    for line in (line for line in lines if line["event"] == "execute"):
        fact = noted.get(line["step"], fact)  # a step that shares its models with the one before loads none
        batch = str(fact["batch"]) + (f" ({fact['image_batch_size']} pictures)" if fact["image_batch_size"] else "")
        vram = "-" if line["peak_vram"] is None else f"{line['peak_vram'] / GIB:.1f}"
        times = [f"{line[key]:.1f}" for key in ("load_seconds", "seconds", "cpu_seconds")]
        weights = ", ".join(fact["weights"]) or "-"
        memory = [f"{line['peak_rss'] / GIB:.1f}", vram]
        found.append([line["step"], str(line["posts"]), batch, fact["device"], weights, *times, *memory])
    return found


def show(table: Sequence[Sequence[str]], study: Path) -> None:
    """Print the table, and how many tokens the language model read and wrote."""
    heads = ["step", "posts", "batch", "device", "weights", "load s", "s", "CPU s", "RSS GiB", "VRAM GiB"]
    widths = [max(len(row[at]) for row in (heads, *table)) for at in range(len(heads))]
    for row in (heads, *table):
        cells = [c.rjust(w) if at > 4 else c.ljust(w) for at, (c, w) in enumerate(zip(row, widths, strict=True))]
        print("  ".join(cells).rstrip())
    for path in sorted(study.glob("posts/*/script.local.json")):
        script = json.loads(path.read_text("utf-8"))
        figures, scenes = script["figures"], len(script["scenes"])
        print(
            f"{path.parent.name}: the language model read {figures['prompt_tokens']} tokens and wrote "
            f"{figures['output_tokens']}; {figures['scenes_fallen_back']} of {scenes} scenes were left to the template"
        )
    print("s includes loading. CLIP computes in float16 on a GPU.")
    print("All weights were random: words, tags, scripts and labels are noise.")


@contextmanager
def work_folder(keep: Path | None, least: float) -> Iterator[Path]:
    """Yield an empty folder with enough disk space, gigabytes; it is removed afterwards unless the user named it."""
    with TemporaryDirectory(prefix="rehearsal-") as temporary:
        folder = Path(temporary) if keep is None else keep
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            sys.exit(f"{folder} is not empty")
        free = shutil.disk_usage(folder).free / 1e9
        if free < least * 1.1:
            sys.exit(f"{folder} has {free:.1f} GB free, but {least * 1.1:.1f} are needed; set TMPDIR or --keep")
        yield folder


def main() -> None:
    """Run the rehearsal and print its cost."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    size = options.add_mutually_exclusive_group()
    size.add_argument("--tiny", action="store_const", const=TINY, dest="shapes", help="few layers, small widths")
    size.add_argument("--full", action="store_const", const=FULL, dest="shapes", help="the sizes of the profile itself")
    options.add_argument("--engine", choices=VLM_ENGINES, default="llama_cpp", help="of the language model")
    options.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options.add_argument("--clips", type=int, default=3, metavar="N", help="how many of the demo clips (default 3)")
    options.add_argument("--without", choices=WITHOUT, action="append", default=[], help="leave a model out")
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the run")
    options.add_argument("--keep", type=Path, metavar="FOLDER", help="leave store and study in this folder")
    given = options.parse_args()
    shapes: Shapes = given.shapes or REAL
    with work_folder(given.keep, shapes.disk) as folder:
        study, facts = folder / "study", folder / "loaded.jsonl"
        named = add_models(folder, models(shapes, given.engine, given.without), given.without)
        absent = [setting for role in given.without for setting in WITHOUT[role]]
        settings = [*NOISE, *shapes.settings, *named, *absent, *given.set]
        clips = sorted(map(str, CLIPS.glob("*.mp4")))[: given.clips]
        pairs = [word for setting in settings for word in ("--set", setting)]
        where = ("-s", str(study), "--profile", "workstation", "--device", given.device)
        valex(folder, "run", *clips, *where, *pairs, facts=facts)
        show(rows(study, facts), study)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        run_and_note(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
