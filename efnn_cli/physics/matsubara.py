"""The grand potential without eigenvalues: a product over Matsubara frequencies with a moment tail.

From ln(1 + e^-x) = ln 2 - x/2 + sum_{k>=1} ln(1 + x^2 / ((2k-1) pi)^2), with w_k = (2k-1) pi T and N levels,

    Omega = -T { N ln 2 - tr H / (2T) + sum_{k=1..K} [2 ln|det(H - i w_k)| - 2 N ln w_k]
                 + sum_{m=1..M} (-1)^{m+1}/m tr(H^{2m}) (2 pi T)^{-2m} zeta(2m, K + 1/2) }

(zeta: Hurwitz). The last sum is the tail k > K, an alternating series with falling terms while ||H|| < w_{K+1}: its
first omitted term bounds the truncation. Rounding is estimated by 16 eps T times the sum of the absolute terms. Every
determinant is a sparse or banded one: the cost grows far slower than L^6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import zeta

from efnn_cli.core.errors import NumericalError

Array = NDArray[np.float64]

MOMENTS = 10  # M; H^10 still is sparse from L = 20 on, and K falls slowly beyond
MAX_FREQUENCIES = 20_000
ROUNDING = 16 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Truncation:
    """Numbers of frequencies K and moments M that a tolerance needs at `temperature`."""

    temperature: float
    frequencies: int
    moments: int

    def matsubara(self) -> Array:
        """w_k, k = 1 .. K, in the units of the temperature."""
        k = np.arange(1, self.frequencies + 1)
        return np.asarray((2 * k - 1) * math.pi * self.temperature, dtype=np.float64)

    def tail_factors(self) -> Array:
        """Factor of tr(H^{2m}) in the braces, m = 1 .. M + 1; the last one is of the first omitted term."""
        m = np.arange(1, self.moments + 2)
        sign = np.where(m % 2 == 1, 1.0, -1.0)
        return np.asarray(
            sign / m * (2 * math.pi * self.temperature) ** (-2.0 * m) * zeta(2 * m, self.frequencies + 0.5)
        )


def truncation(temperature: float, bound: float, tolerance: float) -> Truncation:
    """The fewest frequencies whose truncation is below `tolerance` * T per level for ||H|| <= `bound`.

    Raises `NumericalError` where rounding alone exceeds the tolerance, or too many frequencies are needed.
    """
    x = bound / (2 * math.pi * temperature)
    low, high = 1, 2
    while omitted(x, high) > tolerance:
        low, high = high, 2 * high
        if high > 2 * MAX_FREQUENCIES:
            break
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if omitted(x, middle) <= tolerance else (middle + 1, high)
    if low > MAX_FREQUENCIES:
        raise NumericalError(
            f"reference=determinant: T = {temperature:g} needs more than {MAX_FREQUENCIES} frequencies "
            f"for levels up to {bound:.3g}",
            "use reference=dense, or a higher temperature",
        )
    return Truncation(temperature, low, MOMENTS)


def omitted(x: float, frequencies: int) -> float:
    """Bound of the first omitted term per level and T, for levels up to x * 2 pi T; infinite outside convergence."""
    if x >= frequencies + 0.5:
        return math.inf
    m = MOMENTS + 1
    # zeta(2m, K + 1/2) <= (K + 1/2)^-2m + (K + 1/2)^(1 - 2m) / (2m - 1)
    start = frequencies + 0.5
    return (x / start) ** (2 * m) * (1 + start / (2 * m - 1)) / m


def grand_potential(
    how: Truncation, levels: int, trace: float, log_determinants: Array, moments: Sequence[float]
) -> tuple[float, float]:
    """Omega and its error estimate.

    `log_determinants` are ln|det(H - i w_k)| (K,), `moments` are tr(H^{2m}), m = 1 .. M + 1.
    """
    temperature = how.temperature
    tail = how.tail_factors() * np.asarray(moments)
    terms = [
        np.array([levels * math.log(2.0), -trace / (2 * temperature)]),
        2 * log_determinants,
        -2 * levels * np.log(how.matsubara()),
        tail[:-1],
    ]
    everything = np.concatenate(terms)
    omega = -temperature * math.fsum(everything)
    rounding = ROUNDING * temperature * float(np.abs(everything).sum())
    return omega, temperature * float(abs(tail[-1])) + rounding


def require_tolerance(omega: float, error: float, levels: int, temperature: float, tolerance: float) -> None:
    """Raise `NumericalError` where the estimate exceeds max(tolerance |Omega|, tolerance N T)."""
    allowed = tolerance * max(abs(omega), levels * temperature)
    if not error <= allowed:
        raise NumericalError(
            f"reference=determinant: the error estimate {error:.1e} exceeds the tolerance {allowed:.1e} "
            f"({tolerance:g} relative)",
            "ask for a larger tolerance=..., or use reference=dense",
        )
