"""`heisenberg`, `variant=lattice`: classical unit vectors on a periodic lattice of Lx x Ly sites.

    E = - J1 sum_nn S_i.S_j - J2 sum_nnn S_i.S_j - K sum_nn (S_i.S_j)^2
        - R sum over plaquettes (1 2 3 4 cyclic) of [(S1.S2)(S3.S4) + (S2.S3)(S4.S1) - (S1.S3)(S2.S4)]
        + sum_nn D_ij.(S_i x S_j) - h sum_i S_i^z - A sum_i (S_i^z)^2

Every bond and plaquette exactly once. Dzyaloshinskii-Moriya exchange with r the unit vector from i to j: D_ij = D z x r
(`dm=interfacial`) or D r (`dm=bulk`). Plaquettes exist on the square lattice only. Known answers: ferromagnet
E = -2 J1 L^2 (square), -3 J1 L^2 (triangular); staggered spins +2 J1 L^2 for even L; 120-degree order of the triangular
lattice +3/2 J1 L^2, L divisible by 3. Energies in units of the coupling scale. `infinite_range.py` has the other
variant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.size import lattice_size
from efnn_cli.physics import sampling as spin_sampling
from efnn_cli.physics.lattices import LATTICES, SQUARE, Displacement, Lattice, Operation, point_group
from efnn_cli.physics.system import Array, Draw, System


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar products (B, Lx, Ly) of spins (B, 3, Lx, Ly)."""
    return (a * b).sum(dim=1)


def neighbours(spins: Tensor, displacement: Displacement) -> Tensor:
    """Return S at i + d for every site i, shape of `spins` (B, 3, Lx, Ly)."""
    return spins.roll((-displacement[0], -displacement[1]), dims=(2, 3))


def bonds(spins: Tensor, displacements: tuple[Displacement, ...]) -> Tensor:
    """Return S_i.S_{i+d} of every displacement d and site i, (n, B, Lx, Ly)."""
    return torch.stack([dot(spins, neighbours(spins, each)) for each in displacements])


def sum_of_neighbours(spins: Tensor, lattice: Lattice) -> Tensor:
    """Return the sum of all neighbours of every site, shaped like `spins` (B, 3, Lx, Ly)."""
    both = [(sign * dx, sign * dy) for dx, dy in lattice.bonds for sign in (1, -1)]
    return torch.stack([neighbours(spins, each) for each in both]).sum(dim=0)


def pair_energy(spins: Tensor, lattice: Lattice = SQUARE) -> Tensor:
    """Return - sum_nn S_i.S_j, (B,)."""
    return -bonds(spins, lattice.bonds).sum(dim=0).sum(dim=(1, 2))


def rings(spins: Tensor) -> Tensor:
    """Return the ring exchange of the plaquette at every site of a square lattice, (B, Lx, Ly)."""
    s2, s3, s4 = (neighbours(spins, each) for each in ((1, 0), (1, 1), (0, 1)))
    return dot(spins, s2) * dot(s3, s4) + dot(s2, s3) * dot(s4, spins) - dot(spins, s3) * dot(s2, s4)


@dataclass
class Heisenberg(System):
    """Classical Heisenberg model on a lattice."""

    name: ClassVar[str] = "heisenberg"
    kind: ClassVar[str] = "heisenberg_lattice"
    geometry: ClassVar[str] = "lattice"
    samplings: ClassVar[tuple[str, ...]] = ("uniform_sphere", "uniform_angles", "thermal", "ladder")

    variant: str = "lattice"
    """One of lattice, infinite_range."""
    L: int | str = 10
    """Side of the lattice, at least 3; 12x8 for a rectangle, 12x1 for a chain."""
    J1: float = 1.0
    """Nearest neighbours."""
    J2: float = 0.0
    """Next-nearest neighbours."""
    K: float = 0.0
    """Biquadratic coupling."""
    R: float = 0.0
    """Ring exchange on plaquettes."""
    lattice: str = "square"
    """One of square, triangular."""
    D: float = 0.0
    """Dzyaloshinskii-Moriya exchange."""
    dm: str = "interfacial"
    """One of interfacial, bulk: its vectors D z x r, or D r."""
    h: float = 0.0
    """Field along z."""
    A: float = 0.0
    """Single-ion anisotropy along z."""

    def __post_init__(self) -> None:
        checks.one_of("system.variant", self.variant, ("lattice",))
        self.L = lattice_size("system.L", self.L)
        for key in ("J1", "J2", "K", "R", "D", "h", "A"):
            checks.within(f"system.{key}", getattr(self, key), -1e12, 1e12)
        checks.one_of("system.lattice", self.lattice, LATTICES)
        checks.one_of("system.dm", self.dm, ("interfacial", "bulk"))
        if self.R and (self.lattice != "square" or self.sides[1] == 1):
            raise ConfigError(f"system.R={self.R} needs the plaquettes of system.lattice=square")
        if self.J2 and self.sides[1] == 1:
            raise ConfigError(f"system.J2={self.J2} has no effect on a chain, which has no next neighbours (1, 1)")

    @property
    def kind_of_lattice(self) -> Lattice:
        """Return bonds and next neighbours."""
        return LATTICES[self.lattice].on(self.sides)

    @property
    def symmetry(self) -> str:
        """Return "none" with Dzyaloshinskii-Moriya exchange, "axial" with a field or an anisotropy, else "o3"."""
        if self.D:
            return "none"
        return "axial" if self.h or self.A else "o3"

    @property
    def even(self) -> bool:
        """Return False with a field: S -> -S then changes the energy."""
        return self.h == 0.0

    def point_group(self) -> tuple[Operation, ...]:
        """Return the operations of the lattice; with Dzyaloshinskii-Moriya exchange they turn the spins too."""
        turns = {"interfacial": "polar", "bulk": "axial"}[self.dm] if self.D else "fixed"
        return point_group(LATTICES[self.lattice], self.sides, turns)

    def effective_coupling(self) -> float:
        """J1."""
        return self.J1

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Unit vectors (count, 3, L, L)."""
        checks.one_of("sampling", sampling, self.samplings)
        return spin_sampling.sample(sampling, draw, self.size)

    def energy(self, spins: Tensor) -> Tensor:
        """E (B,) of unit vectors (B, 3, L, L)."""
        lattice = self.kind_of_lattice
        nearest = bonds(spins, lattice.bonds)  # (n, B, Lx, Ly)
        density = self.J1 * nearest.sum(dim=0)
        if self.J2:
            density = density + self.J2 * bonds(spins, lattice.next_neighbours).sum(dim=0)
        density = density + self.K * nearest.square().sum(dim=0)
        if self.R:
            density = density + self.R * rings(spins)
        if self.D:
            density = density - self.D * self._chirality(spins)
        up = spins[:, 2]
        return -(density + self.h * up + self.A * up.square()).sum(dim=(1, 2))

    def _chirality(self, spins: Tensor) -> Tensor:
        """Return sum_d v_d.(S_i x S_{i+d}) over the bonds d of every site, (B, L, L), v_d = z x r or r."""
        total = torch.zeros_like(spins[:, 0])
        for each in self.kind_of_lattice.bonds:
            x, y = self.kind_of_lattice.vector(each)
            vector = (-y, x, 0.0) if self.dm == "interfacial" else (x, y, 0.0)
            turned = torch.linalg.cross(spins, neighbours(spins, each), dim=1)
            total = total + dot(turned, torch.tensor(vector, dtype=spins.dtype, device=spins.device).view(1, 3, 1, 1))
        return total
