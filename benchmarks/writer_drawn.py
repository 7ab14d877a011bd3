"""Script writers on drawn videos: the whole chain, from pictures and sound to scripts.

    python -m benchmarks.writer_drawn --out FOLDER [--model MODEL] [--videos 12]

Each video has two shots of the drawn world of the demo clips, with people, a thing and a place at random, and a
sentence spoken by flite in each. ``valex run`` with the profile demo recognises them, with the toy image model for the
tags, and both writers write. Words of the toy's vocabulary in their lines are compared with what was drawn. The toy has
no word for talking, so only those who give their name can be named; every other name counts as wrong.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.writer import holds, roots
from valex_local.files.toml import read_toml
from valex_local.records import SPEAKER, Action, Dialogue, Script
from valex_local.store.manifests import built_in_folder
from valex_local.study import Study

ASSETS = Path(__file__).resolve().parents[1] / "scripts" / "demo_assets"
FIRST_SEED = -7000
WIDTH, HEIGHT, FRAME_RATE, SHOT_SECONDS = 288, 512, 10, 5
NAMES = ("Lina", "Marco", "Julia", "Peter", "Susan", "Daniel")
GIVEN = ("Hello, I am {name}, and this is my day.", "My name is {name}, and I will show you.")
CALLED = ("Come over here {name}, and look at this.", "My friend {name} said it was too hard.")


def world(module: str) -> Any:
    """Return a module of the drawn world, which lives beside the recipe of the demo clips."""
    if str(ASSETS) not in sys.path:
        sys.path.insert(0, str(ASSETS))
    return import_module(module)


@dataclass(frozen=True)
class Shot:
    """What is drawn and said in a shot; `introduced` if the sentence gives the speaker's own name."""

    scene: Any
    said: str
    introduced: str | None


def shots_of(number: int) -> list[Shot]:
    """Return the shots of a video; their seeds are none that the toy was trained or tested with."""
    scene = world("drawn_statements").scene
    dice = random.Random(f"writer {number}")
    shots = []
    for i in range(2):
        drawn, name = scene(FIRST_SEED - 2 * number - i), dice.choice(NAMES)
        gives = i == 0 and number % 2 == 0
        shots.append(Shot(drawn, dice.choice(GIVEN if gives else CALLED).format(name=name), name if gives else None))
    return shots


def write_video(path: Path, shots: Sequence[Shot]) -> None:
    """Write a video of the shots."""
    import av

    draw, sound = world("drawn_world").draw, world("make_demo_clips")
    rate = sound.SAMPLE_RATE
    samples = np.zeros(len(shots) * SHOT_SECONDS * rate, np.float32)
    for i, shot in enumerate(shots):
        spoken = sound.speak(shot.said, "slt")[: (SHOT_SECONDS - 1) * rate]
        start = round((i * SHOT_SECONDS + 0.5) * rate)
        samples[start : start + len(spoken)] = spoken
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FRAME_RATE, options={"crf": "20"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
        for i in range(len(shots) * SHOT_SECONDS * FRAME_RATE):
            number, at = divmod(i, SHOT_SECONDS * FRAME_RATE)
            picture = av.VideoFrame.from_ndarray(
                draw(shots[number].scene, at / FRAME_RATE, WIDTH, HEIGHT), format="rgb24"
            )
            picture.pts, picture.time_base = i, Fraction(1, FRAME_RATE)
            container.mux(video.encode(picture))
        container.mux(video.encode())


def run(videos: Path, study: Path, model: str) -> None:
    """Write the scripts of both writers."""
    valex = shutil.which("valex") or "valex"
    options = ["--profile", "demo", "--until", "script", "--set", f"models.llm={model}"]
    options += ["--set", 'script.variants=["template","local"]']
    subprocess.run([valex, "run", str(videos), "-s", str(study), *options], check=True)


def true_of(shot: Shot) -> dict[str, set[str]]:
    """Return the labels of the toy's vocabulary that are true of a shot."""
    statements = world("drawn_statements")
    facts = statements.Facts.of(shot.scene)
    return {
        "places": set() if facts.place == "plain" else {statements.PLACE_WORDS[facts.place]},
        "deeds": set(facts.deeds) - {"upright"},
        "things": {f"{colour} {kind}" for kind, colour in facts.things} & vocabulary()["things"],
    }


def vocabulary() -> dict[str, set[str]]:
    """Return the labels of the toy by kind."""
    categories = {
        c["name"]: set(c["entries"]) for c in read_toml(built_in_folder() / "micro-clip/vocabulary.toml")["category"]
    }
    return {"places": categories["place"], "deeds": categories["activity"], "things": categories["objects"]}


def compare(script: Script, shots: Sequence[Shot]) -> Counter[tuple[str, str]]:
    """Return counts of one script, by kind and what was counted."""
    counts: Counter[tuple[str, str]] = Counter()
    for i, shot in enumerate(shots):
        named = _named(script, i * SHOT_SECONDS, (i + 1) * SHOT_SECONDS)
        for kind, true in true_of(shot).items():
            counts[kind, "named"] += len(named[kind])
            counts[kind, "true"] += len(true)
            counts[kind, "right"] += len(named[kind] & true)
    for element in (e for scene in script.scenes for e in scene.elements if isinstance(e, Dialogue)):
        shot = shots[min(int((element.start or 0) / SHOT_SECONDS), len(shots) - 1)]
        right = shot.introduced is not None and element.speaker == shot.introduced.upper()
        counts["speakers", "right" if right else "none" if element.speaker == SPEAKER else "wrong"] += 1
    return counts


def _named(script: Script, start: float, end: float) -> dict[str, set[str]]:
    lines = [
        e.text for s in script.scenes for e in s.elements
        if isinstance(e, Action) and e.start is not None and start <= e.start + 0.5 < end
    ]  # fmt: skip
    # A heading is for the shot with which its scene begins: a plain backdrop begins no scene.
    headings = {s.heading.casefold() for s in script.scenes if s.heading and start <= (s.start or 0) + 0.5 < end}
    known = vocabulary()
    named = {kind: {x for x in known[kind] if any(holds(roots(t), x) for t in lines)} for kind in ("deeds", "things")}
    return named | {"places": known["places"] & headings}


def scripts(study: Path, writer: str) -> Iterator[tuple[int, Script]]:
    """Yield the number of each video with its script."""
    found = Study(study)
    for post_id in sorted(found.post_ids()):
        video = found.post(post_id).video
        script = found.read(post_id, f"script.{writer}", Script)
        if video is not None and script is not None:
            yield int(Path(video.path).stem.rpartition("-")[2]), script


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writer_drawn", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b-instruct")
    parser.add_argument("--videos", type=int, default=12)
    options = parser.parse_args(arguments)
    videos = options.out / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    for number in range(options.videos):
        if not (path := videos / f"drawn-{number}.mp4").exists():
            write_video(path, shots_of(number))
    run(videos, options.out / "study", options.model)
    report(options.out / "study")


def report(study: Path) -> None:
    """Print the figures of a study that `run` made."""
    table = Table("", "template", "local")
    counts = [
        sum((compare(script, shots_of(n)) for n, script in scripts(study, writer)), Counter())
        for writer in ("template", "local")
    ]
    for kind in ("places", "deeds", "things"):
        for name, of in (("precision", "named"), ("recall", "true")):
            table.add_row(f"{kind}: {name}", *(f"{c[kind, 'right']} of {c[kind, of]}" for c in counts))
    for what in ("right", "wrong", "none"):
        table.add_row(f"speakers: {what}", *(str(c["speakers", what]) for c in counts))
    Console().print(table)


if __name__ == "__main__":
    main()
