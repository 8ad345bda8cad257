"""How training went: errors and learning rate against the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from efnn_cli.figures.drawing import FAINT, INK, colour, legend_below, logarithmic, new_figure, save

COLUMNS = ("epoch", "train_rmse", "val_rmse", "lr")


def learning_curves(runs: Mapping[str, Sequence[Mapping[str, str]]], stem: Path) -> Path:
    """Training (thin) and validation RMSE of every run, their learning rates below; rows as metrics.csv has them.

    Returns the path of the PNG.
    """
    figure, axes = new_figure(5.6, 4.6, 2, 1, sharex=True, height_ratios=(3, 1))
    upper, lower = axes[0][0], axes[1][0]
    names, data = [], []
    for style, (name, rows) in enumerate(runs.items()):
        epochs = [int(row["epoch"]) for row in rows]
        for column, label, width, line in (("train_rmse", "training", 0.9, ":"), ("val_rmse", "validation", 1.5, "-")):
            said = f"{name}, {label}" if len(runs) > 1 else label
            names.append(said)
            values = [_number(row[column]) for row in rows]
            upper.plot(epochs, values, line, color=colour(style), linewidth=width, label=said)
        lower.plot(epochs, [_number(row["lr"]) for row in rows], color=colour(style) if len(runs) > 1 else FAINT)
        data += [(name, *(row[column] for column in COLUMNS)) for row in rows]
    logarithmic(upper, x=False)
    logarithmic(lower, x=False, y=False)
    lower.set_ylim(bottom=0)
    lower.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    upper.set_ylabel("RMSE")
    lower.set_ylabel("learning rate", color=INK)
    lower.set_xlabel("epoch")
    legend_below(figure, axes, names, columns=2)
    return save(figure, stem, ("run", *COLUMNS), data)


def _number(text: str) -> float:
    return float(text) if text else float("nan")
