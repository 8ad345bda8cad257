"""Seconds per configuration against the size of the lattice, each with the power it grows by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.figures.power_law import PowerLaw, power_law
from efnn_cli.figures.style import below, logarithmic, look, save, sheet, styled, ticks_at

LARGEST = 4  # sizes that a power is fitted to: small ones are ruled by overheads

Points = Sequence[tuple[float, float]]


def growth(points: Points) -> PowerLaw | None:
    """The power law of (L, seconds) from the fourth-largest L up; None with fewer than two sizes, or of no use."""
    sizes = sorted({size for size, _ in points})[-LARGEST:]
    if len(sizes) < 2:
        return None
    try:
        law = power_law([point for point in points if point[0] >= sizes[0]])
        ends = law.at(law.first), law.at(law.last)
    except (OverflowError, ZeroDivisionError):  # sizes that are nearly equal
        return None
    return law if all(0 < end < math.inf for end in ends) else None


@styled()
def times(series: Mapping[str, Points], stem: Path) -> Path:
    """Seconds per configuration against L, log-log, with fitted power laws dashed; returns the path of the PNG."""
    figure = sheet(5.2, 3.9)
    axes = figure.subplots()
    logarithmic(axes.xaxis)
    logarithmic(axes.yaxis)
    handles: list[Any] = []
    names, rows = [], []
    for index, (name, points) in enumerate(series.items()):
        law = growth(points)
        ordered = sorted(points)
        style = look(index)
        (handle,) = axes.plot(*zip(*ordered, strict=True), linestyle="" if law else "-", **style)
        if law is not None:
            ends = np.geomspace(law.first, law.last, 2)
            axes.plot(ends, [law.at(x) for x in ends], linestyle="--", color=style["color"])
        handles.append(handle)
        names.append(name if law is None else f"{name}: L^{law.exponent:.2f}")
        fit = (None,) * 3 if law is None else (law.exponent, law.first, law.last)
        rows += [(name, size, seconds, *fit) for size, seconds in ordered]
    ticks_at(axes, [size for points in series.values() for size, _ in points])
    axes.set_xlabel("side of the lattice L")
    axes.set_ylabel("seconds per configuration")
    below(figure, handles, names)
    return save(figure, stem, ("series", "L", "seconds", "exponent", "fit_from", "fit_to"), rows)
