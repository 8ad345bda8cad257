"""Calibration of an ensemble: its spread against the error of its mean (B configurations, M members, float64).

For a configuration x with the exact energy E the members predict p_1 .. p_M; s(x) is their sample standard deviation
(ddof = 1), the *spread*, and e(x) = mean(p) - E the error that it is to predict. Two cases have a known ratio of their
root mean squares over configurations, rms(e) / rms(s):

- independent: p_m = E + d_m with independent draws d_m of variance v(x) and mean zero. Then <s^2> = v and
  <e^2> = v / M, so the ratio is 1 / sqrt(M): the errors average out.
- exchangeable: the truth is like one more member, E = c + d_0 and p_m = c + d_m about a common c. Then <s^2> = v and
  <e^2> = v + v / M, so the ratio is sqrt(1 + 1 / M); for many members 68 % and 95 % of normal errors then lie within
  one and two spreads (fewer for few members: e / s is Student's t with M - 1 degrees of freedom, times that ratio).

Networks that differ by their training seed alone lie between the two or above: they share their data, their form
and so a part of their errors. A ratio above the second is over-confidence. A bias that all members have in common
shifts every p_m alike and leaves s as it is: no spread can see it, which is why it stands beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LABELS = {
    "members": "members",
    "rms_spread": "RMS spread of the members",
    "spread_per_site": "RMS spread/site",
    "member_rmse": "RMSE of the members",
    "error_over_spread": "RMSE of the mean / spread",
    "expected_if_independent": "  expected of independent members",
    "expected_if_exchangeable": "  expected where the truth is like a member",
    "common_error": "error that all share",
    "bias_over_spread": "bias of the mean / spread",
    "rank_correlation": "rank correlation of error and spread",
    "within_1_spread": "share within 1 spread",
    "within_2_spreads": "share within 2 spreads",
}
"""Names in tables for people."""
ROUNDING = 1e-14  # of the predictions: a spread below it is that of equal members


@dataclass(frozen=True)
class Calibration:
    """Error of the mean against the spread of the members; energies as they are, None where a figure is undefined."""

    members: int
    """M"""
    rms_spread: float
    """sqrt(mean of s(x)^2)"""
    member_rmse: float
    """Root mean square of the errors of all members: its square is rmse^2 + (1 - 1 / M) rms_spread^2, exactly."""
    error_over_spread: float | None
    """RMSE of the mean / rms_spread; None for equal members, as all that follow but the two expectations."""
    expected_if_independent: float
    """1 / sqrt(M)"""
    expected_if_exchangeable: float
    """sqrt(1 + 1 / M)"""
    common_error: float | None
    """sqrt(rmse^2 - rms_spread^2 / M), zero where that is negative: the part of the error that the members have in
    common, bias included, and that more of them would leave."""
    bias_over_spread: float | None
    """mean(e) / rms_spread"""
    rank_correlation: float | None
    """Spearman's rank correlation of |e(x)| and s(x). None also for fewer than 3 configurations, or where all errors or
    all spreads are equal."""
    within_1_spread: float | None
    """Share of configurations with |e(x)| <= s(x)."""
    within_2_spreads: float | None
    """Share of configurations with |e(x)| <= 2 s(x)."""


def calibrate(predicted: Array, true: Array) -> Calibration:
    """Return the calibration of predictions (M, B), M > 1, against the true energies (B,)."""
    if predicted.ndim != 2 or len(predicted) < 2 or predicted.shape[1:] != true.shape or true.size == 0:
        raise ValueError(f"wanted (members > 1, B) and (B,), got {predicted.shape} and {true.shape}")
    values = predicted.astype(np.float64)
    count = len(values)
    error = values.mean(axis=0) - true  # (B,)
    spread = values.std(axis=0, ddof=1)  # (B,)
    rmse, rms_spread = _rms(error), _rms(spread)
    differ = rms_spread > ROUNDING * _rms(values)
    return Calibration(
        members=count,
        rms_spread=rms_spread,
        member_rmse=_rms(values - true),
        error_over_spread=rmse / rms_spread if differ else None,
        expected_if_independent=1 / math.sqrt(count),
        expected_if_exchangeable=math.sqrt(1 + 1 / count),
        common_error=math.sqrt(max(0.0, rmse**2 - rms_spread**2 / count)) if differ else None,
        bias_over_spread=float(error.mean()) / rms_spread if differ else None,
        rank_correlation=rank_correlation(np.abs(error), spread) if differ else None,
        within_1_spread=float(np.mean(np.abs(error) <= spread)) if differ else None,
        within_2_spreads=float(np.mean(np.abs(error) <= 2 * spread)) if differ else None,
    )


def rank_correlation(first: Array, second: Array) -> float | None:
    """Return Spearman's rank correlation of two arrays (B,); None where it is undefined."""
    from scipy.stats import spearmanr  # imported here: it takes half a second, and only ensembles need it

    if first.size < 3 or any(np.ptp(each) <= ROUNDING * np.abs(each).max() for each in (first, second)):
        return None
    return float(spearmanr(first, second).statistic)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
