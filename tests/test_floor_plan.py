"""Imports run downwards only, without cycles, and asking for help loads nothing heavy."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import mutations
import pytest

import efnn_cli

PACKAGE = Path(efnn_cli.__file__).parent
FLOORS = [  # from the cellar to the roof
    {"core"},
    {"storage", "physics", "models"},
    {"training", "figures", "report"},
    {"config"},
    {"datasets"},
    {"runs", "benchmarks"},
    {"evaluation", "simulation"},
    {"studies"},
    {"cli"},
    {"api"},
    {"__main__", "__init__"},
]
STRANGERS = {"physics": {"models", "storage", "training"}, "models": {"physics", "storage"}, "storage": {"physics"}}
ONLY_ONE = {
    "hydra": {"config.bases", "config.compose", "config.store", "config.words", "studies.grid", "studies.launchers"},
    "rich": {"core.progress", "core.table"},
    "matplotlib": {"figures"},
}


def floor(module):
    return next(i for i, names in enumerate(FLOORS) if module in names)


def imports(path):
    """Top-level parts (`physics`, `cli`) of our own modules, and other packages, that a file imports."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{each.name}" for each in node.names]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            (ours if parts[0] == "efnn_cli" else others).add(parts[1] if parts[0] == "efnn_cli" else parts[0])
    return ours, others


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path


def test_imports_run_downwards():
    for part, path in modules():
        for other in imports(path)[0] - {part}:
            assert floor(other) < floor(part), f"{path.name} ({part}) imports {other} from above"
            assert other not in STRANGERS.get(part, ()), f"{part} must know nothing of {other}"


def test_a_library_has_one_door():
    for part, path in modules():
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for library, doors in ONLY_ONE.items():
            assert library not in imports(path)[1] or {part, name} & doors, f"{name} imports {library}"


def test_modules_and_functions_stay_small():
    for _, path in modules():
        lines = path.read_text().splitlines()
        assert len(lines) <= 300, f"{path.name} has {len(lines)} lines"
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.FunctionDef):
                length = node.end_lineno - node.lineno + 1
                assert length <= 60, f"{path.name}: {node.name} has {length} lines"


HEAVY = {"torch", "h5py", "matplotlib", "hydra", "scipy", "numpy"}


@pytest.mark.parametrize(
    ("words", "heavy", "shown"),
    [(["train", "--help"], HEAVY, "--resume"), (["runs"], {*HEAVY, "rich"}, "run in outputs/  status")],
)
def test_help_and_lists_load_nothing_heavy(tmp_path, words, heavy, shown):
    code = (
        f"import sys; from efnn_cli.cli import main; main({words!r});"
        f"sys.stderr.write(' '.join(sorted({heavy!r} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not set(done.stderr.split()) & heavy, done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize("package", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))
def test_a_package_names_all_its_modules(package):
    """Its docstring is where a reader begins."""
    text = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text())) or ""
    modules = {path.name for path in (PACKAGE / package).glob("*.py")} - {"__init__.py"}
    told = set(re.findall(r"\b\w+\.py\b", text))
    assert modules <= told, modules - told
    assert told - modules <= {"cli/app.py"}, told - modules


def test_planted_mistakes_follow_the_sources():
    assert mutations.main(["--check"]) == 0
