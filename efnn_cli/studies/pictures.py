"""Figures of groups of runs, for `efnn compare` and the report of `efnn reproduce`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from efnn_cli.core.size import Size, length
from efnn_cli.evaluation.size_table import mean_and_bar
from efnn_cli.figures import Curve
from efnn_cli.studies.summary import Group


def against_size(groups: Mapping[str, Group], sizes: Sequence[Size], column: str) -> list[Curve]:
    """Return a line a network against L: mean of a column over the seeds; bars hold also the sampling of references."""
    curves = []
    for name, group in groups.items():
        rows = [row for member in group.members for row in member.sizes if row[column]]
        at_size = {size: [row for row in rows if row["L"] == str(size)] for size in sizes}
        points = [(length(size), *mean_and_bar(lines, column)) for size, lines in at_size.items() if lines]
        curves += [Curve(name, points, group.title)] if points else []
    return curves


def against_width(groups: Sequence[Group], quantity: str, *, networks: bool) -> list[Curve]:
    """Return a line a network, or a line a depth of one network: test error against the width."""
    rows: dict[str, list[tuple[float, float, float | None]]] = {}
    for group in sorted(groups, key=lambda group: group.width):
        name = group.title if networks else f"D = {group.depth}"
        rows.setdefault(name, []).append((float(group.width), *group.test(quantity)))
    order = dict.fromkeys(group.title if networks else f"D = {group.depth}" for group in groups)
    return [Curve(name, rows[name]) for name in order]
