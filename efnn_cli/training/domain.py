"""Domain of a network: the distribution of simple statistics of the configurations that it was trained on.

A configuration is outside where a statistic lies beyond the training range, widened by a tenth of it, and by more
where that range is of few configurations. Fluctuations
shrink as 1 / sqrt(sites): on smaller lattices the range is wider. A magnetisation may always be smaller, as it is on
larger lattices of the same ensemble.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVELS = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)  # of the quantiles that are kept
MARGIN, OF_FEW = 0.1, 2.0  # of the training range, on both sides: MARGIN + OF_FEW / sqrt(samples)
ONE_SIDED = ("magnetisation",)


@dataclass(frozen=True)
class Domain:
    """Quantiles, at `LEVELS`, of every statistic over training configurations."""

    sites: int
    """Number of spins of each."""
    samples: int
    """Number of configurations."""
    quantiles: dict[str, list[float]]

    @classmethod
    def of(cls, statistics: Mapping[str, Array], sites: int) -> Self:
        """Return the domain of training configurations with these statistics (B,)."""
        quantiles = {name: np.quantile(each, LEVELS).tolist() for name, each in statistics.items()}
        return cls(sites, len(next(iter(statistics.values()))), quantiles)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Return the domain of a summary."""
        return cls(
            int(stored["sites"]),
            int(stored["samples"]),
            {str(name): list(each) for name, each in stored["quantiles"].items()},
        )

    def as_json(self) -> dict[str, Any]:
        """Return the domain as it is stored."""
        return asdict(self)

    def bounds(self, name: str, sites: int) -> tuple[float, float]:
        """Return the range of a statistic that counts as known, for configurations of `sites` spins."""
        low, middle, high = (self.quantiles[name][LEVELS.index(level)] for level in (0.0, 0.5, 1.0))
        margin = (MARGIN + OF_FEW / math.sqrt(self.samples)) * (high - low)
        wider = max(1.0, math.sqrt(self.sites / sites))
        lowest = -math.inf if name in ONE_SIDED else middle - wider * (middle - low + margin)
        return lowest, middle + wider * (high - middle + margin)

    def outside(self, statistics: Mapping[str, Array], sites: int) -> dict[str, NDArray[np.bool_]]:
        """Return True (B,), by statistic, where a configuration lies outside.

        A chain has no next neighbours: statistics that one of both lacks do not count.
        """
        found = {}
        for name in [each for each in self.quantiles if each in statistics]:
            low, high = self.bounds(name, sites)
            found[name] = (statistics[name] < low) | (statistics[name] > high)
        return found
