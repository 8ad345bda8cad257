"""Rounds of learning: acceptance and error against the number of exact labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.figures.style import COLOURS, in_unit, logarithmic, save, sheet, styled


@styled()
def rounds(rows: Sequence[Mapping[str, Any]], stem: Path, *, unit: str = "") -> Path:
    """Draw acceptance, measured and predicted, and the RMSE on thermal spins; return the path of the PNG.

    The table of the rounds is written by the caller.
    """
    figure = sheet(7.2, 3.2)
    left, right = figure.subplots(1, 2)
    labels = [row["labels"] for row in rows]
    left.plot(labels, [row["acceptance"] for row in rows], marker="o", color=COLOURS[0], label="measured")
    predicted = [row["predicted_acceptance"] for row in rows]
    left.plot(labels, predicted, marker="s", linestyle="--", color=COLOURS[1], label="from the errors")
    left.set_ylim(0.0, 1.0)
    left.set_ylabel("acceptance")
    left.legend()
    logarithmic(right.yaxis)
    right.plot(labels, [row["rmse"] for row in rows], marker="o", color=COLOURS[0])
    right.set_ylabel(in_unit("RMSE on thermal spins", unit))
    for axes in (left, right):
        axes.set_xlabel("exact labels")
    return save(figure, stem)
