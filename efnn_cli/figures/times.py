"""Seconds per configuration against the side of the lattice, with the powers by which they grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from efnn_cli.figures.drawing import colour, legend_below, logarithmic, marker, new_figure, save, ticks_at
from efnn_cli.power_law import PowerLaw, power_law

LARGEST = 4
"""How many of the largest sizes a power is fitted to: what counts is how it goes on."""


def times(series: Mapping[str, Sequence[tuple[float, float]]], stem: Path) -> Path:
    """A line a method, fitted powers of L in the legend and dashed; returns the path of the PNG."""
    figure, axes = new_figure(6.4, 4.6)
    here = axes[0][0]
    logarithmic(here)
    names, rows = [], []
    for style, (name, unsorted) in enumerate(series.items()):
        points = sorted(unsorted)
        law = fitted(points)
        label = name if law is None else f"{name}: $L^{{{law.exponent:.1f}}}$"
        names.append(label)
        here.plot(*zip(*points, strict=True), marker(style), color=colour(style), label=label, linestyle="")
        if law is not None:
            ends = (law.first, law.last)
            here.plot(ends, [law.at(x) for x in ends], "--", color=colour(style), linewidth=1.2)
        fit = ("", "", "") if law is None else (law.exponent, law.first, law.last)
        rows += [(name, *point, *fit) for point in points]
    ticks_at(here, [x for points in series.values() for x, _ in points], room=10)
    here.set_xlabel("side of the lattice L")
    here.set_ylabel("seconds per configuration")
    legend_below(figure, axes, names, columns=2)
    return save(figure, stem, ("method", "L", "seconds", "exponent", "fitted_from", "fitted_to"), rows)


def fitted(points: Sequence[tuple[float, float]]) -> PowerLaw | None:
    """The power of the largest sizes; None with fewer than two."""
    last = sorted(points)[-LARGEST:]
    return power_law(last) if len({x for x, _ in last}) > 1 else None
