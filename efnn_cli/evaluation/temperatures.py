"""Errors by spin temperature, of a dataset whose configurations have temperatures of their own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from efnn_cli.core.numbers import number
from efnn_cli.core.table import Table
from efnn_cli.physics.system import Array
from efnn_cli.training.metrics import bias_text, error_text, measure, share

STEPS = (1.0, 2.0, 5.0)  # of every decade


def errors_by_temperature(predicted: Array, true: Array, temperatures: Array) -> list[dict[str, Any]]:
    """Return the errors of energies (B,) in ranges of the temperatures (B,) from 1, 2 and 5 on, the coldest first.

    The range of infinite temperature has no bounds.
    """
    finite = temperatures[np.isfinite(temperatures)]
    found = [_errors(predicted, true, np.isinf(temperatures), None, None)]
    if len(finite):
        decades = np.arange(np.floor(np.log10(finite.min())), np.ceil(np.log10(finite.max())) + 1)
        edges = (10.0 ** decades[:, None] * STEPS).ravel()
        inside = [
            _errors(predicted, true, (low <= temperatures) & (temperatures < high), float(low), float(high))
            for low, high in pairwise(edges)
        ]
        found = [*inside, *found]
    return [each for each in found if each["samples"]]


def _errors(predicted: Array, true: Array, chosen: Any, low: float | None, high: float | None) -> dict[str, Any]:
    place: dict[str, Any] = {"from": low, "to": high, "samples": int(chosen.sum())}
    if not place["samples"]:
        return place
    errors = measure(predicted[chosen], true[chosen])
    return place | {"rmse": errors.rmse, "bias": errors.bias, "rmse_over_std": errors.rmse_over_std}


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the errors with their uncertainties, a line a range."""
    lines = [
        [
            "infinite" if row["from"] is None else f"{number(row['from'], 2)} to {number(row['to'], 2)}",
            row["samples"],
            error_text("rmse", row["rmse"], row["samples"], share(row["bias"], row["rmse"])),
            bias_text(row["rmse"], row["bias"], row["samples"]),
        ]
        for row in rows
    ]
    return Table(["spin temperature", "samples", "RMSE", "bias"], lines)
