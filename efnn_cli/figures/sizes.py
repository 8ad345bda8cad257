"""Error and bias against the side of the lattice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from efnn_cli.figures.drawing import INK, colour, legend_below, logarithmic, marker, new_figure, save, ticks_at
from efnn_cli.figures.errors import Curve, draw_curves, mark_training

SMALLEST = 1e-16


@dataclass(frozen=True)
class SizeSeries:
    """One network: rows of (L, error, its spread, bias per site, its spread); None: no spread."""

    name: str
    rows: Sequence[tuple[int, float, float | None, float, float | None]]


def error_and_bias(series: Sequence[SizeSeries], trained_at: int, y_label: str, stem: Path) -> Path:
    """Error on the left, bias per site on the right, the training size marked; returns the path of the PNG."""
    figure, axes = new_figure(8.0, 3.9, 1, 2)
    left, right = axes[0]
    curves = [
        Curve(each.name, [(L, error) for L, error, *_ in each.rows], [row[2] for row in each.rows], style)
        for style, each in enumerate(series)
    ]
    draw_curves(left, curves)
    for style, each in enumerate(series):
        right.errorbar(
            [row[0] for row in each.rows], [row[3] for row in each.rows], [row[4] or 0.0 for row in each.rows],
            label=each.name, color=colour(style), marker=marker(style), capsize=3, elinewidth=1.0,
        )  # fmt: skip
    logarithmic(right, y=False)
    smallest = min((abs(row[3]) for each in series for row in each.rows if abs(row[3]) > SMALLEST), default=1.0)
    largest = max((abs(row[3]) for each in series for row in each.rows), default=1.0)
    if largest > 30 * smallest:
        right.set_yscale("symlog", linthresh=10 ** np.floor(np.log10(max(smallest, largest / 100))), linscale=1.0)
    right.axhline(0.0, color=INK, linewidth=0.8)
    sizes = [trained_at, *(row[0] for each in series for row in each.rows)]
    for axis, label in ((left, y_label), (right, "bias per site")):
        mark_training(axis, trained_at)
        ticks_at(axis, sizes, room=7)
        axis.set_xlabel("side of the lattice L")
        axis.set_ylabel(label)
    legend_below(figure, axes, [each.name for each in series], columns=3)
    head = ("name", "L", "error", "error_spread", "bias_per_site", "bias_spread")
    rows = [(each.name, *("" if cell is None else cell for cell in row)) for each in series for row in each.rows]
    return save(figure, stem, head, rows)
