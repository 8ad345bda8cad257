"""How trainings went: errors and the learning rate against the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.figures.style import COLOURS, FAINT, INK, below, logarithmic, save, sheet, styled


@styled()
def learning_curves(runs: Mapping[str, Sequence[Any]], stem: Path) -> Path:
    """Training (dashed) and validation errors against the epoch, the learning rate below; returns the path of the PNG.

    Errors are RMSE / std(E) with the standard deviation of the validation energies where every run has one, else
    RMSE. Every run has at least one row.
    """
    from matplotlib.lines import Line2D

    relative = all(_std(row) for rows in runs.values() for row in rows)
    figure = sheet(5.6, 4.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    logarithmic(upper.yaxis)
    handles: list[Any] = []
    drawn: list[tuple[object, ...]] = []
    for index, (name, rows) in enumerate(runs.items()):
        colour = COLOURS[index % len(COLOURS)]
        unit = [_std(row) if relative else 1.0 for row in rows]
        epochs = [row.epoch for row in rows]
        train = [row.train_rmse / std for row, std in zip(rows, unit, strict=True)]
        val = [row.val_rmse / std for row, std in zip(rows, unit, strict=True)]
        marker = "o" if len(rows) == 1 else ""
        upper.plot(epochs, train, color=colour, linestyle=(0, (3, 1.5)), linewidth=1.0, marker=marker, fillstyle="none")
        handles += upper.plot(epochs, val, color=colour, marker=marker)
        rates = [row.lr for row in rows]
        lower.plot(epochs, rates, color=FAINT if len(runs) == 1 else colour, linewidth=1.0, marker=marker)
        drawn += [(name, *row) for row in zip(epochs, train, val, rates, strict=True)]
    upper.set_ylabel("RMSE / std(E)" if relative else "RMSE")
    lower.set_ylabel("learning rate", color=FAINT)
    lower.tick_params(axis="y", colors=FAINT)
    lower.set_ylim(bottom=0.0)
    lower.set_xlabel("epoch")
    lower.locator_params(axis="y", nbins=3)
    lower.xaxis.get_major_locator().set_params(integer=True)
    figure.align_ylabels()
    solid, dashed = (Line2D([], [], color=INK, linestyle=style) for style in ("-", (0, (3, 1.5))))
    only = len(runs) == 1
    names = [*(() if only else runs), "validation", "training"]
    below(figure, [*(() if only else handles), handles[0] if only else solid, dashed], names)
    errors = [f"{part}_{'rmse_over_std' if relative else 'rmse'}" for part in ("train", "val")]
    return save(figure, stem, ("run", "epoch", *errors, "lr"), drawn)


def _std(row: Any) -> float:
    """The standard deviation of the validation energies; 0 where it is not known."""
    return row.val_rmse / row.val_rmse_over_std if row.val_rmse_over_std else 0.0
