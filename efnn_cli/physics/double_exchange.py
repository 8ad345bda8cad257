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
from efnn_cli.core.errors import NumericalError
from efnn_cli.core.memory import batch_bytes
from efnn_cli.physics import block_recursion, free_fermions, matsubara, sparse_determinant
from efnn_cli.physics import sampling as spin_sampling
from efnn_cli.physics.heisenberg import lattice_energy
from efnn_cli.physics.system import TOLERANCE, Array, Draw, Labels, System

# c of `fastest_reference`: on a CPU from `efnn bench labels`; for CUDA an estimate, nobody has measured it yet.
CROSSOVER = {"cpu": 220.0, "cuda": 1500.0}
# On a CPU block recursion beats sparse factors on small lattices; from about L = 30 on it does not.
BLOCKS_UP_TO = 28
FIT_SIZE, FIT_SAMPLES = 6, 512  # of `effective_coupling`
TRACE_TOLERANCE = 1e-9  # of the two trace identities, relative to their natural scales
STATE_TOLERANCE = 1e-9
BROKEN = "the linear algebra library returned wrong results; report the machine and its versions"


@lru_cache(maxsize=4)
def adjacency(size: int) -> Array:
    """Nearest neighbours of the periodic lattice, float64 (L^2, L^2), one where two sites share a bond."""
    site = np.arange(size * size).reshape(size, size)
    bonds = np.zeros((size * size, size * size))
    for axis in (0, 1):
        neighbour = np.roll(site, -1, axis)
        bonds[site.ravel(), neighbour.ravel()] = 1.0
        bonds[neighbour.ravel(), site.ravel()] = 1.0
    return bonds


