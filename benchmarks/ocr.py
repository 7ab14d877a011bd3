"""OCR: only selected frames are read, compared with reading frame by frame.

gated           the ocr stage as it is, including decoding and frame selection
every frame     every frame of one clip is read, decoded beforehand
gated, videos   the stage on the user's videos, or on that clip if none are given
1 fps, videos   one frame per second of the same videos is decoded and read

The other ways read at rapidocr's default input size: a shorter side of at least 736 pixels. Reading every frame takes
minutes, so frames spread evenly over the clip are read and their cost is scaled up; the facts say how many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.clips import Shown, make_clips
from benchmarks.environment import Environment
from benchmarks.measure import Cost, interleaved
from benchmarks.results import Check, Result
from valex_local.records import Post, ScreenText, SourceFile, Track
from valex_local.settings import OcrSettings, Settings
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.media.decode import iter_frames
from valex_local.stages.media.stage import read_media
from valex_local.stages.ocr.engines import OcrEngine, Reading, load_engine
from valex_local.stages.ocr.similarity import plain, similarity
from valex_local.stages.ocr.stage import SHORT, OcrStage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OURS, EVERY, OURS_VIDEOS, SECOND = "gated", "every frame", "gated, videos", "1 fps, videos"
EVERY_BAR, SECOND_BAR, FOUND_BAR = 50.0, 4.0, 0.95
ALIKE = 0.9
"""Similarity from which a text counts as found."""
SHORTEST = 0.8 + 1e-6
"""Upper bound of the duration of the shortest captions, seconds."""
SHORT_SIDE, ANY_SIDE = 736, 8192
"""Default length of the shorter side of an image, and a limit that no longer side reaches, pixels."""
CLIPS, QUICK_CLIPS = (4, 15.0), (1, 8.0)
"""Number of clips, of which the first is timed, and seconds of each."""
SAMPLED, QUICK_SAMPLED = 30, 8


def ocr(env: Environment) -> Result:
    """Return the measurements of all ways.

    Raises
    ------
    ModelError
        The profile's OCR model is not in the store.
    InputError
        A video cannot be read.
    """
    model = env.store.resolve(env.profile, {}, needed=["ocr"])["ocr"]
    count, seconds = QUICK_CLIPS if env.quick else CLIPS
    clips = make_clips(env.scratch, count, seconds, voices=False)
    videos = env.videos or (clips[0].path,)
    frames, sampled = sample(clips[0].path, QUICK_SAMPLED if env.quick else SAMPLED)
    with (
        closing(OcrStage(Context(Settings(), {"ocr": model}, env.device))) as stage,
        closing(load_engine(model, OcrSettings(max_side=ANY_SIDE), env.device)) as engine,
    ):
        items, given = [item_of(clip.path) for clip in clips], [item_of(path) for path in videos]
        ways: dict[str, Callable[[], Any]] = {
            OURS: partial(gated, stage, items[:1]),
            EVERY: partial(frame_by_frame, engine, sampled),
            OURS_VIDEOS: partial(gated, stage, given),
            SECOND: partial(second_by_second, engine, videos),
        }
        frame_by_frame(engine, sampled[:1])
        found = interleaved(ways, rounds=env.rounds)
        records = gated(stage, items)
    costs = {name: way.cost for name, way in found.items()}
    costs[EVERY] = scaled(costs[EVERY], frames / len(sampled))
    shown = [(caption, record) for clip, record in zip(clips, records, strict=True) for caption in clip.shown]
    pairs = zip(found[SECOND].output, found[OURS_VIDEOS].output, strict=True)
    texts = [(text, record) for read, record in pairs for text in texts_read_twice(read) if env.videos]
    facts = {
        "model": model.id,
        "videos": len(videos),
        "frames_of_the_clip": frames,
        "frames_sampled": len(sampled),
        "captions": len(shown),
        "share_of_captions_of_0.8_s_found": share_shown([p for p in shown if p[0].end - p[0].start <= SHORTEST]),
        "texts_that_1_fps_read_twice": len(texts),
        "texts_of_these_not_found": sum(not was_read(text, record.tracks) for text, record in texts),
    }
    return Result("ocr", costs, (*ratios(costs, env), *gates(shown, texts)), facts)


def ratios(costs: Mapping[str, Cost], env: Environment) -> tuple[Check, ...]:
    """Return the costs of the other ways relative to ours."""
    every, ours, second, videos = (costs[name] for name in (EVERY, OURS, SECOND, OURS_VIDEOS))
    cpu = (
        Check("CPU time, every frame / gated", every.cpu / ours.cpu, EVERY_BAR),
        Check("CPU time, 1 fps / gated", second.cpu / videos.cpu, SECOND_BAR),
    )
    wall = (
        Check("wall time, every frame / gated", every.wall / ours.wall, EVERY_BAR),
        Check("wall time, 1 fps / gated", second.wall / videos.wall, SECOND_BAR),
    )
    return cpu if env.quick else (*cpu, *wall)


def gates(shown: Sequence[tuple[Shown, ScreenText]], texts: Sequence[tuple[str, ScreenText]]) -> tuple[Check, ...]:
    """Return the fractions found of the captions of clips and, if there are any, of texts that 1 fps read twice."""
    captions = Check("share of captions found", share_shown(shown) or 0.0, FOUND_BAR)
    if not texts:
        return (captions,)
    share = sum(was_read(text, record.tracks) for text, record in texts) / len(texts)
    return captions, Check("share of texts found that 1 fps read twice", share, FOUND_BAR)


# --- quality ----------------------------------------------------------------------------------------------------------


def share_shown(shown: Sequence[tuple[Shown, ScreenText]]) -> float | None:
    """Return the fraction of captions that were read while they were visible; None without captions."""
    found = [
        was_read(caption.text, [t for t in record.tracks if t.start < caption.end and t.end > caption.start])
        for caption, record in shown
    ]
    return sum(found) / len(found) if found else None


def was_read(text: str, tracks: Iterable[Track]) -> bool:
    """Return whether a text is one of the tracks or a line of one, apart from misread letters."""
    return any(similarity(text, part) >= ALIKE for t in tracks for part in (t.text, *t.text.split("\n")))


def texts_read_twice(frames: Iterable[Sequence[Reading]]) -> list[str]:
    """Return the distinct texts of a video that were read in at least two frames."""
    least = OcrSettings().min_confidence
    texts: dict[str, int] = {}
    for readings in frames:
        counted = {r.text for r in readings if r.confidence >= least and len(plain(r.text)) > SHORT}
        for text in sorted(counted):
            known = next((k for k in texts if similarity(k, text) >= ALIKE), text)
            texts[known] = texts.get(known, 0) + 1
    return [text for text, count in texts.items() if count > 1]


# --- ways -------------------------------------------------------------------------------------------------------------


def gated(stage: OcrStage, items: Sequence[Item]) -> list[ScreenText]:
    """Return the records of videos, made as in a run."""
    outputs = [output for item in items for output in stage([stage.prepare(item)])]
    records = []
    for output in outputs:
        if not isinstance(output, Output):
            raise output
        if isinstance(output.record, ScreenText):
            records.append(output.record)
    return records


def frame_by_frame(engine: OcrEngine, pictures: Iterable[NDArray[np.uint8]]) -> list[list[Reading]]:
    """Return the readings of RGB images, enlarged to a shorter side of at least `SHORT_SIDE` pixels."""
    import cv2
    import numpy as np

    found = []
    for picture in pictures:
        enlarge = max(1.0, SHORT_SIDE / min(picture.shape[:2]))
        large = cv2.resize(picture, None, fx=enlarge, fy=enlarge) if enlarge > 1 else picture
        found.append(engine.read(np.asarray(large, np.uint8)))
    return found


def second_by_second(engine: OcrEngine, paths: Sequence[Path]) -> list[list[list[Reading]]]:
    """Return the readings of one frame per second of each video."""
    return [frame_by_frame(engine, (frame.rgb for frame in iter_frames(path, fps=1.0))) for path in paths]


# --- inputs -----------------------------------------------------------------------------------------------------------


def sample(path: Path, count: int) -> tuple[int, list[NDArray[np.uint8]]]:
    """Return the number of frames of a video, and images of `count` of them, spread evenly."""
    frames = sum(1 for _ in iter_frames(path, fps=None, max_side=16))
    wanted = {int((number + 0.5) * frames / count) for number in range(count)}
    return frames, [f.rgb for number, f in enumerate(iter_frames(path, fps=None)) if number in wanted]


def item_of(path: Path) -> Item:
    """Return a video as the stage sees it."""
    media = read_media(path, Settings().media).record
    post = Post(id=path.stem, video=SourceFile(path=str(path), sha256="0" * 64, size=path.stat().st_size))
    return Item(post, path.parent, {"media": media})


def scaled(cost: Cost, by: float) -> Cost:
    """Return a cost multiplied by a factor."""
    return Cost(cost.cpu * by, cost.wall * by)
