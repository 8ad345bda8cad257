"""Pictures, as PNG and SVG; matplotlib is imported only here, and only when something is drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Curve:
    """One line of a figure with logarithmic axes."""

    name: str
    points: Sequence[tuple[float, float]]
    """(x, y), all above zero."""
    spread: Sequence[float | None] = ()
    """Half lengths of error bars, one a point; None or nothing: no bar."""
    style: int = 0
    """Colour and marker."""
    dashed: bool = False


def error_against_size(curves: Sequence[Curve], quantity: str, trained_at: int, stem: Path) -> Path:
    """Error against L, one line per sampling or network, the training size marked; returns the path of the PNG."""
    figure, axes = _logarithmic(curves)
    axes.axvline(trained_at, color="0.6", linestyle=":", linewidth=1.0)
    axes.annotate(
        "trained here", (trained_at, 1.0), xycoords=("data", "axes fraction"),
        xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=8, color="0.4",
    )  # fmt: skip
    ticks = sorted({size for curve in curves for size, _ in curve.points} | {trained_at})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("side of the lattice L")
    axes.set_ylabel(quantity)
    return _save(figure, stem)


def error_against_parameters(
    curves: Sequence[Curve], levels: Mapping[str, float], quantity: str, wanted: Sequence[int], stem: Path
) -> Path:
    """Error against the number of parameters, one line a network, the `wanted` numbers as ticks.

    `levels` are errors of models that have one size only.
    """
    figure, axes = _logarithmic(curves, levels)
    axes.set_xticks(wanted, [f"{count:_}".replace("_", " ") for count in wanted])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("number of parameters")
    axes.set_ylabel(quantity)
    return _save(figure, stem)


def _logarithmic(curves: Sequence[Curve], levels: Mapping[str, float] | None = None) -> tuple[Any, Any]:
    """Figure and axes with all curves; a bar that would reach zero ends at the lower edge."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log", nonpositive="clip")
    seen: list[float] = list((levels or {}).values())
    for curve in curves:
        xs, ys = [x for x, _ in curve.points], [y for _, y in curve.points]
        bars = [bar or 0.0 for bar in curve.spread] or [0.0] * len(ys)
        axes.errorbar(
            xs, ys, bars if any(bars) else None, label=curve.name, color=COLOURS[curve.style % len(COLOURS)],
            marker=None if curve.dashed else MARKERS[curve.style % len(MARKERS)],
            linestyle="--" if curve.dashed else "-", capsize=3, elinewidth=1.0,
        )  # fmt: skip
        for y, bar in zip(ys, bars, strict=True):
            seen += [y, y + bar, max(y - bar, 0.5 * y)]
    for name, level in (levels or {}).items():
        axes.axhline(level, color="0.35", linestyle="--", linewidth=1.0, label=name)
    if seen:
        axes.set_ylim(min(seen) / 1.6, max(seen) * 1.6)
    axes.grid(visible=True, which="major", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) + len(levels or {}) > 1:
        handles = {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        order = [curve.name for curve in curves] + list(levels or {})  # matplotlib puts plain lines before bars
        axes.legend([handles[name] for name in order], order, frameon=False, fontsize=9)
    return figure, axes


def parity(panels: Mapping[str, Array], true: Array, stem: Path) -> Path:
    """Predicted against true energies per site, a panel a network on equal axes; returns the path of the PNG."""
    from matplotlib.figure import Figure

    count = len(panels)
    figure = Figure(figsize=(2.3 * count + 0.5, 3.05), layout="constrained")
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
        outside = int(((predicted < ends[0]) | (predicted > ends[1])).sum())
        if outside:
            note = f"{outside} of {len(true)} outside"
            axes.text(0.05, 0.95, note, transform=axes.transAxes, va="top", fontsize=7, color="0.35")
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
