"""Power laws y = c x^p by least squares in the logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from efnn_cli.core.numbers import with_error

LARGEST = 4  # sizes that a growth is fitted to: overheads rule the small ones


@dataclass(frozen=True)
class PowerLaw:
    """y = prefactor * x^exponent, fitted to x from `first` to `last`."""

    exponent: float
    error: float | None
    """Standard error of the exponent; None for two points, which any power law meets."""
    prefactor: float
    first: float
    last: float

    def __str__(self) -> str:
        return f"L^{with_error(self.exponent, self.error)}"

    def at(self, x: float) -> float:
        """Return the fitted y."""
        return self.prefactor * float(x**self.exponent)


def power_law(points: Sequence[tuple[float, float]]) -> PowerLaw:
    """Fit points (x, y), all above zero. Raises ValueError with fewer than two different x."""
    from scipy.stats import linregress

    x, y = zip(*points, strict=True)
    if len(set(x)) < 2:
        raise ValueError(f"a power law needs points at two different x, found {len(set(x))}")
    line = linregress(np.log(x), np.log(y))
    error = float(line.stderr) if len(points) > 2 else None
    return PowerLaw(float(line.slope), error, float(np.exp(line.intercept)), min(x), max(x))


def growth(points: Sequence[tuple[float, float]]) -> PowerLaw | None:
    """Fit (L, seconds) from the fourth-largest L up; None with fewer than two sizes."""
    sizes = sorted({size for size, _ in points})[-LARGEST:]
    return power_law([point for point in points if point[0] >= sizes[0]]) if len(sizes) > 1 else None
