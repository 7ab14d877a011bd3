"""Look-ahead: videos decoded beside the model of a step, compared with one after the other.

ahead         the executor as it is: a thread looks at the next video while the model reads this one
in turn       the same executor, in which a video is looked at when its turn comes, then read
decode alone  every video is looked at, nothing is read
model alone   every video is read, from frames that were looked at before

The stage is ocr, the one in which both halves weigh about the same; its model has one thread, so that on two cores one
is left for the other half. The model is loaded before, once for all ways. Nothing is decoded beside the model while the
first video is looked at: the more videos, the less that weighs.
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
from valex_local.study import Study

AHEAD, IN_TURN, DECODE, MODEL = "prefetch", "in turn", "decode alone", "model alone"
WALL_BAR, CPU_BAR = 1.15, 1.05
CLIPS, QUICK_CLIPS = (10, 15.0), (3, 6.0)
"""How many clips, and how many seconds each."""

Records = Mapping[str, bytes]


def prefetch(place: Environment) -> Result:
    """Measure all ways.

    Raises
    ------
    ModelError
        The profile's model that reads is not in the store.
    InputError
        A video cannot be read.
    """
    settings = make_settings({"work": {"jobs": 1}})
    models = place.store.resolve(place.profile, {}, needed=["ocr"])
    device = replace(place.device, kind="cpu", threads=1)
    stage = OcrStage(Context(settings, models, device))
    study = take_in(place, settings)
    checksums = study.sums()
    step = next(step for step in plan(settings) if step.name == "ocr")

    def execute(lent: Stage) -> Records:
        executor = LocalExecutor(study, settings, models, device, progress=NullProgress(), checksums=checksums)
        executor.execute(_lending(step, lent), [Job(post_id, post_id) for post_id in study.post_ids()])
        return {p: (study.folder(p) / "text.json").read_bytes() for p in study.post_ids()}

    items = items_of(study)
    seen = [held(stage.prepare(item)) for item in items]
    stage([seen[0]()])
    ways: dict[str, Callable[[], Records]] = {
        AHEAD: partial(execute, Lent(stage)),
        IN_TURN: partial(execute, InTurn(stage)),
        DECODE: partial(decode_alone, stage, items),
        MODEL: partial(model_alone, stage, seen),
    }
    # A ratio near 1 needs the rounds even where the inputs are small.
    found = interleaved(ways, rounds=ROUNDS)
    stage.close()
    facts = {
        "model": models["ocr"].id,
        "videos": len(items),
        "seconds": round(sum(item.get("media", Media).duration for item in items), 1),
        "threads_of_the_model": device.threads,
        "wall, in turn / ahead": found[IN_TURN].cost.wall / found[AHEAD].cost.wall,
    }
    return Result("prefetch", {name: way.cost for name, way in found.items()}, checks(found, place), facts)


def checks(found: Mapping[str, Measurement[Records]], place: Environment) -> tuple[Check, ...]:
    """Hold the ratios, and that the records are the same."""
    ours, turn = found[AHEAD], found[IN_TURN]
    slower = max(found[DECODE].cost.wall, found[MODEL].cost.wall)
    wall = Check("wall time, ahead / the slower half alone", ours.cost.wall / slower, WALL_BAR, "at most")
    cpu = Check("CPU time, ahead / in turn", ours.cost.cpu / turn.cost.cpu, CPU_BAR, "at most")
    equal = Check("share of equal records", share_equal(ours.output, turn.output), 1.0)
    return (cpu, equal) if place.quick else (wall, cpu, equal)


# --- what is measured -------------------------------------------------------------------------------------------------


def take_in(place: Environment, settings: Settings) -> Study:
    """Return a study that holds the user's videos, or clips made here, and what media says of each."""
    count, seconds = QUICK_CLIPS if place.quick else CLIPS
    videos = place.videos or [clip.path for clip in make_clips(place.scratch, count, seconds, voices=False)]
    study = Study(place.scratch / "study", create=True)
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
class Lent:
    """A loaded stage that outlives a step."""

    stage: OcrStage
    batch_size: int = 1

    def prepare(self, item: Item) -> Any:
        """Look at the video."""
        return self.stage.prepare(item)

    def __call__(self, batch: Sequence[Any]) -> Sequence[Output | ValexError]:
        """Read it."""
        return self.stage(batch)

    def close(self) -> None:
        """Leave it loaded."""


class InTurn(Lent):
    """The same without anything done ahead."""

    def prepare(self, item: Item) -> Item:
        """Leave all to the call."""
        return item

    def __call__(self, batch: Sequence[Item]) -> Sequence[Output | ValexError]:
        """Look at the video from its first frame to its last, then read it."""
        return self.stage([held(self.stage.prepare(item))() for item in batch])


@dataclass(frozen=True)
class _LendingStep(Step):
    stage: Any = None

    def load(self, context: Context) -> Stage:
        lent: Stage = self.stage
        return lent


def _lending(step: Step, stage: Stage) -> Step:
    """Return the step with a stage that is loaded already."""
    return _LendingStep(**vars(step), stage=stage)


def held(watched: FrameStream) -> Callable[[], FrameStream]:
    """Look at a video to its end; what is returned gives it to be read, as often as wanted."""
    frames = None if watched.frames is None else list(watched.frames)
    return lambda: replace(watched, frames=None if frames is None else iter(frames))


def decode_alone(stage: OcrStage, items: Sequence[Item]) -> Records:
    """Look at every video and keep nothing."""
    for item in items:
        for _ in stage.prepare(item).frames or ():
            pass
    return {}


def model_alone(stage: OcrStage, seen: Sequence[Callable[[], FrameStream]]) -> Records:
    """Read every video from frames that were looked at before."""
    for watched in seen:
        stage([watched()])
    return {}
