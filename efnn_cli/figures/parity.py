"""Predicted against true energies, and what is left between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.figures.drawing import FAINT, INK, colour, named_rows, new_figure, save

Array = NDArray[np.float64]

PARITY_POINTS = 2000  # more would only be darker
BINS = 41


def parity(panels: Mapping[str, Array], true: Array, stem: Path) -> Path:
    """A panel a network on equal axes, and under each the histogram of its residuals in units of std(E).

    Every residual has its own scale: networks differ by orders of magnitude. Returns the path of the PNG.
    """
    count = len(panels)
    figure, axes = new_figure(max(2.3 * count + 0.6, 3.4), 4.6, 2, count, height_ratios=(2.1, 1))
    shown = np.linspace(0, len(true) - 1, min(len(true), PARITY_POINTS)).astype(int)
    margin = 0.05 * float(np.ptp(true)) or 1.0
    ends = (float(true.min()) - margin, float(true.max()) + margin)
    scale = float(true.std()) or 1.0
    for index, (name, predicted) in enumerate(panels.items()):
        upper, lower = axes[0][index], axes[1][index]
        upper.plot(ends, ends, color=FAINT, linewidth=0.8)
        upper.plot(
            true[shown], predicted[shown], ".", markersize=3, alpha=0.5, color=colour(index), markeredgewidth=0,
            rasterized=True,
        )  # fmt: skip
        upper.set(xlim=ends, ylim=ends, aspect="equal")
        outside = int(((predicted < ends[0]) | (predicted > ends[1])).sum())
        if outside:
            note = f"{outside} of {len(true)} outside"
            upper.text(0.05, 0.95, note, transform=upper.transAxes, va="top", fontsize=8, color=INK)
        upper.set_title(name)
        upper.locator_params(nbins=4)
        _residuals(lower, (predicted - true) / scale, colour(index))
        upper.set_xlabel("true")
    axes[0][0].set_ylabel("predicted energy")
    axes[1][0].set_ylabel("configurations")
    figure.supxlabel("residual / std(E)", fontsize=10, color=INK)
    pairs = {name: list(zip(true.tolist(), found.tolist(), strict=True)) for name, found in panels.items()}
    return save(figure, stem, ("name", "true", "predicted"), named_rows(pairs))


def _residuals(axes: Any, residuals: Array, face: str) -> None:
    """Histogram, RMSE and bias."""
    finite = residuals[np.isfinite(residuals)]
    reach = float(np.quantile(np.abs(finite), 0.999)) if len(finite) else 1.0
    edges = np.linspace(-reach, reach, BINS + 1) if reach > 0 else np.linspace(-1, 1, BINS + 1)
    rmse, bias = float(np.sqrt(np.mean(finite**2))), float(np.mean(finite))
    axes.hist(np.clip(finite, edges[0], edges[-1]), edges, color=face)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_title(f"RMSE {rmse:.1e}, bias {bias:+.0e}", fontsize=8)
    axes.locator_params(axis="x", nbins=3)
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 2))
