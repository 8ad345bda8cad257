"""`heisenberg`, `variant=lattice`: classical unit vectors on a periodic L x L square lattice.

    E = - J1 sum_nn S_i.S_j - J2 sum_nnn S_i.S_j - K sum_nn (S_i.S_j)^2
        - R sum over plaquettes (1 2 3 4 cyclic) of [(S1.S2)(S3.S4) + (S2.S3)(S4.S1) - (S1.S3)(S2.S4)]

Every bond and plaquette exactly once. Known answers: ferromagnet E = -2 J1 L^2; staggered spins +2 J1 L^2 for even L
(J2 = K = R = 0). Energies in units of the coupling scale. The other variant is `infinite_range.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from efnn_cli.core import checks
from efnn_cli.physics import sampling as spin_sampling
from efnn_cli.physics.system import Array, Draw, System


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar products (B, L, L) of spins (B, 3, L, L)."""
    return (a * b).sum(dim=1)


def lattice_energy(spins: Tensor, J1: float, J2: float, K: float, R: float) -> Tensor:
    """E (B,) of unit vectors (B, 3, L, L); formula at the head of the module."""
    s2 = spins.roll(-1, dims=2)  # site 2 = (x + 1, y) of the plaquette at (x, y)
    s4 = spins.roll(-1, dims=3)  # site 4 = (x, y + 1)
    s3 = s2.roll(-1, dims=3)  # site 3 = (x + 1, y + 1)
    b12, b14 = dot(spins, s2), dot(spins, s4)  # the two bonds of every site
    b13, b24 = dot(spins, s3), dot(s2, s4)  # the two diagonals of every plaquette
    b43, b23 = dot(s4, s3), dot(s2, s3)
    density = J1 * (b12 + b14) + J2 * (b13 + b24) + K * (b12**2 + b14**2)
    density = density + R * (b12 * b43 + b23 * b14 - b13 * b24)
    return -density.sum(dim=(1, 2))


@dataclass
class Heisenberg(System):
    """Classical Heisenberg model on a lattice."""

    name: ClassVar[str] = "heisenberg"
    kind: ClassVar[str] = "heisenberg_lattice"
    geometry: ClassVar[str] = "lattice"
    samplings: ClassVar[tuple[str, ...]] = ("uniform_sphere", "uniform_angles", "thermal")

    variant: str = "lattice"
    """One of lattice, infinite_range."""
    L: int = 10
    """Side of the lattice."""
    J1: float = 1.0
    """Nearest neighbours."""
    J2: float = 0.0
    """Next-nearest neighbours."""
    K: float = 0.0
    """Biquadratic coupling."""
    R: float = 0.0
    """Ring exchange on plaquettes."""

    def __post_init__(self) -> None:
        checks.one_of("system.variant", self.variant, ("lattice",))
        checks.within("system.L", self.L, 3, 4096)
        for key in ("J1", "J2", "K", "R"):
            checks.within(f"system.{key}", getattr(self, key), -1e12, 1e12)

    def effective_coupling(self) -> float:
        """J1."""
        return self.J1

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Unit vectors (count, 3, L, L)."""
        checks.one_of("sampling", sampling, self.samplings)
        return spin_sampling.sample(sampling, draw, self.size)

    def energy(self, spins: Tensor) -> Tensor:
        """E (B,) of unit vectors (B, 3, L, L)."""
        return lattice_energy(spins, self.J1, self.J2, self.K, self.R)