@lru_cache(maxsize=4)
def sparse_hopping(size: int, hopping: float) -> Any:
    """The hopping part of H, (2 L^2, 2 L^2) complex128 CSR."""
    site = np.arange(size * size).reshape(size, size)
    here = np.concatenate([site.ravel(), site.ravel()])
    there = np.concatenate([np.roll(site, -1, axis).ravel() for axis in (0, 1)])
    bonds = sp.coo_matrix((np.full(len(here), -hopping), (here, there)), shape=(size**2, size**2)).tocsr()
    return sp.kron(bonds + bonds.T, np.eye(2), format="csr").astype(np.complex128)


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
    references = ("dense", "determinant")
    estimated_references = ("determinant",)

    @property
    def shard_size(self) -> int:
        """About a second of dense diagonalisation, which grows as L^6."""
        return max(1, min(256, int(256 * (10 / self.size) ** 6)))

    def effective_coupling(self) -> float:
        """Least squares of E = a - J sum_<ij> S_i.S_j over uniform spins on a small lattice.

        Rounded to four digits, so that rounding of the labels cannot change a drawn spin.
        """
        small = self.at_size(min(self.size, FIT_SIZE))
        spins = torch.from_numpy(small.sample("uniform_sphere", Draw(0, "effective coupling", 0, 0, FIT_SAMPLES)))
        bonds = lattice_energy(spins, 1.0, 0.0, 0.0, 0.0)  # - sum S_i.S_j
        covariance = torch.cov(torch.stack([bonds, small.energy(spins)]))
        return float(f"{float(covariance[0, 1] / covariance[0, 0]):.4g}")

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Unit vectors (count, 3, L, L)."""
        checks.one_of("sampling", sampling, self.samplings)
        return spin_sampling.sample(sampling, draw, self.size)

    def hamiltonians(self, spins: Tensor) -> Tensor:
        """H (B, 2 L^2, 2 L^2), complex128, of spins (B, 3, L, L)."""
        batch, sites = spins.shape[0], self.size**2
        hopping = torch.from_numpy(-self.t * adjacency(self.size)).to(spins.device)  # (n, n)
        matrix = torch.zeros(batch, sites, 2, sites, 2, dtype=torch.complex128, device=spins.device)
        matrix[:, :, 0, :, 0] = hopping.to(matrix.dtype)
        matrix[:, :, 1, :, 1] = hopping.to(matrix.dtype)
        self._put_onsite(matrix.diagonal(dim1=1, dim2=3), spins.flatten(2))  # (B, 2, 2, n), a view
        return matrix.reshape(batch, 2 * sites, 2 * sites)

    def _put_onsite(self, onsite: Tensor, spins: Tensor) -> None:
        """Write -(J/2) S.sigma - mu of spins (B, 3, ..., n) into `onsite` (B, ..., 2, 2, n)."""
        x, y, z = (0.5 * self.J * spins).unbind(dim=1)  # (B, ..., n) each
        onsite[..., 0, 0, :] = (-z - self.mu).to(onsite.dtype)
        onsite[..., 1, 1, :] = (z - self.mu).to(onsite.dtype)
        onsite[..., 0, 1, :] = torch.complex(-x, y)  # -(J/2) (S_x - i S_y)
        onsite[..., 1, 0, :] = torch.complex(-x, -y)

    def levels(self, spins: Tensor) -> Tensor:
        """One-particle levels (B, 2 L^2), checked by both trace identities."""
        return self._checked_levels(spins)[0]

    def _checked_levels(self, spins: Tensor) -> tuple[Tensor, int]:
        """Levels (B, 2 L^2), and how many of the B spectra were wrong at first.

        Those are diagonalised again on the CPU: wrong batched results have been reported of accelerators. Raises
        `NumericalError` where that is no better.
        """
        levels = free_fermions.dense_levels(self.hamiltonians(spins))
        wrong = ~self.traces_hold(levels, spins)
        redone = int(wrong.sum())
        if redone:
            again = free_fermions.dense_levels(self.hamiltonians(spins[wrong].cpu()))
            levels[wrong] = again.to(levels.device)
            left = int((~self.traces_hold(levels, spins)).sum())
            if left:
                raise NumericalError(
                    f"diagonalisation: {left} of {len(spins)} spectra violate tr H or tr H^2",
                    BROKEN,
                )
        return levels, redone

    def _checked_states(self, spins: Tensor) -> tuple[Tensor, Tensor]:
        """Levels (B, N) and eigenvectors (B, N, N), checked, and where wrong made again on the CPU as above."""
        matrices = self.hamiltonians(spins)
        levels, states = free_fermions.dense_states(matrices)
        wrong = ~free_fermions.states_hold(matrices, levels, states, STATE_TOLERANCE)
        if wrong.any():
            matrices = matrices[wrong].cpu()
            again = free_fermions.dense_states(matrices)
            left = int((~free_fermions.states_hold(matrices, *again, STATE_TOLERANCE)).sum())
            if left:
                raise NumericalError(f"diagonalisation: {left} of {len(spins)} sets of eigenvectors are none", BROKEN)
            levels[wrong], states[wrong] = (each.to(levels.device) for each in again)
        return levels, states

    def traces_hold(self, levels: Tensor, spins: Tensor) -> Tensor:
        """Whether sum e_n = tr H and sum e_n^2 = ||H||_F^2, bool (B,), to `TRACE_TOLERANCE`."""
        sites = self.size**2
        spin_norm = spins.square().sum(dim=(1, 2, 3)) / sites  # 1 for unit vectors
        square = 2 * sites * (self.mu**2 + self.J**2 / 4 * spin_norm + 4 * self.t**2)
        first = (levels.sum(dim=1) + 2 * sites * self.mu).abs()
        second = (levels.square().sum(dim=1) - square).abs()
        scale = (2 * sites * square).sqrt()  # bounds sum |e_n|, by Cauchy and Schwarz
        return (first <= TRACE_TOLERANCE * scale) & (second <= TRACE_TOLERANCE * square)

    def energy(self, spins: Tensor) -> Tensor:
        """Grand potential (B,) from all eigenvalues."""
        return free_fermions.grand_potential(self.levels(spins), self.T)

    @property
    def bound(self) -> float:
        """Largest |e_n| that is possible, by Gershgorin's theorem for the hopping and the spins' own levels."""
        return 4 * abs(self.t) + abs(self.J) / 2 + abs(self.mu)

    def fastest_reference(self, device: str) -> str:
        """Diagonalisation costs L^6, determinants K L^3 for K frequencies: they cross at L^3 = c K."""
        try:
            frequencies = matsubara.plan(self.T, self.bound, TOLERANCE).frequencies
        except NumericalError:
            return "dense"
        return "determinant" if self.size**3 > CROSSOVER[device] * frequencies else "dense"

    def fields(self, spins: Tensor) -> Tensor:
        """Effective fields -dE/dS (B, 3, L, L) by the theorem of Hellmann and Feynman.

        dH/dS_i = -(J/2) sigma on site i, so that -dE/dS_i = (J/2) sum_n f(e_n) <n| c+_i sigma c_i |n>, with the Fermi
        function f. H is linear in the spins: this is the gradient for spins of any length.
        """
        levels, states = self._checked_states(spins)  # (B, N), (B, N, N)
        occupied = torch.sigmoid(-levels / self.T).to(states.dtype)  # f(e) = 1 / (1 + e^(e / T))
        amplitude = states.reshape(len(spins), self.size**2, 2, -1)  # (B, n, 2, N)
        up, down = amplitude.unbind(dim=2)
        flip = (up.conj() * down * occupied[:, None]).sum(-1)  # <c+_up c_down>, (B, n)
        density = ((up.abs().square() - down.abs().square()) * occupied[:, None].real).sum(-1)
        moments = torch.stack([2 * flip.real, 2 * flip.imag, density], dim=1)  # <sigma>, (B, 3, n)
        return 0.5 * self.J * moments.reshape(spins.shape)

    def label(self, spins: Tensor, reference: str, tolerance: float = TOLERANCE) -> Labels:
        """Grand potential from eigenvalues ("dense") or from determinants (by rows of blocks, or sparse factors)."""
        if reference == "dense":
            levels, redone = self._checked_levels(spins)
            return Labels(free_fermions.grand_potential(levels, self.T), redone=redone)
        how = matsubara.plan(self.T, self.bound, tolerance)
        matrices = [self.sparse_hamiltonian(each) for each in spins.cpu()]
        if spins.device.type == "cpu" and self.size > BLOCKS_UP_TO:
            logs = np.stack([sparse_determinant.log_determinants(each, how.matsubara()) for each in matrices])
        else:
            logs = self._logs_by_blocks(spins, how).cpu().numpy()
        pairs = [self._by_determinants(*each, how, tolerance) for each in zip(matrices, logs, strict=True)]
        energies, errors = torch.tensor(pairs, dtype=torch.float64).to(spins.device).unbind(dim=1)
        return Labels(energies, errors)

    def _by_determinants(self, matrix: Any, logs: Array, how: matsubara.Plan, tolerance: float) -> tuple[float, float]:
        """Grand potential of one sparse H with its ln|det(H - i w_k)| (K,), and its error estimate."""
        levels = matrix.shape[0]
        moments = sparse_determinant.even_moments(matrix, how.moments + 1)
        omega, error = matsubara.grand_potential(how, levels, -levels * self.mu, logs, moments)
        matsubara.require_tolerance(omega, error, levels, self.T, tolerance)
        return omega, error

    def _logs_by_blocks(self, spins: Tensor, how: matsubara.Plan) -> Tensor:
        """ln|det(H - i w_k)| (B, K) of spins (B, 3, L, L), on their device, in groups of bounded memory."""
        frequencies = torch.from_numpy(how.matsubara()).to(spins.device)
        room = max(1, batch_bytes(spins.device) // block_recursion.scratch_bytes(2 * self.size))
        groups = torch.split(self.diagonal_rows(spins), max(1, room // len(frequencies)))
        parts = torch.split(frequencies, room)
        return torch.cat(
            [torch.cat([block_recursion.log_determinants(each, -self.t, w) for w in parts], dim=1) for each in groups]
        )

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

    def sparse_hamiltonian(self, spins: Tensor) -> Any:
        """H of one configuration (3, L, L) as a SciPy CSR matrix, in the same basis as `hamiltonians`."""
        sites = self.size**2
        x, y, z = (0.5 * self.J * spins).flatten(1).numpy()
        onsite = np.empty((sites, 2, 2), dtype=np.complex128)
        onsite[:, 0, 0], onsite[:, 1, 1] = -z - self.mu, z - self.mu
        onsite[:, 0, 1], onsite[:, 1, 0] = -x + 1j * y, -x - 1j * y
        diagonal = sp.bsr_matrix((onsite, np.arange(sites), np.arange(sites + 1)))
        return (sparse_hopping(self.size, self.t) + diagonal).tocsr()

    def scratch_bytes(self, reference: str) -> int:
        """The matrix and LAPACK's copy of it; or the factors and the powers of H, both measured."""
        if reference == "dense":
            return 2 * 16 * (2 * self.size**2) ** 2
        return 60_000 * self.size**2

    def field_scratch_bytes(self) -> int:
        """H, its eigenvectors, LAPACK's work space of twice their size, and what checks and occupations take."""
        return 6 * 16 * (2 * self.size**2) ** 2
