"""Split-conformal intervals of predicted energies: they hold for any network, on the ensemble that it was trained on.

    half width = q sqrt(sites) s(c)

Errors of an extensive sum grow as the square root of the number of sites. s is a smooth scale in a statistic c of the
configuration (on lattices the nearest-neighbour correlation): the exponential of a parabola, fitted to the training
errors of an ensemble in which c varies, constant beyond their range. q is a quantile of |error| / (sqrt(sites) s) on
the validation split: of n scores the k-th, k = ceil((n + 1) P), so that a new configuration of the same ensemble lies
inside with probability P at least (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). q repairs
what s gets wrong in size.
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


@dataclass(frozen=True)
class Intervals:
    """The scale s(c) and the sorted scores of the validation split."""

    coefficients: list[float]
    """Of ln s in (c - centre) / width, the constant first."""
    centre: float
    width: float
    scores: list[float]

    @classmethod
    def fit(cls, train: tuple[Array, Array], val: tuple[Array, Array], sites: int, noise: float) -> Self:
        """Return the intervals for statistics and errors (B,) on the training and the validation split.

        `noise` is the fluctuation of the statistic within one ensemble: the scale is a constant where it varies little
        more, since fluctuations are smaller on larger lattices.
        """
        c, errors = train
        low, high = float(c.min()), float(c.max())
        centre, width = (low + high) / 2, max((high - low) / 2, 1e-12)
        size = np.abs(errors) / math.sqrt(sites)
        floor = 1e-3 * float(np.sqrt(np.mean(size**2))) + 1e-300  # a lucky hit tells nothing of the scale
        degree = max(0, min(DEGREE, len(c) // PER_COEFFICIENT - 1)) if c.std() > 2 * noise else 0
        fitted = np.polynomial.polynomial.polyfit((c - centre) / width, np.log(size + floor), degree)
        found = cls([float(each) for each in fitted], centre, width, [])
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
        )

    def as_json(self) -> dict[str, Any]:
        """Return the intervals as they are stored."""
        return asdict(self)

    def scale(self, c: Array) -> Array:
        """Return s (B,) for statistics (B,)."""
        x = np.clip((c - self.centre) / self.width, -1.0, 1.0)
        return np.exp(np.polynomial.polynomial.polyval(x, self.coefficients))

    def quantile(self, coverage: float) -> float | None:
        """Return q for the wanted coverage; None where there are too few validation configurations for it."""
        rank = math.ceil((len(self.scores) + 1) * coverage)
        return self.scores[rank - 1] if rank <= len(self.scores) else None

    def half_widths(self, c: Array, sites: int, coverage: float) -> Array | None:
        """Return half widths (B,) for statistics (B,) of configurations of `sites` spins; None as in `quantile`."""
        q = self.quantile(coverage)
        return None if q is None else q * math.sqrt(sites) * self.scale(c)
