"""Pictures, as PNG and SVG; matplotlib is imported only here, and only when something is drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.storage import atomic

Array = NDArray[np.float64]

# Okabe and Ito's palette, told apart by all kinds of colour vision, also in grey print by its markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P")
PARITY_POINTS = 2000  # more would only be darker


def error_against_size(
    series: Mapping[str, Sequence[tuple[int, float]]], quantity: str, trained_at: int, stem: Path
) -> Path:
    """Error against L, one line per sampling, the training size marked; returns the path of the PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.6), layout="constrained")
    axes = figure.subplots()
    for index, (name, points) in enumerate(series.items()):
        sizes, errors = zip(*points, strict=True)
        axes.plot(sizes, errors, label=name, color=COLOURS[index % len(COLOURS)], marker=MARKERS[index % len(MARKERS)])
    axes.axvline(trained_at, color="0.6", linestyle=":", linewidth=1.0)
    axes.annotate(
        "trained here", (trained_at, 0.0), xycoords=("data", "axes fraction"),
        xytext=(4, 6), textcoords="offset points", va="bottom", rotation=90, fontsize=8, color="0.4",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    every = [error for points in series.values() for _, error in points]
    if every:
        axes.set_ylim(min(every) / 1.6, max(every) * 1.6)
    ticks = sorted({size for points in series.values() for size, _ in points} | {trained_at})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("side of the lattice L")
    axes.set_ylabel(quantity)
    axes.grid(visible=True, which="major", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axes.legend(frameon=False)
    return _save(figure, stem)


def parity(panels: Mapping[str, Array], true: Array, stem: Path) -> Path:
    """Predicted against true energies per site, a panel a network on equal axes; returns the path of the PNG."""
    from matplotlib.figure import Figure

    count = len(panels)
    figure = Figure(figsize=(2.3 * count + 0.5, 2.9), layout="constrained")
    every = figure.subplots(1, count, sharex=True, sharey=True, squeeze=False)[0]
    shown = np.linspace(0, len(true) - 1, min(len(true), PARITY_POINTS)).astype(int)
    margin = 0.05 * float(np.ptp(true)) or 1.0
    ends = (float(true.min()) - margin, float(true.max()) + margin)
    for index, (axes, (name, predicted)) in enumerate(zip(every, panels.items(), strict=True)):
        axes.plot(ends, ends, color="0.5", linewidth=0.8)
        axes.plot(
            true[shown], predicted[shown], ".", markersize=3, alpha=0.5, color=COLOURS[index % len(COLOURS)],
            markeredgewidth=0, rasterized=True,
        )  # fmt: skip
        axes.set(xlim=ends, ylim=ends, aspect="equal")
        axes.set_title(name, fontsize=9)
        axes.locator_params(nbins=4)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    every[0].set_ylabel("predicted energy per site")
    figure.supxlabel("true energy per site (test split)", fontsize=10)
    return _save(figure, stem)


def _save(figure: Any, stem: Path) -> Path:
    for suffix in (".svg", ".png"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix[1:], dpi=200)
        atomic.write_bytes(stem.with_suffix(suffix), buffer.getvalue())
    return stem.with_suffix(".png")
