"""Which package imports which, and what each may know.

`MAY_IMPORT` is the rule. Its order is the direction: a row names rows above it only, so there is no circle and no arrow
up. Every import counts, wherever it is: at the top of a module, inside a function, under ``TYPE_CHECKING`` (to know a
type is to know the package) and as ``"module:name"`` in a table. The root `valex_local/__init__.py` is no row: it hands
on names of other packages, and nothing but its version may be taken from it.

``python -m tests.test_architecture`` prints the size of the graph.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from valex_local.schwartz import CIRCLE, HigherOrder

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "valex_local"

MAY_IMPORT = {
    "errors": "",
    "schwartz": "",
    "notices": "",
    "files": "errors",
    "records": "errors files schwartz",
    "settings": "errors files",
    "system": "errors",
    "store": "errors files system",
    "llm": "errors store system",
    "posts": "errors files records",
    "rendering": "errors files records",
    "states": "schwartz files records",
    "study": "errors schwartz files records settings store posts rendering states",
    "corpus": "errors schwartz files records store posts rendering study",
    "privacy": "errors files records store posts study corpus",
    "stages": "errors schwartz files records states settings system store llm rendering study corpus",
    "pipeline": "errors schwartz notices files records states settings system store posts rendering study corpus "
    "stages",
    "evaluation": "errors schwartz files records states settings system store posts rendering study corpus stages "
    "pipeline",
    "exchange": "errors schwartz files records states system store posts rendering study corpus privacy stages",
    "report": "errors schwartz notices files records states settings store rendering study stages",
    "inference": "errors schwartz files study corpus",
    "review": "errors schwartz files records system study corpus stages exchange report inference",
    "comparison": "errors schwartz files records system store rendering study corpus stages evaluation report",
    "training": "errors schwartz files settings system store corpus privacy stages pipeline evaluation",
    "doctor": "errors settings system store pipeline",
    "cli": "errors schwartz notices files records states settings system store posts rendering study corpus "
    "privacy stages pipeline evaluation exchange report inference review comparison training doctor",
}
"""Each folder and root module of the package, from low to high, and what it may import."""

SHARED_BY_STAGES = {"base", "label_routes", "onnx_session", "registry", "setting_files", "variants"}
"""The modules of `stages` that every stage may import."""

ACROSS_STAGES = {
    "speech": "media.audio",  # reads the sound that media extracted
    "speakers": "media.audio speech.vad",  # looks where a voice was detected, in the sound that media extracted
    "script": "speakers.words",  # divides lines where the speaker changes
    "ocr": "media.decode media.pictures",  # the one way in which frames and pictures are decoded
    "grounding": "vision.clip vision.detection vision.text_vectors",  # scores lines with the model that tags keyframes
    "labels": "script.evidence speakers.words",  # the route direct shows post text and speakers as the script does
}
"""What a stage may import of another: helpers, never an engine."""

NAMES_VALUES = {
    "schwartz.py": "defines them",
    "corpus/writers.py": "the order of columns in the label sheet of the paper's authors",
    "evaluation/baselines.py": "values that the dictionary of pyvalues lacks",
    "records/__init__.py": "Face is a detection there",
    "report/svg.py": "colours of the four poles of the circle",
    "store/whole.py": "19 is a type of numbers in GGUF files",
    "system/sandbox.py": "19 is a number of the kernel there",
}
"""Modules that name single Schwartz values or their number, and why: other codebooks come later."""


@dataclass(frozen=True)
class Import:
    """An import: which module, of which module, in which line.

    `name` is what is taken from it, if anything; `in_table` is true of ``"module:name"``.
    """

    by: str
    of: str
    line: int
    name: str = ""
    in_table: bool = False

    def __str__(self) -> str:
        """Return it as an error message names it."""
        return f"{self.by}, line {self.line}: imports {self.of}"


class Imports:
    """Every import of the modules of a folder."""

    def __init__(self, root: Path, package: str) -> None:
        self.paths = {_module(path.relative_to(root)): path for path in sorted((root / package).rglob("*.py"))}
        self.trees = {module: ast.parse(path.read_text("utf-8")) for module, path in self.paths.items()}
        self.all = [found for module in self.trees for found in self._of(module)]

    def _of(self, module: str) -> Iterator[Import]:
        for node in ast.walk(self.trees[module]):
            match node:
                case ast.Import():
                    yield from (Import(module, alias.name, node.lineno) for alias in node.names)
                case ast.ImportFrom():
                    base = self._base(module, node)
                    for alias in node.names:
                        part = f"{base}.{alias.name}"
                        if part in self.paths:
                            yield Import(module, part, node.lineno)
                        else:
                            yield Import(module, base, node.lineno, alias.name)
                case ast.Constant(value=str(text)) if re.fullmatch(r"[a-z_]\w*(\.\w+)+:\w+", text):
                    of, _, name = text.partition(":")
                    yield Import(module, of, node.lineno, name, in_table=True)

    def stage(self, module: str) -> str:
        """Return the folder of `stages` that a module is in; nothing for others."""
        match self.paths[module].parts[::-1]:
            case (_, folder, "stages", *_):
                return folder
        return ""

    def _base(self, module: str, node: ast.ImportFrom) -> str:
        """Return the module of a ``from`` import, relative ones resolved."""
        if not node.level:
            return node.module or ""
        is_package = self.paths[module].name == "__init__.py"
        above = module.split(".")[: len(module.split(".")) - node.level + is_package]
        return ".".join([*above, *([node.module] if node.module else [])])


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def row(module: str) -> str:
    """Return the folder or root module that a module belongs to; of the root itself nothing."""
    return ".".join(module.split(".")[1:2])


def arrows(imports: Imports) -> dict[tuple[str, str], list[Import]]:
    """Return the imports of one row by another, the root left out."""
    found: dict[tuple[str, str], list[Import]] = {}
    for one in imports.all:
        ends = row(one.by), row(one.of)
        if one.of.split(".")[0] == PACKAGE and ends[0] != ends[1] and all(ends):
            found.setdefault(ends, []).append(one)
    return found


def forbidden(imports: Imports, rules: Mapping[str, str]) -> list[str]:
    """Return the imports that no rule allows."""
    wrong = [
        str(one) for (by, of), found in arrows(imports).items() if of not in rules.get(by, "").split() for one in found
    ]
    wrong += [
        f"{one}: the root hands on names for users; import them where they are"
        for one in imports.all
        if one.of == PACKAGE and row(one.by) and one.name != "__version__"
    ]
    return wrong


def idle(imports: Imports, rules: Mapping[str, str]) -> list[str]:
    """Return the rules that no import needs."""
    needed = arrows(imports)
    return [f"{by} -> {of}" for by, allowed in rules.items() for of in allowed.split() if (by, of) not in needed]


def levels(rules: Mapping[str, str]) -> int:
    """Return the length of the longest chain of imports."""

    @cache
    def height(name: str) -> int:
        return 1 + max((height(of) for of in rules[name].split()), default=0)

    return max(map(height, rules))


@pytest.fixture(scope="module")
def imports() -> Imports:
    return Imports(ROOT, PACKAGE)


# --- the table ------------------------------------------------------------------------------------------------------


def test_every_folder_and_root_module_has_a_row(imports: Imports) -> None:
    assert {row(module) for module in imports.paths} - {""} == set(MAY_IMPORT)


def test_the_table_has_one_direction() -> None:
    order = list(MAY_IMPORT)
    up = [
        f"{by} -> {of}"
        for by, allowed in MAY_IMPORT.items()
        for of in allowed.split()
        if order.index(of) >= order.index(by)
    ]
    assert not up


def test_nothing_imports_what_it_may_not(imports: Imports) -> None:
    assert not forbidden(imports, MAY_IMPORT)


def test_every_rule_is_needed(imports: Imports) -> None:
    assert not idle(imports, MAY_IMPORT)


def test_the_package_knows_nothing_around_it(imports: Imports) -> None:
    around = {"benchmarks", "scripts", "tests"}
    assert not [str(one) for one in imports.all if one.of.split(".")[0] in around]


# --- stages ---------------------------------------------------------------------------------------------------------


def crossings(imports: Imports) -> dict[tuple[str, str], list[Import]]:
    """Return what stages import of other stages and of `stages` itself: by stage and the module's name in `stages`."""
    folder = f"{PACKAGE}.stages"
    found: dict[tuple[str, str], list[Import]] = {}
    for one in imports.all:
        stage, of = imports.stage(one.by), one.of.removeprefix(f"{folder}.")
        if stage and f"{one.of}.".startswith(f"{folder}.") and of.partition(".")[0] != stage:
            found.setdefault((stage, of), []).append(one)
    return found


