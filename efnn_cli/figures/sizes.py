"""Errors and bias against the size of the lattice.

Errors of independent places add like a random walk: the RMSE grows as L on an L x L lattice, as std(E) does, while the
energy grows as L^2. A network that keeps its accuracy per site has a constant RMSE / std(E); its relative error and its
RMSE per site fall as 1/L.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.figures.curves import Curve, draw_bars, draw_errors, table_of
from efnn_cli.figures.style import (
    FAINT,
    NOTE,
    SIDE,
    in_unit,
    legend_below,
    logarithmic,
    looks,
    power_of_ten,
    save,
    sheet,
    styled,
    ticks_at,
)

FALLING = ("relative error", "RMSE per site")
BIAS = "bias per site"
GUIDE = "∝ 1/L, to guide the eye"


@styled()
def against_size(
    panels: Mapping[str, Sequence[Curve]], trained_at: float, stem: Path, *, unit: str = "", table: bool = True
) -> Path:
    """Draw quantities against L, a panel each, the training size marked; return the path of the PNG.

    The keys of `panels` are the quantities; "bias per site" has a linear axis, all others logarithmic ones. Where an
    error of independent places falls as 1/L, a dashed line does. RMSE and bias are in the `unit` of the energy. Without
    `table` no CSV is written: STEM.csv belongs to the caller.
    """
    columns = min(len(panels), 2)
    rows = math.ceil(len(panels) / columns)
    figure = sheet(5.2 if columns == 1 else 7.2, 3.7 if rows == 1 else 3.0 * rows + 0.4)
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    handles: dict[str, Any] = {}
    for axes, (quantity, curves) in zip(every, panels.items(), strict=False):
        if quantity == BIAS:
            axes.set_ylabel(draw_bias(axes, curves, unit))
        else:
            axes.set_ylabel(in_unit(quantity, unit) if quantity.startswith("RMSE per") else quantity)
            handles |= draw_errors(axes, curves)
        if quantity in FALLING and curves:
            handles[GUIDE] = draw_fall(axes, curves[0].points, trained_at)
        mark_sizes(axes, curves, trained_at)
    for axes in every[len(panels) :]:
        axes.set_visible(False)
    if len(handles) > 1:
        order = sorted(handles, key=GUIDE.__eq__)
        legend_below(figure, [handles[name] for name in order], order)
    head = ("quantity", "curve", "L", "value", "error_bar") if table else None
    lines = [(name, *row) for name, curves in panels.items() for row in table_of(curves)]
    return save(figure, stem, head, lines)


def draw_fall(axes: Any, points: Sequence[tuple[float, float, float | None]], trained_at: float) -> Any:
    """Draw a dashed line 1/L through the points, weighted by their errors, from the training size on; return it."""
    weights = [(y / bar) ** 2 if bar else 1.0 for _, y, bar in points]
    logs = [math.log(x * y) for x, y, _ in points]
    level = math.exp(sum(map(operator.mul, weights, logs)) / sum(weights))
    sizes = [trained_at, *(x for x, *_ in points)]
    ends = (min(sizes), max(sizes))
    (line,) = axes.plot(ends, [level / x for x in ends], color=FAINT, linestyle="--", linewidth=1.0, zorder=1)
    return line


def draw_bias(axes: Any, curves: Sequence[Curve], unit: str) -> str:
    """Draw mean(E_pred - E_true) / sites on a linear axis; return the label of the axis."""
    logarithmic(axes.xaxis)
    axes.axhline(0.0, color=FAINT, linewidth=1.0)
    largest = max(abs(y) for curve in curves for _, y, _ in curve.points)
    power = math.floor(math.log10(largest)) if largest > 0 else 0
    power = power if abs(power) > 1 else 0
    look_of = looks(curve.network or curve.name for curve in curves)
    for curve in curves:
        x, y, bars = zip(*curve.points, strict=True)
        lengths = [(bar or 0.0) / 10.0**power for bar in bars]
        draw_bars(
            axes, x, [each / 10.0**power for each in y], (lengths, lengths), **look_of[curve.network or curve.name]
        )
    return in_unit(BIAS, " ".join(filter(None, (power_of_ten(power) if power else "", unit))))


def mark_sizes(axes: Any, curves: Sequence[Curve], trained_at: float) -> None:
    """Label the x axis with L; mark the training size by a dotted line, named above the axes."""
    sizes = [x for curve in curves for x, *_ in curve.points]
    if len(set(sizes)) == 1:
        axes.set_xlim(min(*sizes, trained_at) / 1.3, max(*sizes, trained_at) * 1.3)
    axes.axvline(trained_at, color=FAINT, linestyle=":", linewidth=1.0)
    axes.annotate(
        "trained here", (trained_at, 1.0), xycoords=("data", "axes fraction"),
        xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=NOTE, color=FAINT,
    )  # fmt: skip
    ticks_at(axes, [*sizes, trained_at])
    axes.set_xlabel(SIDE)
