"""The recipes of CONTRIBUTING: an engine, a stage, an export format and a label route, each by one file and one line.

Each test adds to a copy of the package exactly that, and then does what a user would do, in a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clips import Scene, make_clip

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "valex_local"


class Tree:
    """A copy of the package, which is imported in place of the real one by what runs in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "valex_local"
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        (self.package / "manifests").symlink_to(ROOT / "models")

    def add(self, file: str, source: str, *, table: str, after: str, line: str) -> None:
        """Add a file to the package, and a line to a table of it, below the line that ends in `after`."""
        path, registry = self.package / file, self.package / table
        assert not path.exists()
        assert f"`{PACKAGE.name}/{table}`" in (ROOT / "CONTRIBUTING.md").read_text(), "the recipe names the table"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        text = registry.read_text()
        assert text.count(after + "\n") == 1, f"{table} has no line that ends in {after!r}, or several"
        registry.write_text(text.replace(after + "\n", f"{after}\n    {line}\n"))

    def python(self, code: str) -> str:
        """Return what a program prints that imports the copy."""
        code = f"import valex_local\nassert valex_local.__file__.startswith({str(self.package)!r})\n{code}"
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=self.folder, env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def valex(self, *words: str) -> str:
        """Return what a ``valex`` prints that has the copy's commands."""
        return self.python(f"import sys\nfrom valex_local.cli import main\nsys.argv[1:] = {words!r}\nmain()")

    def model(self, role: str, engine: str) -> Path:
        """Make a model whose manifest asks for an engine."""
        folder = self.folder / f"model-{role}"
        folder.mkdir()
        (folder / "weights.txt").write_text("none")
        (folder / "model.toml").write_text(
            f'id = "toy-{role}"\nrole = "{role}"\nengine = "{engine}"\nfiles = [{{name = "weights.txt"}}]\n'
        )
        return folder

    def record(self, name: str) -> dict[str, object]:
        """Return a record of the only post of the study."""
        (path,) = (self.folder / "study" / "posts").glob(f"*/{name}.json")
        return json.loads(path.read_text())


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


ENGINE = '''
"""An engine that reads the same in every picture."""

from valex_local.records import Box
from valex_local.stages.ocr.engines import Reading


class ToyEngine:
    def __init__(self, model, settings, device):
        self._says = (model.folder / "weights.txt").read_text()

    def read(self, rgb):
        return [Reading(f"it says {self._says}", Box(left=0.1, top=0.1, width=0.5, height=0.1), 0.99)]

    def close(self):
        pass
'''


def test_an_engine(tree: Tree) -> None:
    tree.add(
        "stages/ocr/toy.py", ENGINE,
        table="stages/ocr/engines.py", after="ENGINES: Mapping[str, str] = {",
        line='"toy": "valex_local.stages.ocr.toy:ToyEngine",',
    )  # fmt: skip
    clip = make_clip(tree.folder / "clip.mp4", [Scene(1.0)])
    tree.python(
        "from valex_local import Selection, run\n"
        f"options = {{'models': {{'ocr': 'local-dir:{tree.model('ocr', 'toy')}'}}}}\n"
        "for stage in ('media', 'ocr'):\n"
        f"    assert run({str(clip)!r}, 'study', options=options, selection=Selection(only=stage)).ok\n"
    )
    made = tree.record("text")
    assert [track["text"] for track in made["tracks"]] == ["it says none"]
    assert made["made_by"]["models"]["ocr"].startswith("toy-ocr@")


STAGE = '''
"""A stage that finds a watermark in every video, as long as the video."""

from valex_local.records import Box, Media, ScreenText, Track
from valex_local.stages.base import Output


class WatermarkStage:
    batch_size = 1

    def __init__(self, context):
        pass

    def prepare(self, item):
        return item.get("media", Media).duration

    def __call__(self, batch):
        return [Output(ScreenText(tracks=(self._track(end),))) for end in batch]

    def _track(self, end):
        box = Box(left=0, top=0, width=1, height=0.1)
        return Track(id="T1", text="@toy", start=0, end=end, box=box, confidence=1, readings=1)

    def close(self):
        pass
'''


