"""Powers of growth: y = c x^p by least squares in the logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PowerLaw:
    """y = prefactor * x^exponent, fitted to x from `first` to `last`."""

    exponent: float
    prefactor: float
    first: float
    last: float

    def at(self, x: float) -> float:
        """The fitted y."""
        return self.prefactor * float(x**self.exponent)


def power_law(points: Sequence[tuple[float, float]]) -> PowerLaw:
    """The fit to points (x, y), all above zero; raises `ValueError` with fewer than two different x."""
    xs = [x for x, _ in points]
    if len(set(xs)) < 2:
        raise ValueError(f"a power law needs points at two different x, found {len(set(xs))}")
    logs = [(math.log(x), math.log(y)) for x, y in points]
    x_mean = sum(x for x, _ in logs) / len(logs)
    y_mean = sum(y for _, y in logs) / len(logs)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in logs) / sum((x - x_mean) ** 2 for x, _ in logs)
    return PowerLaw(slope, math.exp(y_mean - slope * x_mean), min(xs), max(xs))
