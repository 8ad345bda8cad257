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
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from efnn_cli.core import checks
from efnn_cli.physics import determinant, diagonalise, free_fermions
from efnn_cli.physics import sampling as spin_sampling
from efnn_cli.physics.heisenberg import pair_energy
from efnn_cli.physics.system import TOLERANCE, Array, Draw, Labels, System

FIT_SIZE, FIT_SAMPLES = 6, 512  # of `effective_coupling`


@dataclass
class DoubleExchange(System):
    """Electrons hopping among classical spins; energy = grand potential. Energies in units of t."""

    name: ClassVar[str] = "double_exchange"
    kind: ClassVar[str] = "double_exchange"
    geometry: ClassVar[str] = "lattice"
    energy_unit: ClassVar[str] = "hopping t"
    samplings: ClassVar[tuple[str, ...]] = tuple(spin_sampling.SAMPLINGS)
    references: ClassVar[tuple[str, ...]] = ("dense", "determinant")
    estimated_references: ClassVar[tuple[str, ...]] = ("determinant",)

    L: int = 10
    """Side of the lattice, at least 3."""
    t: float = 1.0
    """Hopping."""
    J: float = 16.0
    """Hund coupling."""
    mu: float = -8.3
    """Chemical potential."""
    T: float = 0.1
    """Temperature."""

    def __post_init__(self) -> None:
        checks.within("system.L", self.L, 3, 4096)
        for key in ("t", "J", "mu"):
            checks.within(f"system.{key}", getattr(self, key), -1e6, 1e6)
        checks.positive("system.T", self.T)
        checks.within("system.T", self.T, 0.0, 1e6)

    @property
    def bound(self) -> float:
        """Upper bound of |e_n|, by Gershgorin's theorem for the hopping and the spins' own levels."""
        return 4 * abs(self.t) + abs(self.J) / 2 + abs(self.mu)

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Unit vectors (count, 3, L, L)."""
        checks.one_of("sampling", sampling, self.samplings)
        return spin_sampling.sample(sampling, draw, self.size)

    def effective_coupling(self) -> float:
        """J of the least-squares fit E = a - J sum_<ij> S_i.S_j over uniform spins on a small lattice.

        Rounded to four digits, so that rounding of the labels cannot change a drawn spin.
        """
        small = self.at_size(min(self.size, FIT_SIZE))
        spins = torch.from_numpy(small.sample("uniform_sphere", Draw(0, "effective coupling", 0, 0, FIT_SAMPLES)))
        bonds = pair_energy(spins)  # - sum S_i.S_j
        covariance = torch.cov(torch.stack([bonds, small.energy(spins)]))
        return float(f"{float(covariance[0, 1] / covariance[0, 0]):.4g}")

    def levels(self, spins: Tensor) -> Tensor:
        """One-particle levels (B, 2 L^2), ascending, checked."""
        return diagonalise.checked_levels(self.hamiltonians(spins))[0]

    def energy(self, spins: Tensor) -> Tensor:
        """Grand potential (B,) from all eigenvalues."""
        return free_fermions.grand_potential(self.levels(spins), self.T)

    def label(self, spins: Tensor, reference: str, tolerance: float = TOLERANCE) -> Labels:
        """Grand potential from eigenvalues ("dense") or from determinants."""
        if reference == "determinant":
            return determinant.label(self, spins, tolerance)
        levels, redone = diagonalise.checked_levels(self.hamiltonians(spins))
        return Labels(free_fermions.grand_potential(levels, self.T), redone=redone)

    def fastest_reference(self, device: str) -> str:
        """Return the faster of both methods on a device of type "cpu" or "cuda"."""
        return "determinant" if determinant.is_faster(self, device) else "dense"

    def fields(self, spins: Tensor) -> Tensor:
        """Fields -dE/dS (B, 3, L, L) by the theorem of Hellmann and Feynman.

        dH/dS_i = -(J/2) sigma on site i, so that -dE/dS_i = (J/2) sum_n f(e_n) <n| c+_i sigma c_i |n>, with the Fermi
        function f. H is linear in the spins: this is the gradient for spins of any length.
        """
        levels, states = diagonalise.checked_states(self.hamiltonians(spins))  # (B, N), (B, N, N)
        return 0.5 * self.J * free_fermions.spin_moments(levels, states, self.T).reshape(spins.shape)

    def hamiltonians(self, spins: Tensor) -> Tensor:
        """H (B, 2 L^2, 2 L^2), complex128, of spins (B, 3, L, L)."""
        batch, sites = spins.shape[0], self.size**2
        hopping = torch.from_numpy(-self.t * adjacency(self.size)).to(spins.device)  # (n, n)
        matrix = torch.zeros(batch, sites, 2, sites, 2, dtype=torch.complex128, device=spins.device)
        matrix[:, :, 0, :, 0] = hopping.to(matrix.dtype)
        matrix[:, :, 1, :, 1] = hopping.to(matrix.dtype)
        self._put_onsite(matrix.diagonal(dim1=1, dim2=3), spins.flatten(2))  # (B, 2, 2, n), a view
        return matrix.reshape(batch, 2 * sites, 2 * sites)

    def diagonal_rows(self, spins: Tensor) -> Tensor:
        """The blocks of H that belong to one row of the lattice, (B, L, 2 L, 2 L), complex128."""
        batch, size = len(spins), self.size
        site = torch.arange(size)
        ring = torch.zeros(size, size, dtype=torch.complex128)
        ring[site, site.roll(-1)] = ring[site.roll(-1), site] = -self.t
        rows = torch.zeros(batch, size, size, 2, size, 2, dtype=torch.complex128, device=spins.device)
        rows[:, :, :, 0, :, 0] = rows[:, :, :, 1, :, 1] = ring.to(spins.device)
        self._put_onsite(rows.diagonal(dim1=2, dim2=4), spins)  # (B, L, 2, 2, L), a view
        return rows.reshape(batch, size, 2 * size, 2 * size)

    def _put_onsite(self, onsite: Tensor, spins: Tensor) -> None:
        """Write -(J/2) S.sigma - mu of spins (B, 3, ..., n) into `onsite` (B, ..., 2, 2, n)."""
        x, y, z = (0.5 * self.J * spins).unbind(dim=1)  # (B, ..., n) each
        onsite[..., 0, 0, :] = (-z - self.mu).to(onsite.dtype)
        onsite[..., 1, 1, :] = (z - self.mu).to(onsite.dtype)
        onsite[..., 0, 1, :] = torch.complex(-x, y)  # -(J/2) (S_x - i S_y)
        onsite[..., 1, 0, :] = torch.complex(-x, -y)

    def sparse_hamiltonian(self, spins: Tensor) -> Any:
        """H of one configuration (3, L, L) as a SciPy CSR matrix, in the same basis as `hamiltonians`."""
        sites = self.size**2
        x, y, z = (0.5 * self.J * spins).flatten(1).numpy()
        onsite = np.empty((sites, 2, 2), dtype=np.complex128)
        onsite[:, 0, 0], onsite[:, 1, 1] = -z - self.mu, z - self.mu
        onsite[:, 0, 1], onsite[:, 1, 0] = -x + 1j * y, -x - 1j * y
        diagonal = sp.bsr_matrix((onsite, np.arange(sites), np.arange(sites + 1)))
        return (sparse_hopping(self.size, self.t) + diagonal).tocsr()


@lru_cache(maxsize=4)
def adjacency(size: int) -> Array:
    """Return the nearest neighbours of the periodic lattice, (L^2, L^2), one where two sites share a bond."""
    site = np.arange(size * size).reshape(size, size)
    bonds = np.zeros((size * size, size * size))
    for axis in (0, 1):
        neighbour = np.roll(site, -1, axis)
        bonds[site.ravel(), neighbour.ravel()] = bonds[neighbour.ravel(), site.ravel()] = 1.0
    return bonds


@lru_cache(maxsize=4)
def sparse_hopping(size: int, hopping: float) -> Any:
    """The hopping part of H, (2 L^2, 2 L^2) complex128 CSR."""
    site = np.arange(size * size).reshape(size, size)
    here = np.concatenate([site.ravel(), site.ravel()])
    there = np.concatenate([np.roll(site, -1, axis).ravel() for axis in (0, 1)])
    bonds = sp.coo_matrix((np.full(len(here), -hopping), (here, there)), shape=(size**2, size**2)).tocsr()
    return sp.kron(bonds + bonds.T, np.eye(2), format="csr").astype(np.complex128)
