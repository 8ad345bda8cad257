"""Split-conformal intervals of predicted energies: they hold for any network, on the ensemble that it was trained on.

    half width = q sqrt(sites) s(c)

Errors of an extensive sum grow as the square root of the number of sites. s is a smooth scale in a statistic c of the
configuration (on lattices the nearest-neighbour correlation): the exponential of a parabola in artanh c, constant
beyond the range of the training. Where c varies in the training ensemble, s makes its errors most likely as normal
ones of mean zero and variance s^2 per site. artanh c resolves nearly ordered states, c -> 1 or -1, whose errors are
the smallest and change the most. q is a quantile of |error| / (sqrt(sites) s) on the validation split: of n scores the
k-th, k = ceil((n + 1) P), so that a new configuration of the same ensemble lies inside with probability P at least
(Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). q repairs what s gets wrong in size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PER_COEFFICIENT = 30  # training errors that a coefficient of the scale needs
DEGREE = 2
ORDERED = 1 - 1e-6  # |c| of a state that counts as perfectly ordered


@dataclass(frozen=True)
class Intervals:
    """The scale s(c) and the sorted scores of the validation split."""

    coefficients: list[float]
    """Of ln s in x = (artanh c - centre) / width, the constant first."""
    centre: float
    width: float
    scores: list[float]
    artanh: bool = True
    """False in runs of older versions, where x is (c - centre) / width."""

    @classmethod
    def fit(cls, train: tuple[Array, Array], val: tuple[Array, Array], sites: int, noise: float) -> Self:
        """Return the intervals for statistics and errors (B,) on the training and the validation split.

        `noise` is the fluctuation of the statistic within one ensemble: the scale is a constant where it varies little
        more, since fluctuations are smaller on larger lattices.
        """
        c, errors = train
        ends = _resolved(np.array([c.min(), c.max()]))
        centre, width = float(ends.mean()), max(float(np.ptp(ends)) / 2, 1e-12)
        size = np.abs(errors) / math.sqrt(sites)
        degree = max(0, min(DEGREE, len(c) // PER_COEFFICIENT - 1)) if c.std() > 2 * noise else 0
        found = cls(_most_likely((_resolved(c) - centre) / width, size, degree), centre, width, [])
        scores = np.abs(val[1]) / (math.sqrt(sites) * found.scale(val[0]))
        return cls(found.coefficients, centre, width, [float(f"{each:.6g}") for each in np.sort(scores)])

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Return the intervals of a summary."""
        return cls(
            [float(each) for each in stored["coefficients"]],
            float(stored["centre"]),
            float(stored["width"]),
            [float(each) for each in stored["scores"]],
            bool(stored.get("artanh", False)),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the intervals as they are stored."""
        return asdict(self)

    def scale(self, c: Array) -> Array:
        """Return s (B,) for statistics (B,)."""
        x = np.clip(((_resolved(c) if self.artanh else c) - self.centre) / self.width, -1.0, 1.0)
        return np.exp(np.polynomial.polynomial.polyval(x, self.coefficients))

    def quantile(self, coverage: float) -> float | None:
        """Return q for the wanted coverage; None where there are too few validation configurations for it."""
        rank = math.ceil((len(self.scores) + 1) * coverage)
        return self.scores[rank - 1] if rank <= len(self.scores) else None

    def half_widths(self, c: Array, sites: int, coverage: float) -> Array | None:
        """Return half widths (B,) for statistics (B,) of configurations of `sites` spins; None as in `quantile`."""
        q = self.quantile(coverage)
        return None if q is None else q * math.sqrt(sites) * self.scale(c)


def _resolved(c: Array) -> Array:
    """Return artanh c (B,), finite for ordered states."""
    return np.arctanh(np.clip(c, -ORDERED, ORDERED))


def _most_likely(x: Array, size: Array, degree: int) -> list[float]:
    """Return the coefficients of ln s(x) that maximise the likelihood of the sizes (B,) of normal errors: convex."""
    from scipy.optimize import minimize  # imported here: it takes a while, and few commands need it

    powers = np.polynomial.polynomial.polyvander(x, degree)  # (B, degree + 1)
    floor = 1e-3 * float(np.sqrt(np.mean(size**2))) + 1e-100  # for networks that make no error

    def minus_log(coefficients: Array) -> tuple[float, Array]:
        logs = powers @ coefficients
        squares = (size**2 + floor**2) * np.exp(-2 * logs)
        return float(np.mean(squares / 2 + logs)), powers.T @ (1 - squares) / len(x)

    start = np.polynomial.polynomial.polyfit(x, np.log(size + floor), degree)
    start[0] += np.log(np.mean((size**2 + floor**2) * np.exp(-2 * powers @ start))) / 2  # outliers: few, but far off
    return [float(each) for each in minimize(minus_log, start, jac=True).x]
