"""What only one module of the package may do: remove files, read files that a user names, print.

A rule that holds at one place holds everywhere if nothing goes around that place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "valex_local"

REMOVING = {"rmtree", "unlink", "rmdir", "removedirs", "rename", "renames", "move"}
"""Functions and methods that remove a file, or put another in its place; `Path.replace` is told from `str.replace`."""

MAY_REMOVE = {
    "files/removing.py": "the door: checks that a path is inside a folder",
    "files/atomic.py": "puts a complete file in the place of another",
    "store/store.py": "moves a checked model from the staging folder to its own",
    "study/study.py": "gives labels and their calibration another name",
}


def calls(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and whole text of the called function of each call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            yield node.lineno, text.rpartition(".")[2], text


def removals(tree: ast.AST) -> list[str]:
    found = [f"line {line}: {text}" for line, name, text in calls(tree) if name in REMOVING or text == "os.remove"]
    for node in ast.walk(tree):  # str.replace takes two arguments, Path.replace one
        match node:
            case ast.Call(func=ast.Attribute(attr="replace", value=owner), args=[_], keywords=[]):
                found.append(f"line {node.lineno}: {ast.unparse(owner)}.replace")
            case ast.Call(func=ast.Attribute(attr="replace", value=ast.Name(id="os"))):
                found.append(f"line {node.lineno}: os.replace")
    return found


def modules() -> dict[str, ast.Module]:
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}


def test_only_one_module_removes() -> None:
    found = {name: lines for name, tree in modules().items() if (lines := removals(tree))}
    assert not {name: lines for name, lines in found.items() if name not in MAY_REMOVE}
    assert found.keys() == MAY_REMOVE.keys(), "these do not remove any more"


@pytest.mark.parametrize(
    "code",
    [
        "shutil.rmtree(p)",
        "p.unlink(missing_ok=True)",
        "os.remove(p)",
        "p.replace(q)",
        "os.replace(p, q)",
        "p.rename(q)",
    ],
)
def test_a_removal_is_found(code: str) -> None:
    assert len(removals(ast.parse(code))) == 1


@pytest.mark.parametrize("code", ["text.replace('a', 'b')", "names.remove(name)", "dataclasses.replace(a, b=1)"])
def test_what_removes_nothing_is_not_found(code: str) -> None:
    assert not removals(ast.parse(code))


# --- printing -------------------------------------------------------------------------------------------------------

PRINTING = {"print", "input", "Console", "rich.print", "print_exc", "traceback.print_exc", "pprint"}

MAY_PRINT = {
    "cli/_output.py": "the door: escapes what a terminal would obey",
    "evaluation/render.py": "a console that writes into a string",
    "files/calamine_child.py": "JSON for its parent process",
    "stages/media/worker.py": "JSON for its parent process",
    "store/hub.py": "JSON for its parent process",
}


def printing(tree: ast.AST) -> list[str]:
    found = [
        f"line {line}: {text}"
        for line, name, text in calls(tree)
        if text in PRINTING or (text.startswith("click.") and name in {"echo", "secho", "confirm", "prompt", "pause"})
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"}:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def test_only_one_module_prints() -> None:
    found = {name: lines for name, tree in modules().items() if (lines := printing(tree))}
    assert not {name: lines for name, lines in found.items() if name not in MAY_PRINT}


@pytest.mark.parametrize(
    "code", ["print(x)", "click.echo(x)", "Console().print(x)", "sys.stderr.write(x)", "traceback.print_exc()"]
)
def test_printing_is_found(code: str) -> None:
    assert printing(ast.parse(code))
