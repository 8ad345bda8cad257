"""Draw floors.svg, the packages of efnn_cli by floor, from tests/test_floor_plan.py: python docs/draw_floors.py."""

from __future__ import annotations

import ast
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PLAN = DOCS.parent / "tests" / "test_floor_plan.py"
WIDTH, HEIGHT, GAP, MARGIN = 640, 40, 10, 20
INK, FILL, BODY = "#222222", "#eeeeee", "#cfe2f7"
PHYSICS_AND_NETWORKS = {"physics", "models", "training", "simulation"}


def floors() -> list[list[str]]:
    """Return the packages of every floor, from the bottom to the top, each floor sorted."""
    for node in ast.parse(PLAN.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS":
            return [sorted(floor) for floor in ast.literal_eval(node.value) if "__main__" not in floor]
    raise ValueError(f"{PLAN} has no FLOORS")


def row(names: list[str], y: int) -> str:
    """Return one floor as boxes of equal width."""
    width = (WIDTH - 2 * MARGIN - (len(names) - 1) * GAP) / len(names)
    boxes = ""
    for index, name in enumerate(names):
        x = MARGIN + index * (width + GAP)
        fill = BODY if name in PHYSICS_AND_NETWORKS else FILL
        size = f'width="{width:.1f}" height="{HEIGHT}" rx="6"'
        boxes += f'<rect x="{x:.1f}" y="{y}" {size} fill="{fill}" stroke="{INK}"/>'
        boxes += f'<text x="{x + width / 2:.1f}" y="{y + 25}" text-anchor="middle" fill="{INK}">{name}</text>\n'
    return boxes


def picture() -> str:
    """Return the picture as SVG, the top floor first, on a white background."""
    plan = floors()[::-1]
    height = len(plan) * (HEIGHT + GAP) - GAP + 2 * MARGIN
    rows = "".join(row(names, MARGIN + index * (HEIGHT + GAP)) for index, names in enumerate(plan))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
    style = 'font-family="DejaVu Sans, sans-serif" font-size="15">\n'
    return f'{head}{style}<rect width="100%" height="100%" fill="white"/>\n{rows}</svg>\n'


if __name__ == "__main__":
    (DOCS / "floors.svg").write_text(picture(), encoding="utf-8")
