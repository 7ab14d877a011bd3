"""How right are the detectors on real photographs.

    python -m benchmarks.detectors FOLDER [--all]

`benchmarks/pictures.toml` labels photographs that packages bring. FOLDER holds these packages, unpacked; pictures are
found by their checksums. Each is taken as a shot of its own, so the table says how right a tag is before it is pooled
over keyframes. `--all` lists what was found in each picture.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from valex_local.files.checksums import sha256_of
from valex_local.stages.vision.detection import PERSON, Found
from valex_local.stages.vision.detectors import Detectors
from valex_local.store import Store
from valex_local.system.devices import Device

PICTURES = Path(__file__).with_name("pictures.toml")
SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Seen:
    """A photograph, its labels and what was found in it; `people` and `expression` are None where not labelled."""

    file: str
    part: str
    people: int | None
    things: frozenset[str]
    expression: str | None
    found: Found
    said: frozenset[str]

    @property
    def said_things(self) -> frozenset[str]:
        """The classes said, without people."""
        return self.said - {PERSON}


def look(folder: Path) -> list[Seen]:
    """Return every labelled photograph that is in a folder, with what the detectors find."""
    import numpy as np
    from PIL import Image

    labelled = {one["sha256"]: one for one in tomllib.loads(PICTURES.read_text("utf-8"))["picture"]}
    detectors = Detectors(Store().find("detectors"), Device("cpu", threads=1, memory=0))
    seen = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()):
        label = labelled.pop(sha256_of(path), None)
        if label is None:
            continue
        with Image.open(path) as image:
            picture = image.convert("RGB")
        picture.thumbnail((768, 768))  # as keyframes are stored
        found = detectors(np.asarray(picture))
        said = frozenset(one.name for one in found.objects if one.score >= detectors.classes.least(one.name))
        facts = (label.get("people"), frozenset(label["things"]), label.get("expression"))
        seen.append(Seen(label["file"], label["part"], *facts, found, said))
    if labelled:
        Console(stderr=True).print(
            f"{len(labelled)} pictures are not in {folder}: {next(iter(labelled.values()))['file']}, …"
        )
    return seen


def row(seen: Sequence[Seen]) -> list[str]:
    """Return the figures of some pictures."""
    counted = [one for one in seen if one.people is not None]
    near = sum(abs(one.found.people - (one.people or 0)) <= 1 for one in counted)
    exact = sum(one.found.people == one.people for one in counted)
    right = sum(len(one.said_things & one.things) for one in seen)
    said, there = sum(len(one.said_things) for one in seen), sum(len(one.things) for one in seen)
    persons = [one for one in counted if PERSON in one.said]
    read = [(one.expression, {f.expression for f in one.found.faces} - {None}) for one in seen if one.expression]
    told = [(gold, names) for gold, names in read if names]
    return [
        str(len(seen)),
        f"{near}/{len(counted)} {near / max(1, len(counted)):.2f}",
        f"{exact / max(1, len(counted)):.2f}",
        f"{sum(bool(one.people) for one in persons)}/{len(persons)}",
        f"{len([one for one in persons if one.people])}/{sum(bool(one.people) for one in counted)}",
        f"{right}/{said} {right / max(1, said):.2f}",
        f"{right}/{there} {right / max(1, there):.2f}",
        f"{sum(names == {gold} for gold, names in told)}/{len(told)} of {len(read)}",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detectors", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args(arguments)
    started = time.process_time()
    seen = look(options.folder)
    console = Console()
    if options.all:
        for one in seen:
            things = ", ".join(sorted(one.said)) or "nothing"
            faces = [face.expression for face in one.found.faces]
            console.print(
                f"{one.file}: {one.found.people} of {one.people} people; {things} | {sorted(one.things)} {faces}"
            )
    table = Table("pictures", "n", "people ±1", "exact", "person precision", "recall", "things precision", "recall",
                  "expressions right")  # fmt: skip
    for part in sorted({one.part for one in seen}):
        table.add_row(part, *row([one for one in seen if one.part == part]))
    table.add_row("all", *row(seen))
    console.print(table)
    console.print(
        f"{1000 * (time.process_time() - started) / max(1, len(seen)):.0f} ms of CPU a picture, with decoding"
    )


if __name__ == "__main__":
    main()
