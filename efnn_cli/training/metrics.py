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
MOSTLY = 0.5  # share of configurations outside the domain of a network that explains its errors
TRAIN_MORE = "train with more epochs, another lr or more samples"
TRAIN_THERE = "train on configurations of this ensemble"
SIGN_OF_FIELDS = "the fields are worse than none: is --field-kind of efnn import right (field, gradient or torque)?"
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


def sampling_error(quantity: str, value: float, samples: int, bias_share: float = 0.0) -> float:
    """Return the standard error of an error that was measured on `samples` configurations.

    Holds for independent, normal errors of the energies, whose mean is `bias_share` = bias / RMSE: the RMSE of n of
    them has the relative variance (1 - bias_share^4) / (2 n). That of std(E), 1 / (2 n), adds to it in RMSE / std.
    """
    variance = 1 - min(abs(bias_share), 1.0) ** 4 + (quantity == "rmse_over_std")
    return value * math.sqrt(variance / (2 * samples))


def bias_error(rmse: float, bias: float, samples: int) -> float:
    """Return the standard error of the mean error of `samples` configurations."""
    return math.sqrt(max(rmse**2 - bias**2, 0.0) / samples)


def bias_text(rmse: float, bias: float, samples: int) -> str:
    """Return the mean error with its standard error in brackets."""
    return with_error(bias, bias_error(rmse, bias, samples))


def share(bias: float, rmse: float) -> float:
    """Return bias / RMSE, 0 where there is no error at all."""
    return bias / rmse if rmse > 0 else 0.0


def error_text(quantity: str, value: float | None, samples: int, bias_share: float = 0.0) -> str:
    """Return an error with its standard error in brackets, `-` where it is undefined."""
    return number(None) if value is None else with_error(value, sampling_error(quantity, value, samples, bias_share))


def mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean over seeds, and the sample standard deviation of several; None for one beyond all numbers."""
    with np.errstate(over="ignore"):
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else math.inf
    return float(np.mean(values)), spread if math.isfinite(spread) else None


def warn_of_no_use(ratios: Mapping[str, float | None], whose: str = "", advice: str = TRAIN_MORE) -> None:
    """Warn of errors no better than those of the mean energy; `ratios` are RMSE / std(E), by the place of each."""
    bad = [f"{ratio:.3g} {where}" for where, ratio in ratios.items() if ratio is not None and ratio > NO_USE]
    if bad:
        LOGGER.warning(
            "%sno better than the mean energy: RMSE / std(E) is %s; %s",
            f"{whose}: " if whose else "",
            ", ".join(bad),
            advice,
        )
