"""Errors of predicted energies, accumulated in float64; the published figure is RMSE / |mean(E)|."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.numbers import number, with_error

Array = NDArray[np.float64]

LOGGER = logging.getLogger("efnn")
NO_USE = 0.9  # RMSE / std(E); predicting the mean energy for every configuration has 1
BRIEF = ("rmse", "relative_error", "rmse_over_std")
ON_TEST = "on the test split"
LABELS = {
    "rmse": "RMSE",
    "relative_error": "relative error",
    "rmse_over_std": "RMSE/std",
    "mae": "MAE",
    "bias": "bias",
    "r2": "R²",
    "field_rmse": "field RMSE",
    "field_relative_error": "field error",
}
"""Names of errors in tables for people."""


@dataclass(frozen=True)
class Metrics:
    """Errors over a set of configurations; None where a figure is undefined."""

    samples: int
    rmse: float
    mae: float
    bias: float
    """mean(E_pred - E_true)"""
    relative_error: float | None
    """RMSE / |mean(E)|; None where |mean(E)| < std(E), since it then means nothing."""
    rmse_over_std: float | None
    """RMSE / std(E); None where all energies are equal."""
    r2: float | None

    def brief(self) -> dict[str, float | None]:
        """The three errors that are stored for every part of a dataset."""
        return {name: getattr(self, name) for name in BRIEF}


def measure(predicted: Array, true: Array) -> Metrics:
    """Metrics of predicted energies (B,) against true ones (B,)."""
    if predicted.shape != true.shape or true.size == 0:
        raise ValueError(f"wanted two equal, non-empty shapes, got {predicted.shape} and {true.shape}")
    error = predicted.astype(np.float64) - true
    rmse = float(np.sqrt(np.mean(error**2)))
    mean, std = abs(float(true.mean())), float(true.std())
    spread = std > 1e-14 * mean  # rounding of equal energies is no spread
    return Metrics(
        samples=int(true.size),
        rmse=rmse,
        mae=float(np.mean(np.abs(error))),
        bias=float(error.mean()),
        relative_error=rmse / mean if mean > 0 and mean >= std else None,
        rmse_over_std=rmse / std if spread else None,
        r2=1 - (rmse / std) ** 2 if spread else None,
    )


def sampling_error(quantity: str, value: float, samples: int) -> float:
    """Return the standard error of an error that was measured on `samples` configurations.

    Holds for independent, normal errors of the energies: the RMSE of n of them has the relative standard error
    1 / sqrt(2 n), and so has std(E), which adds to that of RMSE / std.
    """
    return value / math.sqrt(samples * (1 if quantity == "rmse_over_std" else 2))


def bias_error(rmse: float, bias: float, samples: int) -> float:
    """Return the standard error of the mean error of `samples` configurations."""
    return math.sqrt(max(rmse**2 - bias**2, 0.0) / samples)


def bias_text(rmse: float, bias: float, samples: int) -> str:
    """Return the mean error with its standard error in brackets."""
    return with_error(bias, bias_error(rmse, bias, samples))


def error_text(quantity: str, value: float | None, samples: int) -> str:
    """Return an error with its standard error in brackets, `-` where it is undefined."""
    return number(None) if value is None else with_error(value, sampling_error(quantity, value, samples))


def mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean over seeds, and the sample standard deviation of several; None for one beyond all numbers."""
    with np.errstate(over="ignore"):
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else math.inf
    return float(np.mean(values)), spread if math.isfinite(spread) else None


def warn_of_no_use(ratios: Mapping[str, float | None], whose: str = "") -> None:
    """Warn of errors no better than those of the mean energy; `ratios` are RMSE / std(E), by the place of each."""
    bad = [f"{ratio:.3g} {where}" for where, ratio in ratios.items() if ratio is not None and ratio > NO_USE]
    if bad:
        LOGGER.warning(
            "%sno better than the mean energy: RMSE / std(E) is %s; train with more epochs, another lr or more samples",
            f"{whose}: " if whose else "",
            ", ".join(bad),
        )
