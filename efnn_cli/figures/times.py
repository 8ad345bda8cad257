"""Seconds per configuration against the size of the lattice, each with the power it grows by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.figures.power_law import growth
from efnn_cli.figures.style import SIDE, Row, legend_below, logarithmic, looks, save, sheet, styled, ticks_at


@styled()
def times(series: Mapping[str, Sequence[tuple[float, float]]], stem: Path) -> Path:
    """Draw (L, seconds) log-log, with fitted power laws dashed; return the path of the PNG."""
    figure = sheet(5.2, 3.9)
    axes = figure.subplots()
    logarithmic(axes.xaxis, axes.yaxis)
    handles: dict[str, Any] = {}
    rows: list[Row] = []
    for (name, points), look in zip(series.items(), looks(series).values(), strict=True):
        law = growth(points)
        ordered = sorted(points)
        (handle,) = axes.plot(*zip(*ordered, strict=True), linestyle="" if law else "-", **look)
        if law is not None:
            ends = (law.first, law.last)
            axes.plot(ends, [law.at(x) for x in ends], linestyle="--", color=look["color"])
        handles[name if law is None else f"{name}: {law}"] = handle
        fit = (None,) * 4 if law is None else (law.exponent, law.error, law.first, law.last)
        rows += [(name, size, seconds, *fit) for size, seconds in ordered]
    ticks_at(axes, (size for points in series.values() for size, _ in points))
    axes.set_xlabel(SIDE)
    axes.set_ylabel("seconds per configuration")
    legend_below(figure, list(handles.values()), list(handles))
    return save(figure, stem, ("series", "L", "seconds", "exponent", "exponent_error", "fit_from", "fit_to"), rows)
