"""Fields of a dataclass read from its source: name, type, default and docstring.

Nothing is imported or executed: systems load PyTorch, which takes seconds, and docstrings of fields are nowhere but in
the source. `place` is `module:class` or `FILE.py:class`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True)
class Field:
    """One field; `default` is a literal, or source text for any other expression."""

    name: str
    type: str
    default: object
    meaning: str


@dataclass(frozen=True)
class Outline:
    """A class: the first paragraph of its docstring, its fields, and its class variables with literal values."""

    summary: str
    fields: dict[str, Field]
    constants: dict[str, object]


def place_of(cls: type) -> str:
    """Return the place of a class."""
    return f"{cls.__module__}:{cls.__qualname__}"


@cache
def outline(place: str) -> Outline:
    """Return the class at `place`, with what it inherits from base classes in sight; an empty one where none is."""
    file, _, name = place.rpartition(":")
    body = _module(file)
    node = next((each for each in body if isinstance(each, ast.ClassDef) and each.name == name), None)
    if node is None:
        return Outline("", {}, {})
    fields: dict[str, Field] = {}
    constants: dict[str, object] = {}
    for base in reversed(node.bases):
        if isinstance(base, ast.Name):
            inherited = outline(_imported(body, base.id) or f"{file}:{base.id}")
            fields |= inherited.fields
            constants |= inherited.constants
    for each in _statements(node.body):
        if each.type.startswith("ClassVar"):
            constants[each.name] = each.default
        elif _is_dataclass(node):
            fields[each.name] = each
    summary = (ast.get_docstring(node) or "").partition("\n\n")[0]
    return Outline(" ".join(summary.split()), fields, constants)


@cache
def _module(file: str) -> list[ast.stmt]:
    """Return the statements of a module, or of a file; none where it cannot be read."""
    try:
        spec = None if file.endswith(".py") else find_spec(file)
        path = file if spec is None else str(spec.origin)
        return ast.parse(Path(path).read_text(encoding="utf-8")).body
    except (ImportError, OSError, SyntaxError, ValueError):
        return []


def _imported(body: Sequence[ast.stmt], name: str) -> str | None:
    """Return the place of a class that a module imports under `name`."""
    for node in (each for each in body if isinstance(each, ast.ImportFrom)):
        for each in node.names:
            if name in (each.asname, each.name):
                return f"{node.module}:{each.name}"
    return None


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(each) for each in node.decorator_list)


def _statements(body: Sequence[ast.stmt]) -> Iterator[Field]:
    """Return the annotated names of a class with their values and docstrings."""
    for node, after in pairwise([*body, ast.Pass()]):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            meaning = str(after.value.value) if told else ""  # type: ignore[attr-defined]
            yield Field(node.target.id, ast.unparse(node.annotation), _default(node.value), " ".join(meaning.split()))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield Field(node.targets[0].id, "ClassVar", _default(node.value), "")


def _default(node: ast.expr | None) -> object:
    """Return the default of a field, also from `field(default_factory=lambda: VALUE)`."""
    if isinstance(node, ast.Call) and node.keywords:
        node = node.keywords[0].value
        node = node.body if isinstance(node, ast.Lambda) else node
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
