"""Predicted against true energies, and their residuals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.numbers import number
from efnn_cli.figures.style import FAINT, INK, NOTE, in_unit, looks, save, sheet, styled

Array = NDArray[np.float64]

POINTS = 2000  # more would only be darker
BINS = 41
COLUMNS = 3  # panels side by side that are readable on a page


@styled()
def parity(panels: Mapping[str, Array], true: Array, stem: Path, *, unit: str = "", title: str = "") -> Path:
    """Draw predicted against true energies per site, a panel a network, residuals below; return the path of the PNG.

    Energies are in the `unit`. Residuals E_pred - E_true are in units of std(E_true), and so are RMSE and bias.
    `true` and every entry of `panels` have the shape (B,).
    """
    columns = min(len(panels), COLUMNS)
    blocks = math.ceil(len(panels) / columns)
    figure = sheet(max(3.3, 2.3 * columns + 0.6), 4.6 * blocks)
    figure.suptitle(title, fontsize=9)
    every = figure.subplots(2 * blocks, columns, squeeze=False, height_ratios=(2.1, 1) * blocks)
    residuals = {name: (predicted - true) / (float(true.std()) or 1.0) for name, predicted in panels.items()}
    reach = max(float(np.quantile(np.abs(each), 0.999)) for each in residuals.values()) or 1.0
    edges = np.linspace(-1.15 * reach, 1.15 * reach, BINS + 1)
    highest = 0
    for index, (name, look) in enumerate(looks(panels).items()):
        block, column = divmod(index, columns)
        upper, lower = every[2 * block : 2 * block + 2, column]
        draw_agreement(upper, panels[name], true, look["color"])
        upper.set_title(name)
        highest = max(highest, draw_residuals(lower, residuals[name], edges, look["color"]))
        names = [in_unit(f"{each} energy per site", unit) for each in ("true", "predicted")]
        upper.set(xlabel=names[0], ylabel="" if column else names[1])
        lower.set(xlabel="(predicted − true) / std(E)", ylabel="" if column else "configurations")
        for axes in (upper, lower):
            axes.tick_params(labelleft=column == 0)
    for axes in every.flat:
        axes.set_visible(axes.has_data())
    for axes in every[1::2].flat:
        axes.set_ylim(0, 1.5 * highest)  # room for the note above the bars
    rows = [(name, *pair) for name, each in panels.items() for pair in zip(true.tolist(), each.tolist(), strict=True)]
    return save(figure, stem, ("panel", "true_per_site", "predicted_per_site"), rows)


def draw_agreement(axes: Any, predicted: Array, true: Array, colour: str) -> None:
    """Draw points about the diagonal, with the number of those outside the axes."""
    shown = np.linspace(0, len(true) - 1, min(len(true), POINTS)).astype(int)
    margin = 0.05 * float(np.ptp(true)) or 1.0
    ends = (float(true.min()) - margin, float(true.max()) + margin)
    axes.plot(ends, ends, color=FAINT, linewidth=0.8)
    axes.plot(
        true[shown], predicted[shown], ".", markersize=3, alpha=0.5, color=colour, markeredgewidth=0, rasterized=True
    )
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.locator_params(nbins=4)
    outside = int(((predicted < ends[0]) | (predicted > ends[1])).sum())
    if outside:
        note = f"{outside} of {len(true)} outside"
        axes.text(0.04, 0.97, note, transform=axes.transAxes, va="top", fontsize=NOTE, color=FAINT)


def draw_residuals(axes: Any, residuals: Array, edges: Array, colour: str) -> int:
    """Draw a histogram whose outermost bars hold everything beyond; return the height of the highest bar."""
    counts, _ = np.histogram(np.clip(residuals, edges[0], edges[-1]), edges)
    axes.stairs(counts, edges, color=colour, fill=True, alpha=0.6)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.locator_params(nbins=4)
    rmse, bias = float(np.sqrt(np.mean(residuals**2))), float(residuals.mean())
    note = f"RMSE/std {number(rmse, 2)}\nbias/std {number(bias, 2)}"
    axes.text(0.03, 0.97, note, transform=axes.transAxes, va="top", fontsize=NOTE)
    return int(counts.max())
