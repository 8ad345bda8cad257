"""Print the size and the structure of the package: `python tests/house.py [CHECKOUT]`.

Counts lines of code after `ruff format`, arrows between packages (imports, each ordered pair once), functions over 60
lines, and docstrings that begin with a question word. It reads sources only, so that it also measures older checkouts.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

QUESTIONS = ("What", "Whether", "Which", "Who", "How")
BODY = ("physics", "models", "training")


def python_files(folder: Path) -> list[Path]:
    """Return the Python files below `folder`, sorted."""
    return sorted(folder.rglob("*.py"))


def lines(paths: list[Path]) -> int:
    """Return the total number of lines."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def room(path: Path, package: Path) -> str:
    """Return the first part of the module's name: a package, or a loose module."""
    return path.relative_to(package).parts[0].removesuffix(".py")


def imported_rooms(tree: ast.AST) -> set[str]:
    """Return the rooms of `efnn_cli` that a module imports."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            names += [each.name for each in node.names]
    return {name.split(".")[1] for name in names if name.startswith("efnn_cli.")}


def measure(checkout: Path) -> dict[str, object]:
    """Return the figures of one checkout by name."""
    package = checkout / "efnn_cli"
    modules = python_files(package)
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules}
    packages = sorted({path.parent.name for path in package.glob("*/__init__.py")})
    loose = sorted(path.stem for path in package.glob("*.py") if path.stem not in ("__init__", "__main__"))
    rooms = {*packages, *loose}
    arrows = {
        (room(path, package), other)
        for path, tree in trees.items()
        for other in imported_rooms(tree) & rooms
        if other != room(path, package) and room(path, package) in rooms
    }
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    documented = [node for node in nodes if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    docstrings = [ast.get_docstring(node) or "" for node in documented]
    questions = [text for text in docstrings if text.startswith(QUESTIONS)]
    own, tests = lines(modules), lines(python_files(checkout / "tests"))
    body = lines([path for path in modules if room(path, package) in BODY])
    return {
        "packages": len(packages),
        "loose modules": len(loose),
        "arrows between packages": len(arrows),
        "modules": len(modules),
        "longest module": max(len(path.read_text(encoding="utf-8").splitlines()) for path in modules),
        "lines of the package": own,
        "lines of tests": tests,
        "tests / package": f"{tests / own:.2f}",
        "share of physics, models, training": f"{body / own:.2f}",
        "functions over 60 lines": sum(each.end_lineno - each.lineno >= 60 for each in functions),  # type: ignore[operator]
        "docstrings that begin with a question": len(questions),
    }


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    for name, figure in measure(Path(sys.argv[1]) if len(sys.argv) > 1 else here).items():
        print(f"{name:40} {figure}")
