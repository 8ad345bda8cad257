"""Autocorrelation function and integrated autocorrelation time of several chains (U. Wolff, 2004, hep-lat/0306017)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEEPNESS = 1.5  # S: the autocorrelation time that windows suppose, over the integrated one


def autocorrelation(deviations: Array) -> Array:
    """Return Gamma(t) (N,) for t = 0 ... N - 1 of deviations (chains, N), averaged over the chains."""
    count = deviations.shape[1]
    transformed = np.fft.rfft(deviations, n=2 * count, axis=1)
    products = np.fft.irfft(np.abs(transformed) ** 2, axis=1)[:, :count].mean(axis=0)
    return np.asarray(products / (count - np.arange(count)))


def normalised(series: Array) -> Array:
    """Return rho(t) = Gamma(t) / Gamma(0) (N,) of series (chains, N); zeros for constant ones."""
    found = autocorrelation(series - series.mean())
    return found / found[0] if found[0] > 0 else np.zeros_like(found)


def integrated(correlation: Array, states: int) -> tuple[float, int]:
    """Return tau = 1/2 + sum_{t=1}^{W} rho(t), at least 1/2, and W, chosen as in section 3.3 of the paper.

    W is the first where the bias of cutting the sum falls below its noise; `states` is their number in all chains.
    """
    if correlation[0] <= 0:
        return 0.5, 0
    tau = 0.5
    for window in range(1, max(2, len(correlation) // 2)):
        tau += float(correlation[window] / correlation[0])
        decay = STEEPNESS / math.log((2 * tau + 1) / (2 * tau - 1)) if tau > 0.5 else 1e-12
        if math.exp(-window / decay) < decay / math.sqrt(window * states):
            return max(tau, 0.5), window
    return max(tau, 0.5), window
