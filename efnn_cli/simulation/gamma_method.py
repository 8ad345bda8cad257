"""Errors of correlated series by the Gamma method (U. Wolff, 2004, hep-lat/0306017).

Series (chains, N, K): K observables of N successive states in each of several chains. A derived quantity f of their
means has the deviations sum_k (df/da_k) (a_k - <a_k>); tau is the integrated autocorrelation time of these in
proposals, 1/2 for independent ones. The error is sqrt(2 tau Gamma(0) / (chains N)).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from efnn_cli.physics.autocorrelation import autocorrelation, integrated

Array = NDArray[np.float64]

NUDGE = 1e-2  # of derivatives, in standard errors


@dataclass(frozen=True)
class Estimate:
    """A mean, its error, and the autocorrelation time that it follows from; None where they cannot be had."""

    mean: float | None
    error: float | None
    tau: float | None
    tau_error: float | None = None


def estimate(series: Array, function: Callable[[Array], float] = lambda means: float(means[0])) -> Estimate:
    """Return `function` of the means (K,) of `series` (chains, N, K), with its error."""
    chains, count, _ = series.shape
    means = series.mean(axis=(0, 1))
    value = function(means)
    if not math.isfinite(value):
        return Estimate(None, None, None)
    if count < 4:
        return Estimate(value, None, None)
    deviations = (series - means) @ gradient(function, means, series.std(axis=(0, 1)) / math.sqrt(chains * count))
    correlation = autocorrelation(deviations)
    tau, window = integrated(correlation, chains * count)
    variance = float(correlation[0]) * (1 + (2 * window + 1) / (chains * count))  # for the mean that was subtracted
    error = math.sqrt(2 * tau * variance / (chains * count))
    if not math.isfinite(error):
        return Estimate(value, None, None)
    spread = tau * 2 * math.sqrt(max(window + 0.5 - tau, 0.0) / (chains * count))
    return Estimate(value, error, tau, spread)


def gradient(function: Callable[[Array], float], means: Array, errors: Array) -> Array:
    """Return df/da_k (K,) by central differences of a small part of the standard errors of the means."""
    found = np.zeros(len(means))
    for k, error in enumerate(errors):
        step = np.zeros(len(means))
        step[k] = NUDGE * error
        if error > 0:
            found[k] = (function(means + step) - function(means - step)) / (2 * step[k])
    return found


def split_r_hat(series: Array) -> float | None:
    """Return the potential scale reduction of series (chains, N), every chain split into halves; None for too few.

    Gelman et al., Bayesian Data Analysis, section 11.4: well above 1 the chains have not forgotten their starts.
    """
    half = series.shape[1] // 2
    if half < 2:
        return None
    halves = np.concatenate([series[:, :half], series[:, -half:]])  # (2 chains, half)
    within = float(halves.var(axis=1, ddof=1).mean())
    between = half * float(halves.mean(axis=1).var(ddof=1))
    if within == 0:
        return None
    return math.sqrt(((half - 1) / half * within + between / half) / within)
