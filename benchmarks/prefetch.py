"""Prefetching: videos decoded while the model works, compared with one after the other.

ahead         the executor as it is: a thread decodes the next video while the model reads this one
in turn       the same executor, but each video is decoded only when the model is to read it
decode alone  every video is decoded, nothing is read
model alone   every video is read, from frames decoded beforehand

The stage is ocr, in which both parts cost about the same; its model has one thread, so that on two cores one is left
for decoding. The model is loaded beforehand, once for all ways. While the first video is decoded the model has nothing
to do; the more videos, the less that matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.clips import make_clips
from benchmarks.environment import Environment
from benchmarks.measure import ROUNDS, Measurement, interleaved
from benchmarks.results import Check, Result
from benchmarks.runs import share_equal
from valex_local.errors import ValexError
from valex_local.pipeline.executor import Job
from valex_local.pipeline.local_executor import LocalExecutor
from valex_local.pipeline.plan import Step, plan
from valex_local.pipeline.progress import NullProgress
from valex_local.posts import discover
from valex_local.records import Media
from valex_local.settings import Settings, make_settings
from valex_local.stages.base import Context, Item, Output, Stage
from valex_local.stages.media.stage import read_media
from valex_local.stages.ocr.stage import FrameStream, OcrStage
from valex_local.store import StoredModel
from valex_local.study import Study
from valex_local.system.devices import Device

AHEAD, IN_TURN, DECODE, MODEL = "prefetch", "in turn", "decode alone", "model alone"
WALL_BAR, CPU_BAR = 1.15, 1.05
CLIPS, QUICK_CLIPS = (10, 15.0), (3, 6.0)
"""Number of clips, and seconds of each."""

Records = Mapping[str, bytes]


def prefetch(env: Environment) -> Result:
    """Return the measurements of all ways.

    Raises
    ------
    ModelError
        The profile's OCR model is not in the store.
    InputError
        A video cannot be read.
    """
    settings = make_settings({"work": {"jobs": 1}})
    models = env.store.resolve(env.profile, {}, needed=["ocr"])
    device = replace(env.device, kind="cpu", threads=1)
    stage = OcrStage(Context(settings, models, device))
    study = make_study(env, settings)
    checksums = study.checksums()
    step = next(step for step in plan(settings) if step.name == "ocr")

    def execute(loaded: Stage) -> Records:
        executor = LocalExecutor(study, settings, models, device, progress=NullProgress(), checksums=checksums)
        executor.execute(_with_stage(step, loaded), [Job(post_id, post_id) for post_id in study.post_ids()])
        return {p: (study.folder(p) / "text.json").read_bytes() for p in study.post_ids()}

    items = items_of(study)
    decoded = [decode_all(stage.prepare(item)) for item in items]
    stage([decoded[0]()])
    ways: dict[str, Callable[[], Records]] = {
        AHEAD: partial(execute, LoadedStage(stage)),
        IN_TURN: partial(execute, InTurn(stage)),
        DECODE: partial(decode_alone, stage, items),
        MODEL: partial(model_alone, stage, decoded),
    }
    # A ratio near 1 needs all rounds even if the inputs are small.
    found = interleaved(ways, rounds=ROUNDS)
    stage.close()
    facts = {
        "model": models["ocr"].id,
        "videos": len(items),
        "seconds": round(sum(item.get("media", Media).duration for item in items), 1),
        "threads_of_the_model": device.threads,
        "wall, in turn / ahead": found[IN_TURN].cost.wall / found[AHEAD].cost.wall,
    }
    return Result("prefetch", {name: way.cost for name, way in found.items()}, checks(found, env), facts)


def checks(found: Mapping[str, Measurement[Records]], env: Environment) -> tuple[Check, ...]:
    """Return the ratios, and a check that the records are the same."""
    ours, in_turn = found[AHEAD], found[IN_TURN]
    slower = max(found[DECODE].cost.wall, found[MODEL].cost.wall)
    wall = Check("wall time, ahead / the slower half alone", ours.cost.wall / slower, WALL_BAR, "at most")
    cpu = Check("CPU time, ahead / in turn", ours.cost.cpu / in_turn.cost.cpu, CPU_BAR, "at most")
    equal = Check("share of equal records", share_equal(ours.output, in_turn.output), 1.0)
    return (cpu, equal) if env.quick else (wall, cpu, equal)


# --- what is measured -------------------------------------------------------------------------------------------------


def make_study(env: Environment, settings: Settings) -> Study:
    """Return a study with the user's videos, or clips made here, and their media records."""
    count, seconds = QUICK_CLIPS if env.quick else CLIPS
    videos = env.videos or [clip.path for clip in make_clips(env.scratch, count, seconds, voices=False)]
    study = Study(env.scratch / "study", create=True)
    for post in discover(videos).posts:
        if post.video is not None:
            study.write(post.id, "post", post)
            study.write(post.id, "media", read_media(Path(post.video.path), settings.media).record)
    return study


def items_of(study: Study) -> list[Item]:
    """Return the posts of a study as the stage sees them."""
    return [
        Item(study.post(post_id), study.folder(post_id), {"media": study.require(post_id, "media", Media)})
        for post_id in study.post_ids()
    ]


# --- ways -------------------------------------------------------------------------------------------------------------


@dataclass
class LoadedStage:
    """A loaded stage that stays loaded after a step."""

    stage: OcrStage
    batch_size: int = 1

    def prepare(self, item: Item) -> Any:
        """Return the frames of the video."""
        return self.stage.prepare(item)

    def __call__(self, batch: Sequence[Any]) -> Sequence[Output | ValexError]:
        """Return the record, read from the frames."""
        return self.stage(batch)

    def close(self) -> None:
        """Do nothing; the stage stays loaded."""


class InTurn(LoadedStage):
    """The same without prefetching."""

    def prepare(self, item: Item) -> Item:
        """Return the item; everything is done in the call."""
        return item

    def __call__(self, batch: Sequence[Item]) -> Sequence[Output | ValexError]:
        """Return the record; the video is decoded completely before it is read."""
        return self.stage([decode_all(self.stage.prepare(item))() for item in batch])


@dataclass(frozen=True)
class _StepWithStage(Step):
    stage: Any = None

    def load(self, settings: Settings, models: Mapping[str, StoredModel], device: Device) -> Stage:
        loaded: Stage = self.stage
        return loaded


def _with_stage(step: Step, stage: Stage) -> Step:
    """Return the step with a stage that is already loaded."""
    return _StepWithStage(**vars(step), stage=stage)


def decode_all(stream: FrameStream) -> Callable[[], FrameStream]:
    """Decode a video to its end; return a function that gives its frames to be read, any number of times."""
    frames = None if stream.frames is None else list(stream.frames)
    return lambda: replace(stream, frames=None if frames is None else iter(frames))


def decode_alone(stage: OcrStage, items: Sequence[Item]) -> Records:
    """Decode every video and return nothing."""
    for item in items:
        for _ in stage.prepare(item).frames or ():
            pass
    return {}


def model_alone(stage: OcrStage, decoded: Sequence[Callable[[], FrameStream]]) -> Records:
    """Read every video from frames decoded beforehand, and return nothing."""
    for stream in decoded:
        stage([stream()])
    return {}
