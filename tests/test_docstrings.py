"""Docstrings of public functions with three arguments or more have the sections of the NumPy style.

Of functions, and of methods without `self`; of a constructor it is the class's docstring. They need

- Parameters, with every argument;
- Returns, or a first line that begins with Return, Yield or Whether, where they return something;
- Raises, where they raise something themselves.

A method that says "see `Protocol.method`" has the sections of that one. Commands are left out: their docstrings are
help pages.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MANY = 3
VERBS = ("Return", "Yield", "Whether")
_REFERENCE = re.compile(r"see `(\w+\.\w+)`")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Lack:
    """A function, and what its docstring lacks."""

    function: str
    what: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as a failing test names it."""
        return f"{self.function}: {', '.join(self.what)}"


def lacking(root: Path, package: str) -> list[Lack]:
    """Return the functions of a package whose docstrings lack a section."""
    functions = list(_all_functions(root, package))
    complete = {name for _, name, function, docstring in functions if not any(_lacks(function, docstring))}
    return [
        Lack(f"{module}:{name}", what)
        for module, name, function, docstring in functions
        if not complete & set(_REFERENCE.findall(docstring))
        if (what := tuple(_lacks(function, docstring)))
    ]


def _all_functions(root: Path, package: str) -> Iterator[tuple[str, str, Function, str]]:
    """Yield module, name, node and docstring of each public function and method of a package."""
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        module = ".".join(parts).removesuffix(".__init__")
        for name, function, docstring in _functions(ast.parse(path.read_text("utf-8"))):
            yield module, name, function, docstring or ""


def _functions(tree: ast.Module) -> Iterator[tuple[str, Function, str | None]]:
    """Yield each public function and method with its docstring, or that of the class for a constructor."""
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield node.name, node, ast.get_docstring(node)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                if isinstance(method, Function) and method.name == "__init__":
                    yield f"{node.name}.__init__", method, ast.get_docstring(node)
                elif isinstance(method, Function) and (method.name == "__call__" or not method.name.startswith("_")):
                    yield f"{node.name}.{method.name}", method, ast.get_docstring(method)


def _lacks(function: Function, docstring: str) -> Iterator[str]:
    """Yield what a docstring lacks."""
    arguments = _arguments(function)
    if len(arguments) < MANY or _is_command(function):
        return
    sections = _sections(docstring)
    named = {
        name.strip().lstrip("*")
        for line in sections.get("Parameters", "").splitlines()
        if line and not line[0].isspace()
        for name in line.partition(":")[0].split(",")
    }
    if unnamed := [name for name in arguments if name not in named]:
        yield f"Parameters ({', '.join(unnamed)})" if named else "Parameters"
    if _returns(function) and not ({"Returns", "Yields"} & sections.keys() or docstring.startswith(VERBS)):
        yield "Returns"
    if _raises(function) and "Raises" not in sections:
        yield "Raises"


def _arguments(function: Function) -> list[str]:
    a = function.args
    every = [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs, *([a.kwarg] if a.kwarg else [])]
    names = [argument.arg for argument in every]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _is_command(function: Function) -> bool:
    """Whether click makes a command of it."""
    return any(re.match(r"(\w+\.)?(command|group)\b", ast.unparse(decorator)) for decorator in function.decorator_list)


def _returns(function: Function) -> bool:
    return function.returns is not None and ast.unparse(function.returns) not in ("None", "NoReturn", "Never")


def _raises(function: Function) -> bool:
    """Whether it raises something of its own; what was caught and is raised on does not count."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            return True
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def _sections(docstring: str) -> dict[str, str]:
    parts = re.split(r"^(\w[\w ]*)\n-{3,}$", docstring, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_function_has_its_sections() -> None:
    assert not [str(lack) for lack in lacking(ROOT, "valex_local")]


WHOLE = '''def f(a, b, *, c: int) -> int:
    """Count.

    Parameters
    ----------
    a, b
        Two.
    c : int
        Three.

    Returns
    -------
    int
        Four.

    Raises
    ------
    ValueError
        Five.
    """
    raise ValueError("x")
'''


PROTOCOL = """class P:
    def f(self, a, b, c) -> None:
        '''Count.

        Parameters
        ----------
        a, b, c
            Three.
        '''


class C:
    def f(self, a, b, c) -> None:
        '''Count; see `P.f`.'''
"""


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (WHOLE, ""),
        (WHOLE.replace("a, b\n", "a\n"), "Parameters (b)"),
        (WHOLE.replace("Returns\n    -------", "Notes\n    -----"), "Returns"),
        (WHOLE.replace("Returns\n    -------", "Notes\n    -----").replace("Count.", "Return a count."), ""),
        (WHOLE.replace("Raises\n    ------", "Notes\n    -----"), "Raises"),
        (WHOLE.replace('raise ValueError("x")', "raise"), ""),
        ("def f(a, b, c) -> None: ...", "Parameters"),
        ("def f(a, b): ...", ""),
        ("def _f(a, b, c): ...", ""),
        ("@click.command()\ndef f(a, b, c): ...", ""),
        ("class C:\n    def f(self, a, b, *c) -> int: ...", "Parameters, Returns"),
        ("class C:\n    def f(self, a, b): ...", ""),
        ("class C:\n    '''Hold.'''\n    def __init__(self, a, b, **c) -> None: ...", "Parameters"),
        ("class _C:\n    def f(self, a, b, c): ...", ""),
        (PROTOCOL.replace("P.f", "P.g"), "Parameters"),
        (PROTOCOL, ""),
    ],
)
def test_a_lack_is_found(tmp_path: Path, code: str, what: str) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "module.py").write_text(code)
    (tmp_path / "made" / "_private.py").write_text("def f(a, b, c): ...")
    assert [", ".join(lack.what) for lack in lacking(tmp_path, "made")] == ([what] if what else [])