def engines(imports: Imports) -> set[str]:
    """Return the modules that tables of engines, routes, stages and formats name."""
    return {one.of for one in imports.all if one.in_table}


def test_stages_share_no_more_than_is_listed(imports: Imports) -> None:
    allowed = {stage: {*SHARED_BY_STAGES, *modules.split()} for stage, modules in ACROSS_STAGES.items()}
    wrong = [
        str(one)
        for (stage, module), found in crossings(imports).items()
        if module not in allowed.get(stage, SHARED_BY_STAGES)
        for one in found
    ]
    assert not wrong


def test_every_crossing_of_stages_is_needed_and_none_is_an_engine(imports: Imports) -> None:
    listed = {(stage, module) for stage, modules in ACROSS_STAGES.items() for module in modules.split()}
    assert not listed - crossings(imports).keys()
    assert not {f"{PACKAGE}.stages.{module}" for _, module in listed} & engines(imports)


# --- states ---------------------------------------------------------------------------------------------------------

KNOW_STORED_LABELS = {"study", "pipeline", "stages"}
"""Rows that may read labels as stored; all others get them from `Study`, with states drawn by its calibration."""


def stored_labels_read(tree: ast.Module) -> list[str]:
    """Return the calls that are given the class `Labels`, to read with it, or that parse with it."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance")):
                continue
            case ast.Call(func=ast.Attribute(value=ast.Name(id="Labels"))):
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
            case ast.Call() if any(isinstance(arg, ast.Name) and arg.id == "Labels" for arg in node.args):
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def test_whoever_reads_labels_gets_states_of_the_study(imports: Imports) -> None:
    reading = {
        module: found
        for module, tree in imports.trees.items()
        if row(module) not in KNOW_STORED_LABELS and (found := stored_labels_read(tree))
    }
    assert not reading, "read them with Study.labels_of, labels or all_labels"


def test_reading_stored_labels_is_found() -> None:
    code = "study.read(post, stem, Labels)\ndict.fromkeys(stems, Labels)\nLabels.parse(raw)\nisinstance(x, Labels)\n"
    assert [text.partition(":")[0] for text in stored_labels_read(ast.parse(code))] == ["line 1", "line 2", "line 3"]


# --- values ---------------------------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


NAMES = {_plain(name) for v in CIRCLE for name in (v.value, v.name, v.sheet_column, v.value.partition(":")[0])}
MEMBERS = {f"Value.{value.name}" for value in CIRCLE} | {f"HigherOrder.{pole.name}" for pole in HigherOrder}


def values_named(tree: ast.Module) -> list[str]:
    """Return what in a module names a single value, or is their number; docstrings do not count."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()):
                node.value.value = None
            case ast.Attribute() if ast.unparse(node) in MEMBERS:
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
            case ast.Constant(value=str(text)) if _plain(text) in NAMES:
                found.append(f"line {node.lineno}: {text!r}")
            case ast.Constant(value=int(number)) if number == len(CIRCLE) and not isinstance(number, bool):
                found.append(f"line {node.lineno}: {number}")
    return found


