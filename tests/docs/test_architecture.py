"""docs/architecture.md names packages and functions that exist, and its picture shows the floor plan."""

import importlib
import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = (DOCS / "architecture.md").read_text(encoding="utf-8")
DRAWING = runpy.run_path(str(DOCS / "draw_floors.py"))


def test_the_picture_shows_the_floor_plan():
    assert (DOCS / "floors.svg").read_text(encoding="utf-8") == DRAWING["picture"](), "run python docs/draw_floors.py"


def test_every_package_has_one_line():
    packages = sorted(name for floor in DRAWING["floors"]() for name in floor)
    assert sorted(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == packages


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", TEXT)) - {"options.depth"}))
def test_functions_of_the_walks_exist(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(["efnn_cli", *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return
    pytest.fail(f"no module of {name}")
