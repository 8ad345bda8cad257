"""Figures of groups of runs, for `efnn compare` and the report of `efnn reproduce`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from efnn_cli import figures
from efnn_cli.core.size import Size
from efnn_cli.evaluation.evaluation_set import evaluation_set
from efnn_cli.figures import Curve
from efnn_cli.runs.loading import load
from efnn_cli.studies.summary import Group


def against_size(groups: Mapping[str, Group], sizes: Sequence[Size], column: str) -> list[Curve]:
    """Return a line a network: mean and spread over the seeds of a column of the extrapolation, against L."""
    points = {name: group.against_size(sizes, column) for name, group in groups.items()}
    return [Curve(name, each, groups[name].title) for name, each in points.items() if each]


def against_width(groups: Sequence[Group], quantity: str, *, networks: bool) -> list[Curve]:
    """Return a line a network, or a line a depth of one network: test error against the width."""
    rows: dict[str, list[tuple[float, float, float | None]]] = {}
    for group in sorted(groups, key=lambda group: group.width):
        name = group.title if networks else f"D = {group.depth}"
        rows.setdefault(name, []).append((float(group.width), *group.test(quantity)))
    order = dict.fromkeys(group.title if networks else f"D = {group.depth}" for group in groups)
    return [Curve(name, rows[name]) for name in order]


def parity(groups: Mapping[str, Group], data: Path, stem: Path) -> Path:
    """Draw predicted against true energies per site on the test split, by the first seed of every network."""
    members = [load(group.members[0].run, "cpu") for group in groups.values()]
    task = evaluation_set(members, data, "test", drop_seen=False)
    found = task.predictions(lambda: None)
    sites = members[0].system.sites
    panels = {name: np.asarray(energies) / sites for name, energies in zip(groups, found, strict=True)}
    return figures.parity(panels, task.true / sites, stem)
