"""Quantities against the temperature, a panel each, a curve for every size, with error bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from efnn_cli.figures.curves import Curve, draw_bars, table_of
from efnn_cli.figures.style import in_unit, legend_below, logarithmic, looks, save, sheet, styled

OF_ENERGY = ("grand potential", "energy")


@styled()
def scan(panels: Mapping[str, Sequence[Curve]], stem: Path, *, unit: str = "") -> Path:
    """Draw every panel against T on a logarithmic axis; return the path of the PNG. Energies are in `unit`."""
    columns = min(2, len(panels))
    figure = sheet(7.2, 2.9 * math.ceil(len(panels) / columns) + 0.3)
    every = figure.subplots(math.ceil(len(panels) / columns), columns, squeeze=False).ravel()
    handles = {}
    look_of = looks(curve.name for curves in panels.values() for curve in curves)
    for axes, (title, curves) in zip(every, panels.items(), strict=False):
        logarithmic(axes.xaxis)
        for curve in curves:
            x, y, bars = zip(*curve.points, strict=True)
            lengths = [bar or 0.0 for bar in bars]
            handles[curve.name] = draw_bars(axes, x, y, (lengths, lengths), **look_of[curve.name])
        axes.set_xlabel("temperature T")
        axes.set_ylabel(in_unit(title, unit) if title.startswith(OF_ENERGY) else title)
    for axes in every[len(panels) :]:
        axes.set_visible(False)
    legend_below(figure, list(handles.values()), list(handles))
    rows = [(title, *row) for title, curves in panels.items() for row in table_of(curves)]
    return save(figure, stem, ("quantity", "curve", "T", "value", "error_bar"), rows)
