"""CLIP: images in batches, compared with one by one; prepared while the model works, or before.

batched, prefetched threads prepare the next images while the model works on a batch, as in the vision stage
batched             a batch of images is prepared, then goes through the model
one, prefetched     threads prepare the next images while the model works on one
one                 an image is prepared, then goes through the model, then the next

The model has the shape of ViT-B-32, or on a GPU that of ViT-L-14, and random weights: its cost does not depend on its
training. It is made here and loaded as a lab's own model would be. The images are noise of the size of keyframes, in
JPEG files.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.environment import Environment
from benchmarks.measure import Measurement, interleaved
from benchmarks.results import Check, Result
from valex_local.settings import MediaSettings
from valex_local.stages.media.keyframes import JPEG_QUALITY
from valex_local.store import StoredModel

if TYPE_CHECKING:
    import torch

    from valex_local.stages.vision.openclip import OpenClip

OURS, BATCHED, ONE_PREFETCHED, ONE = "batched, prefetched", "batched", "one, prefetched", "one"
ARCH = {"cpu": "ViT-B-32", "cuda": "ViT-L-14"}
BAR = 1.0
"""Batches need not be faster, but must not be slower."""
DIFFERENCE = {"cpu": 1e-5, "cuda": 1e-2}
PICTURES, QUICK_PICTURES = {"cpu": 48, "cuda": 512}, {"cpu": 12, "cuda": 64}
MOST_JOBS = 4


@dataclass(frozen=True)
class ClipResult:
    """The result of one way: vectors, (images, size), and the fraction of its time in which the model waited."""

    vectors: torch.Tensor
    waited: float


def clip(env: Environment) -> Result:
    """Return the measurements of all ways."""
    from valex_local.stages.vision.openclip import OpenClip

    kind = env.device.kind
    paths = make_pictures((QUICK_PICTURES if env.quick else PICTURES)[kind], env.scratch)
    clip = OpenClip(make_model(ARCH[kind], env.scratch / "model"), env.device)
    size, jobs = clip.image_batch_size, max(1, min(MOST_JOBS, env.device.threads))
    ways = {OURS: (size, jobs), BATCHED: (size, 0), ONE_PREFETCHED: (1, jobs), ONE: (1, 0)}
    for batch in (size, 1):
        encode_images(clip, paths[:batch], size=batch, jobs=0)
    found = interleaved(
        {name: partial(encode_images, clip, paths, size=batch, jobs=jobs) for name, (batch, jobs) in ways.items()},
        rounds=env.rounds,
    )
    facts = {
        "model": ARCH[kind],
        "pictures": len(paths),
        "image_batch_size": size,
        "threads_that_prepare": jobs,
        "pictures_per_second": {name: round(len(paths) / way.cost.wall, 2) for name, way in found.items()},
        "share_of_time_the_model_waits": {name: round(way.output.waited, 3) for name, way in found.items()},
    }
    return Result("clip", {name: way.cost for name, way in found.items()}, checks(found, env), facts)


def checks(found: Mapping[str, Measurement[ClipResult]], env: Environment) -> tuple[Check, ...]:
    """Return the ratios, and a check that all ways give the same vectors."""
    first = found[ONE].output.vectors
    most = max(float((way.output.vectors - first).abs().max()) for way in found.values())
    cpu = Check("CPU time, one by one / batched", found[ONE].cost.cpu / found[OURS].cost.cpu, BAR)
    wall = Check("wall time, one by one / batched", found[ONE].cost.wall / found[OURS].cost.wall, BAR)
    near = Check("largest difference of a number of a vector", most, DIFFERENCE[env.device.kind], "at most")
    if env.device.kind == "cuda":
        return (wall, near)
    return (cpu, near) if env.quick else (cpu, wall, near)


# --- what is measured -------------------------------------------------------------------------------------------------


def make_model(arch: str, folder: Path) -> StoredModel:
    """Return a model with random weights in a shape that open_clip knows, saved as in the store.

    Its text encoder has only one layer, since no texts go through it here.
    """
    import open_clip
    import torch
    from safetensors.torch import save_file

    shape = open_clip.get_model_config(arch)
    shape["text_cfg"]["layers"] = 1
    torch.manual_seed(0)
    model = open_clip.CLIP(**shape)
    folder.mkdir()
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": shape, "preprocess_cfg": {}}))
    return StoredModel(id=arch.lower(), role="clip", engine="open_clip", folder=folder, digest="0" * 64)


def make_pictures(count: int, folder: Path) -> list[Path]:
    """Return the paths of written keyframes of portrait videos: coarse noise, so that the files have a typical size."""
    from PIL import Image

    random = np.random.default_rng(0)
    tall = MediaSettings().keyframe_max_side
    paths = [folder / f"K{number}.jpg" for number in range(1, count + 1)]
    for path in paths:
        noise = random.integers(0, 256, (48, 27, 3), np.uint8)
        Image.fromarray(noise).resize((tall * 9 // 16, tall)).save(path, quality=JPEG_QUALITY)
    return paths


# --- ways -------------------------------------------------------------------------------------------------------------


def encode_images(clip: OpenClip, paths: Sequence[Path], *, size: int, jobs: int) -> ClipResult:
    """Return the vectors of all images.

    Parameters
    ----------
    clip : OpenClip
        The model.
    paths : sequence of Path
        The images.
    size : int
        Images per batch.
    jobs : int
        Threads that prepare images while the model works; 0 prepares them before.

    Returns
    -------
    ClipResult
        The vectors, and how long the model waited.
    """
    import torch

    clip.image_batch_size = size
    vectors: list[torch.Tensor] = []
    begin, busy = time.perf_counter(), 0.0
    for batch in _batches(clip, paths, size=size, jobs=jobs):
        since = time.perf_counter()
        vectors.append(clip.images(batch))
        busy += time.perf_counter() - since
    return ClipResult(torch.cat(vectors), 1 - busy / (time.perf_counter() - begin))


def _batches(clip: OpenClip, paths: Sequence[Path], *, size: int, jobs: int) -> Iterator[list[torch.Tensor]]:
    """Yield prepared images in batches."""
    if jobs == 0:
        for at in range(0, len(paths), size):
            yield [_prepared(clip, path) for path in paths[at : at + size]]
        return
    with ThreadPoolExecutor(jobs) as pool:
        waiting, ahead = iter(paths), deque[Future["torch.Tensor"]]()
        while True:
            while len(ahead) < 2 * size + jobs and (path := next(waiting, None)) is not None:
                ahead.append(pool.submit(_prepared, clip, path))
            if not ahead:
                return
            yield [ahead.popleft().result() for _ in range(min(size, len(ahead)))]


def _prepared(clip: OpenClip, path: Path) -> torch.Tensor:
    """Return the model's input for an image."""
    from PIL import Image

    with Image.open(path) as image:
        return clip.preprocess(image.convert("RGB"))
