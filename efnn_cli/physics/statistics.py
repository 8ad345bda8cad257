"""Simple statistics of configurations, which tell one ensemble from another: numbers a configuration, at any size.

Lattices: the mean of S.S' over nearest and over next neighbours, and the magnetisation |sum S| / n. Scalar spins: mean
and mean square.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from efnn_cli.physics.lattices import Displacement
from efnn_cli.physics.system import System

Array = NDArray[np.float64]


def statistics(spins: Array, system: System) -> dict[str, Array]:
    """Return the statistics (B,) of spins (B, 3, Lx, Ly) or (B, n) by name, that of the error scale first."""
    if system.geometry != "lattice":
        return {"mean": spins.mean(axis=1), "mean square": np.square(spins).mean(axis=1)}
    lattice = system.kind_of_lattice
    found = {"nearest-neighbour correlation": _correlation(spins, lattice.bonds)}
    if lattice.next_neighbours:
        found["next-neighbour correlation"] = _correlation(spins, lattice.next_neighbours)
    return found | {"magnetisation": np.linalg.norm(spins.mean(axis=(2, 3)), axis=1)}


def fluctuation(system: System) -> float:
    """Return the standard deviation of the first statistic for independent spins; infinite for scalar spins.

    On a lattice <(S.S')^2> = 1/3, so that the mean over the bonds has the variance 1 / (3 bonds).
    """
    if system.geometry != "lattice":
        return math.inf
    return 1 / math.sqrt(3 * system.sites * len(system.kind_of_lattice.bonds))


def _correlation(spins: Array, displacements: tuple[Displacement, ...]) -> Array:
    """Return the mean of S_i.S_{i+d} over sites and displacements, (B,)."""
    pairs = [np.einsum("bcxy,bcxy->b", spins, np.roll(spins, (-dx, -dy), axis=(2, 3))) for dx, dy in displacements]
    found: Array = np.mean(pairs, axis=0) / np.prod(spins.shape[2:])
    return found
