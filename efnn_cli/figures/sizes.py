"""Error and bias of networks against the size of the lattice they are carried to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.figures.curves import Curve, draw_curves, mark_training
from efnn_cli.figures.style import FAINT, below, limits, logarithmic, look, power_of_ten, save, sheet, styled, ticks_at

SizePoint = tuple[int, float, float | None, float, float | None]


@dataclass(frozen=True)
class SizeSeries:
    """One network at several sizes."""

    name: str
    rows: Sequence[SizePoint]
    """(L, error, its spread over seeds, bias per site, its spread over seeds); errors above zero."""


@styled()
def error_and_bias(series: Sequence[SizeSeries], trained_at: int, y_label: str, stem: Path) -> Path:
    """Error against L, log-log, beside the bias per site against L; returns the path of the PNG.

    Biases are mean(E_pred - E_true) / L^2, in the unit of the energy: the hopping t, or the scale of the couplings.
    """
    figure = sheet(7.2, 3.7)
    left, right = figure.subplots(1, 2)
    curves = [
        Curve(each.name, [(row[0], row[1]) for row in each.rows], [row[2] for row in each.rows], style)
        for style, each in enumerate(series)
    ]
    seen: dict[str, object] = {}
    left.set_ylim(limits(draw_curves(left, curves, seen)))
    left.set_ylabel(y_label)
    logarithmic(right.xaxis)
    right.axhline(0.0, color=FAINT, linewidth=1.0)
    power = _power([row[3] for each in series for row in each.rows])
    for style, each in enumerate(series):
        bars = [(row[4] or 0.0) / 10.0**power for row in each.rows]
        right.errorbar(
            [row[0] for row in each.rows], [row[3] / 10.0**power for row in each.rows], bars if any(bars) else None,
            capsize=2.5, elinewidth=1.0, **look(style),
        )  # fmt: skip
    right.set_ylabel("bias per site" + (f" ({power_of_ten(power)})" if power else ""))
    for axes in (left, right):
        mark_training(axes, trained_at)
        ticks_at(axes, [row[0] for each in series for row in each.rows] + [trained_at])
        axes.set_xlabel("side of the lattice L")
    below(figure, list(seen.values()), list(seen))
    head = ("series", "L", y_label, "spread", "bias_per_site", "bias_spread")
    return save(figure, stem, head, [(each.name, *row) for each in series for row in each.rows])


def _power(values: Sequence[float]) -> int:
    """The power of ten to draw `values` in; 0 where they need none."""
    largest = max(map(abs, values), default=0.0)
    power = math.floor(math.log10(largest)) if largest > 0 else 0
    return power if abs(power) > 1 else 0