def test_a_stage(tree: Tree) -> None:
    tree.add(
        "stages/watermark/__init__.py", STAGE,
        table="stages/registry.py", after='"valex_local.stages.media:MediaStage", ("video",), of.media_settings),',
        line='StageSpec("watermark", 1, ScreenText, "watermark", "valex_local.stages.watermark:WatermarkStage", '
        '("media.duration",)),',
    )  # fmt: skip
    clip = make_clip(tree.folder / "clip.mp4", [Scene(1.0)])
    shown = tree.python(
        "from valex_local import Selection, run\n"
        "for turn in range(2):\n"
        f"    summary = run({str(clip)!r}, 'study', selection=Selection(until='watermark'))\n"
        "    print(*(f'{count.step} {count.written} {count.current}' for count in summary.steps), sep=', ')\n"
    )
    assert shown.splitlines() == ["media 1 1, watermark 1 1", "media 0 1, watermark 0 1"]
    made = tree.record("watermark")
    assert made["tracks"][0]["text"] == "@toy" and made["made_by"]["stage"] == "watermark"
    (media,) = (tree.folder / "study" / "posts").glob("*/media.json")
    media.unlink()
    failing = tree.python(
        "from valex_local import Store, Study\n"
        "from valex_local.pipeline.run import study_status\n"
        "print([f'{count.step} {count.due}' for count in study_status(Study('study')).steps][:2])"
    )
    assert failing.strip() == "['media 1', 'watermark 1']", "it waits for what it reads"


FORMAT = '''
"""A format that counts words."""


class Words:
    def __call__(self, material, target):
        counts = {post.id: sum(len(e.text.split()) for s in script.scenes for e in s.elements)
                  for post, script in material.scripts()}
        target.write_text("".join(f"{post}: {count}\\n" for post, count in counts.items()))
'''

STUDY = """
from valex_local.records import Dialogue, Post, Scene, Script
from valex_local.study import Study

study = Study("study", create=True)
study.write("ann", "post", Post(id="ann"))
line = Dialogue(ref="S1", speaker="SPEAKER", text="we win and help", start=0, end=1)
scene = Scene(start=0, end=1, elements=(line,), written_by="template")
study.write("ann", "script.template", Script(name="template", scenes=(scene,)))
"""


def test_an_export_format(tree: Tree) -> None:
    tree.add(
        "exchange/export/words.py", FORMAT,
        table="exchange/export/formats.py", after="FORMATS: dict[str, Format] = {",
        line='"words": Format("valex_local.exchange.export.words:Words", "how many words are said", (".txt",)),',
    )  # fmt: skip
    tree.python(STUDY)
    assert "how many words are said" in " ".join(tree.valex("export", "--help").split())
    assert "words: 1 post, 1 file" in tree.valex("export", "words", "-s", "study")
    assert (tree.folder / "study" / "exports" / "words.txt").read_text() == "ann: 4\n"


ROUTE = '''
"""A route that finds a value where its first word is said."""

from valex_local.records import LabelSource, ValueLabel
from valex_local.schwartz import CIRCLE, decide
from valex_local.stages.labels.lines import lines_of, script_lines
from valex_local.stages.labels.routes import LabelResult


class KeywordRoute:
    batch_size = 8

    def __init__(self, context):
        self.source = LabelSource(route="keyword", model=context.models["labels"].id, domain="toys")

    def prepare(self, task):
        return " ".join(line.text for line in script_lines(task.script)).lower()

    def prepare_text(self, text):
        return " ".join(line.text for line in lines_of(text)).lower()

    def __call__(self, batch):
        return [LabelResult(tuple(self._label(value, text) for value in CIRCLE)) for text in batch]

    def _label(self, value, text):
        found = float(value.value.lower().partition(":")[0] in text)
        return ValueLabel(value=value, present=found, state=decide(found, None))

    def close(self):
        pass
'''


def test_a_label_route(tree: Tree) -> None:
    tree.add(
        "stages/labels/keyword.py", ROUTE,
        table="stages/label_routes.py", after="ROUTES: dict[str, RouteSpec] = {",
        line='"keyword": RouteSpec("valex_local.stages.labels.keyword:KeywordRoute", "labels"),',
    )  # fmt: skip
    model = tree.model("labels", "toy")
    tree.python(STUDY)
    summary = tree.python(
        "from valex_local import Selection, run\n"
        f"options = {{'labels': {{'routes': ['keyword']}}, 'models': {{'labels': 'local-dir:{model}'}}}}\n"
        "summary = run((), 'study', options=options, selection=Selection(only='labels'))\n"
        "print(summary.ok, *(f'{count.step} {count.written}' for count in summary.steps))\n"
    )
    assert summary.strip() == "True labels.template.keyword 1"
    made = tree.record("labels.template.keyword")
    assert made["source"]["route"] == "keyword" and {v["state"] for v in made["values"]} == {"absent"}

    texts = tree.folder / "texts"
    texts.mkdir()
    (texts / "ann.txt").write_text("Nothing but power and tradition.")
    tree.valex("label", "texts", "-o", "labels.csv", "--as", "long", "--route", "keyword", "--model", str(model))
    rows = (tree.folder / "labels.csv").read_text().splitlines()
    present = {row.split(",")[1] for row in rows[1:] if ",present" in row}
    assert present == {"Power: dominance", "Power: resources", "Tradition"}