def test_no_module_names_single_values(imports: Imports) -> None:
    folder = ROOT / PACKAGE
    naming = {
        path.relative_to(folder).as_posix(): named
        for module, path in imports.paths.items()
        if (named := values_named(ast.parse(path.read_text("utf-8"))))
    }
    assert not {name: named for name, named in naming.items() if name not in NAMES_VALUES}
    assert not NAMES_VALUES.keys() - naming.keys(), "these name none any more"


# --- the tests themselves -------------------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path) -> Imports:
    """A package with one import of each kind."""
    files = {
        "low.py": "",
        "high/__init__.py": "from valex_local import high\n",
        "high/top.py": "import valex_local.low\nfrom . import other\n",
        "high/inside.py": "def f():\n    from valex_local.low import x\n",
        "high/types.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..low import y\n",
        "high/table.py": "T = {'a': 'valex_local.low:Thing'}\n",
        "high/other.py": "from valex_local import __version__\nfrom valex_local import run\n",
        "stages/a/__init__.py": "from valex_local.stages.b.engine import B\nfrom valex_local.stages.base import C\n",
        "stages/b/engine.py": "",
        "stages/base.py": "E = 'valex_local.stages.b.engine:B'\n",
        "stages/b/__init__.py": "",
        "stages/__init__.py": "",
        "__init__.py": "",
    }
    for name, text in files.items():
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Imports(tmp_path, PACKAGE)


def test_a_forbidden_import_is_found_wherever_it_is(made: Imports) -> None:
    found = forbidden(made, {"low": "", "high": "", "stages": ""})
    assert [text.partition(",")[0] for text in found] == [
        f"valex_local.high.{name}" for name in ("inside", "table", "top", "types", "other")
    ]
    assert "line 2: imports valex_local.low" in found[0] and "the root" in found[-1]
    assert not [text for text in forbidden(made, {"low": "", "high": "low", "stages": ""}) if "root" not in text]


def test_a_rule_that_nobody_needs_is_found(made: Imports) -> None:
    assert idle(made, {"low": "stages", "high": "low", "stages": ""}) == ["low -> stages"]


def test_a_crossing_of_stages_is_found(made: Imports) -> None:
    assert set(crossings(made)) == {("a", "b.engine"), ("a", "base")}
    assert engines(made) == {"valex_local.low", "valex_local.stages.b.engine"}


@pytest.mark.parametrize(
    ("code", "many"),
    [
        ("x = Value.STIMULATION", 1),
        ("x = HigherOrder.OPENNESS", 1),
        ("x = {'self_direction': 1, 'Power: dominance': 2}", 2),
        ("x = range(19)", 1),
        ("'''Face and Power.'''", 0),
        ("def f():\n    '''Face'''\n    return CIRCLE[0], Value.of, 'a face'", 0),
    ],
)
def test_a_value_that_is_named_is_found(code: str, many: int) -> None:
    assert len(values_named(ast.parse(code))) == many


if __name__ == "__main__":
    graph = arrows(Imports(ROOT, PACKAGE))
    print(f"{len(MAY_IMPORT)} parts, {levels(MAY_IMPORT)} levels, {len(graph)} arrows")
