"""`double_exchange`: itinerant electrons coupled to classical spins on a periodic L x L lattice.

    H = -t sum_<ij>,a (c+_ia c_ja + h.c.) - (J/2) sum_i S_i . (c+_i sigma c_i) - mu sum_i n_i

Published (arXiv:2502.17665): t = 1, J = 16 t, mu = -8.3 t, T = 0.1 t, L = 10. For given spins the electrons
are free: the energy to be learned is the grand potential of the 2 L^2 levels, in units of t.

Basis: state 2 i + a is site i = x L + y with spin a (0 up, 1 down). Known answers, n = L^2: tr H = -2 n mu;
tr H^2 = 2 n (mu^2 + J^2/4 + 4 t^2); parallel spins: the band -2t (cos kx + cos ky) - mu -+ J/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from efnn_cli import checks
from efnn_cli.errors import NumericalError
from efnn_cli.physics import free_fermions
from efnn_cli.physics import sampling as spin_sampling
from efnn_cli.physics.system import Array, Draw, System

TRACE_TOLERANCE = 1e-9  # of the two trace identities, relative to their natural scales


@lru_cache(maxsize=4)
def adjacency(size: int) -> Tensor:
    """Nearest neighbours of the periodic lattice, float64 (L^2, L^2), one where two sites share a bond."""
    site = torch.arange(size * size).reshape(size, size)
    bonds = torch.zeros(size * size, size * size, dtype=torch.float64)
    for axis in (0, 1):
        neighbour = site.roll(-1, dims=axis)
        bonds[site.flatten(), neighbour.flatten()] = 1.0
        bonds[neighbour.flatten(), site.flatten()] = 1.0
    return bonds


@dataclass
class DoubleExchange(System):
    """Parameters: side L >= 3, hopping t, Hund coupling J, chemical potential mu, temperature T."""

    name: ClassVar[str] = "double_exchange"
    energy_unit: ClassVar[str] = "hopping t"
    L: int | None = None
    t: float = 1.0
    J: float = 16.0
    mu: float = -8.3
    T: float = 0.1

    def __post_init__(self) -> None:
        if self.L is None:
            self.L = 10
        checks.within("system.L", self.L, 3, 4096)
        for key in ("t", "J", "mu"):
            checks.within(f"system.{key}", getattr(self, key), -1e6, 1e6)
        checks.positive("system.T", self.T)
        checks.within("system.T", self.T, 0.0, 1e6)

    geometry = "lattice"
    kind = "double_exchange"
    samplings = tuple(spin_sampling.SAMPLINGS)
    references = ("dense",)

    @property
    def shard_size(self) -> int:
        """About a second of dense diagonalisation, which grows as L^6."""
        return max(1, min(256, int(256 * (10 / self.size) ** 6)))

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Unit vectors (count, 3, L, L)."""
        checks.one_of("sampling", sampling, self.samplings)
        return spin_sampling.sample(sampling, draw, self.size)

    def hamiltonians(self, spins: Tensor) -> Tensor:
        """H (B, 2 L^2, 2 L^2), complex128, of spins (B, 3, L, L)."""
        batch, sites = spins.shape[0], self.size**2
        hopping = (-self.t * adjacency(self.size)).to(spins.device)  # (n, n)
        matrix = torch.zeros(batch, sites, 2, sites, 2, dtype=torch.complex128, device=spins.device)
        matrix[:, :, 0, :, 0] = hopping.to(matrix.dtype)
        matrix[:, :, 1, :, 1] = hopping.to(matrix.dtype)
        x, y, z = (0.5 * self.J * spins).flatten(2).unbind(dim=1)  # (B, n) each
        onsite = matrix.diagonal(dim1=1, dim2=3)  # (B, 2, 2, n), a view
        onsite[:, 0, 0] = (-z - self.mu).to(matrix.dtype)
        onsite[:, 1, 1] = (z - self.mu).to(matrix.dtype)
        onsite[:, 0, 1] = torch.complex(-x, y)  # -(J/2) (S_x - i S_y)
        onsite[:, 1, 0] = torch.complex(-x, -y)
        return matrix.reshape(batch, 2 * sites, 2 * sites)

    def levels(self, spins: Tensor) -> Tensor:
        """One-particle levels (B, 2 L^2), checked by both trace identities.

        A batch that fails on an accelerator is diagonalised again on the CPU, since wrong batched results
        have been reported there; raises `NumericalError` where the CPU fails too.
        """
        levels = free_fermions.dense_levels(self.hamiltonians(spins))
        wrong = ~self.traces_hold(levels, spins)
        if wrong.any() and spins.device.type != "cpu":
            again = free_fermions.dense_levels(self.hamiltonians(spins[wrong].cpu()))
            levels[wrong] = again.to(levels.device)
            wrong = ~self.traces_hold(levels, spins)
        if wrong.any():
            raise NumericalError(
                f"diagonalisation: {int(wrong.sum())} of {len(spins)} spectra violate tr H or tr H^2",
                "the linear algebra library returned wrong eigenvalues; report the machine and its versions",
            )
        return levels

    def traces_hold(self, levels: Tensor, spins: Tensor) -> Tensor:
        """Whether sum e_n = tr H and sum e_n^2 = ||H||_F^2, bool (B,), to `TRACE_TOLERANCE`."""
        sites = self.size**2
        spin_norm = spins.square().sum(dim=(1, 2, 3)) / sites  # 1 for unit vectors
        square = 2 * sites * (self.mu**2 + self.J**2 / 4 * spin_norm + 4 * self.t**2)
        first = (levels.sum(dim=1) + 2 * sites * self.mu).abs()
        second = (levels.square().sum(dim=1) - square).abs()
        scale = (2 * sites * square).sqrt()  # bounds sum |e_n|, by Cauchy and Schwarz
        return (first <= TRACE_TOLERANCE * scale) & (second <= TRACE_TOLERANCE * square)

    def energy(self, spins: Tensor, reference: str = "auto") -> Tensor:
        """Grand potential (B,) from all eigenvalues."""
        return free_fermions.grand_potential(self.levels(spins), self.T)

    def scratch_bytes(self, reference: str) -> int:
        """The matrix, and LAPACK's copy of it."""
        return 2 * 16 * (2 * self.size**2) ** 2
