"""Errors and the learning rate against the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.figures.style import FAINT, INK, Row, legend_below, logarithmic, looks, save, sheet, styled

DASHES = (0, (3, 1.5))


@styled()
def learning_curves(runs: Mapping[str, Sequence[Any]], stem: Path) -> Path:
    """Draw training (dashed) and validation errors, and the learning rate below; return the path of the PNG.

    Every run has at least one row with the columns of `metrics.csv`. Errors are in units of the standard deviation of
    the validation energies where every run has one.
    """
    from matplotlib.lines import Line2D

    relative = all(row.val_rmse_over_std and row.val_rmse > 0 for rows in runs.values() for row in rows)
    figure = sheet(5.6, 4.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    logarithmic(upper.yaxis)
    handles: dict[str, Any] = {}
    drawn: list[Row] = []
    for (name, rows), look in zip(runs.items(), looks(runs).values(), strict=True):
        units = [row.val_rmse / row.val_rmse_over_std if relative else 1.0 for row in rows]
        epochs = [row.epoch for row in rows]
        train = [row.train_rmse / unit for row, unit in zip(rows, units, strict=True)]
        val = [row.val_rmse / unit for row, unit in zip(rows, units, strict=True)]
        rates = [row.lr for row in rows]
        line = {"color": look["color"], "marker": "o" if len(rows) == 1 else ""}
        upper.plot(epochs, train, linestyle=DASHES, linewidth=1.0, fillstyle="none", **line)
        (handles[name],) = upper.plot(epochs, val, **line)
        lower.plot(epochs, rates, linewidth=1.0, **line | ({"color": FAINT} if len(runs) == 1 else {}))
        drawn += [(name, *row) for row in zip(epochs, train, val, rates, strict=True)]
    upper.set_ylabel("RMSE / std(E)" if relative else "RMSE (unit of the energy)")
    lower.set_ylabel("learning rate", color=FAINT)
    lower.tick_params(axis="y", colors=FAINT)
    lower.set_ylim(bottom=0.0)
    lower.set_xlabel("epoch")
    lower.locator_params(axis="y", nbins=3)
    lower.xaxis.get_major_locator().set_params(integer=True)
    figure.align_ylabels()
    only = handles.popitem()[1] if len(runs) == 1 else None
    handles["validation"] = only or Line2D([], [], color=INK)
    handles["training"] = Line2D([], [], color=INK, linestyle=DASHES)
    legend_below(figure, list(handles.values()), list(handles))
    errors = [f"{part}_{'rmse_over_std' if relative else 'rmse'}" for part in ("train", "val")]
    return save(figure, stem, ("run", "epoch", *errors, "lr"), drawn)
