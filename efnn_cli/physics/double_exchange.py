"""`double_exchange`: itinerant electrons coupled to classical spins on a periodic L x L lattice.

    H = -t sum_<ij>,a (c+_ia c_ja + h.c.) - t2 sum_<<ij>>,a (c+_ia c_ja + h.c.)
        - (J/2) sum_i S_i . (c+_i sigma c_i) - mu sum_i n_i
    E = grand potential of H + J_AF sum_<ij> S_i.S_j

Published (arXiv:2502.17665): square lattice, t = 1, J = 16 t, mu = -8.3 t, T = 0.1 t, L = 10, t2 = J_AF = 0. For given
spins the electrons are free: the energy to be learned follows from the 2 L^2 levels, in units of t. t2 is hopping to
next neighbours, J_AF the superexchange of manganites, and `twist` a phase on the bonds that wrap (`hopping.py`).

Basis: state 2 i + a is site i = x L + y with spin a (0 up, 1 down). Known answers, n = L^2, z neighbours and next
neighbours per site: tr H = -2 n mu; tr H^2 = 2 n (mu^2 + J^2/4 + z (t^2 + t2^2)); parallel spins: the band of the
lattice, square -2t (cos kx + cos ky), triangular -2t (cos kx + cos ky + cos(kx - ky)), minus mu -+ J/2.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.size import Size, lattice_size, size_of
from efnn_cli.physics import determinant, determinant_fields, diagonalise, free_fermions, sparse_determinant
from efnn_cli.physics import sampling as spin_sampling
from efnn_cli.physics.heisenberg import pair_energy, sum_of_neighbours
from efnn_cli.physics.hopping import hopping_matrix
from efnn_cli.physics.lattices import LATTICES, Displacement, Lattice, Operation, point_group
from efnn_cli.physics.system import TOLERANCE, Array, Draw, Labels, System

FIT_SIZE, FIT_SAMPLES = 6, 512  # of `effective_coupling`
FILLING_SAMPLES, FILLING_SIZE = 16, 20  # configurations, and their largest side, that fix mu for a filling


@dataclass
class DoubleExchange(System):
    """Electrons hopping among classical spins; energy = grand potential. Energies in units of t."""

    name: ClassVar[str] = "double_exchange"
    kind: ClassVar[str] = "double_exchange"
    geometry: ClassVar[str] = "lattice"
    energy_name: ClassVar[str] = "grand potential"
    samplings: ClassVar[tuple[str, ...]] = tuple(spin_sampling.SAMPLINGS)
    references: ClassVar[tuple[str, ...]] = ("dense", "determinant")
    estimated_references: ClassVar[tuple[str, ...]] = ("determinant",)

    L: int | str = 10
    """Side of the lattice, at least 3; 12x8 for a rectangle, 12x1 for a chain."""
    t: float = 1.0
    """Hopping."""
    J: float = 16.0
    """Hund coupling."""
    mu: float = -8.3
    """Chemical potential."""
    T: float = 0.1
    """Temperature."""
    lattice: str = "square"
    """One of square, triangular."""
    t2: float = 0.0
    """Hopping to next neighbours."""
    J_AF: float = 0.0
    """Superexchange J_AF S.S' between neighbours."""
    twist: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Phases in radians on the bonds that wrap."""
    twists: int = 1
    """Average the energy over this many twists along each axis, as of a lattice that many times as long."""
    filling: float | None = None
    """Electrons per site, 0 to 2; the mu that gives it then takes the place of mu."""

    @property
    def energy_unit(self) -> str:
        """The hopping amplitude t."""
        return "hopping t"

    def __post_init__(self) -> None:
        self.L = lattice_size("system.L", self.L)
        checks.one_of("system.lattice", self.lattice, LATTICES)
        for key in ("t", "J", "mu", "t2", "J_AF"):
            checks.within(f"system.{key}", getattr(self, key), -1e6, 1e6)
        checks.positive("system.T", self.T)
        checks.within("system.T", self.T, 0.0, 1e6)
        if len(self.twist) != 2:
            raise ConfigError(f"system.twist: wanted two angles such as [0,3.1416], found {self.twist}")
        for angle in self.twist:
            checks.within("system.twist", angle, -math.tau, math.tau)
        checks.within("system.twists", self.twists, 1, 64)
        if self.filling is not None:
            checks.within("system.filling", self.filling, 1e-6, 2 - 1e-6)
        if self.t2 and self.sides[1] == 1:
            raise ConfigError(f"system.t2={self.t2} has no effect on a chain, which has no next neighbours (1, 1)")
        if self.t2 and self.lattice == "triangular":
            checks.within("system.L (with t2 on a triangular lattice)", min(self.sides), 4, 4096)

    @property
    def level_references(self) -> tuple[str, ...]:
        """Return "dense"; none for averages over twists, each of which has levels of its own."""
        return ("dense",) if self.twists == 1 else ()

    @property
    def kind_of_lattice(self) -> Lattice:
        """Return bonds and next neighbours."""
        return LATTICES[self.lattice].on(self.sides)

    @property
    def amplitudes(self) -> tuple[tuple[Displacement, float], ...]:
        """Return every bond with its hopping amplitude."""
        near = [(each, -self.t) for each in self.kind_of_lattice.bonds]
        far = [(each, -self.t2) for each in self.kind_of_lattice.next_neighbours if self.t2]
        return (*near, *far)

    @property
    def row_coupling(self) -> float | None:
        """Return c where rows of the lattice couple by c times the identity to the next row only, None where not."""
        plain = self.lattice == "square" and self.sides[1] > 1 and not self.t2 and not any(self.twist)
        return -self.t if plain else None

    @property
    def bound(self) -> float:
        """Upper bound of |e_n|, by Gershgorin's theorem for the hopping and the spins' own levels."""
        hopping = sum(2 * abs(amplitude) for _, amplitude in self.amplitudes)
        return hopping + abs(self.J) / 2 + abs(self.mu)

    def boundaries(self) -> list[Self]:
        """Return the systems with a single twist that the energy is the mean of.

        By Bloch's theorem the mean over n x n twists is the energy of the configuration tiled n x n times, over n^2.
        """
        if self.twists == 1:
            return [self]
        counts = [self.twists if side > 1 else 1 for side in self.sides]
        shifts = [np.array(each) * math.tau / self.twists for each in np.ndindex(*counts)]
        twists = [np.remainder(np.array(self.twist) + each, math.tau).tolist() for each in shifts]
        return [dataclasses.replace(self, twist=each, twists=1) for each in twists]

    def at_size(self, size: Size) -> Self:
        """The same Hamiltonian on a lattice of another size; a larger one needs fewer twists for the same momenta."""
        other = dataclasses.replace(self, L=size)
        needed = -(-self.twists * max(self.sides) // max(other.sides))
        return dataclasses.replace(other, twists=min(self.twists, needed))

    def hamiltonian(self) -> dict[str, Any]:
        """Parameters that must agree for two datasets to share a Hamiltonian: neither size nor boundaries."""
        return {key: each for key, each in self.parameters().items() if key not in ("L", "twist", "twists")}

    def point_group(self) -> tuple[Operation, ...]:
        """Return the operations of the lattice that map the twists to themselves, modulo 2 pi."""
        twists = np.array([each.twist for each in self.boundaries()])  # (n, 2)

        def phases(angles: Array) -> set[tuple[complex, ...]]:
            return {tuple(each) for each in np.round(np.exp(1j * angles), 9) + 0.0}

        every = point_group(LATTICES[self.lattice], self.sides)
        return tuple(each for each in every if phases(twists @ np.array(each.matrix)) == phases(twists))

    def prepared(self, spins: Tensor | None = None) -> Self:
        """Return the system with the mu that gives `filling` as the mean over `spins` (B, 3, L, L).

        Without spins it is the mean over uniform ones. Raises `NumericalError` where no mu is found.
        """
        if self.filling is None:
            return self
        bare = dataclasses.replace(self, filling=None, mu=0.0)
        if spins is None:
            bare = bare.at_size(self._at_most(FILLING_SIZE))
            draw = Draw(0, "filling", 0, 0, FILLING_SAMPLES)
            spins = torch.from_numpy(bare.sample("uniform_sphere", draw))
        some = spins[:: -(-len(spins) // FILLING_SAMPLES)]  # spread over all of them
        sized = bare.at_size(size_of(spins.shape[-2:])).boundaries()
        levels = torch.cat([each.levels(some) for each in sized], dim=1)
        mu = free_fermions.chemical_potential(levels, self.T, self.filling * len(sized) * sized[0].sites)
        return dataclasses.replace(self, filling=None, mu=float(f"{mu:.6g}"))

    def _at_most(self, side: int) -> Size:
        """Return the size with no side longer than `side`."""
        return size_of([min(each, side) for each in self.sides])

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Unit vectors (count, 3, L, L)."""
        checks.one_of("sampling", sampling, self.samplings)
        return spin_sampling.sample(sampling, draw, self.size)

    def effective_coupling(self) -> float:
        """J of the least-squares fit E = a - J sum_<ij> S_i.S_j over uniform spins on a small lattice.

        Rounded to four digits, so that rounding of the labels cannot change a drawn spin.
        """
        small = self.at_size(self._at_most(FIT_SIZE))
        spins = torch.from_numpy(small.sample("uniform_sphere", Draw(0, "effective coupling", 0, 0, FIT_SAMPLES)))
        bonds = pair_energy(spins, self.kind_of_lattice)  # - sum S_i.S_j
        covariance = torch.cov(torch.stack([bonds, small.energy(spins)]))
        return float(f"{float(covariance[0, 1] / covariance[0, 0]):.4g}")

    def levels(self, spins: Tensor) -> Tensor:
        """One-particle levels (B, 2 L^2) of a single twist, ascending, checked."""
        return diagonalise.checked_levels(self.hamiltonians(spins))[0]

    def energy(self, spins: Tensor) -> Tensor:
        """Grand potential (B,) from all eigenvalues, with the superexchange."""
        potentials = [free_fermions.grand_potential(each.levels(spins), self.T) for each in self.boundaries()]
        return torch.stack(potentials).mean(dim=0) + self.superexchange(spins)

    def superexchange(self, spins: Tensor) -> Tensor:
        """J_AF sum_<ij> S_i.S_j, (B,)."""
        return -self.J_AF * pair_energy(spins, self.kind_of_lattice)

    def label(self, spins: Tensor, reference: str, tolerance: float = TOLERANCE, *, fields: bool = False) -> Labels:
        """Labels from eigenvalues ("dense"), with levels and electrons per site, or from determinants."""
        if self.twists > 1:
            return Labels.mean([each.label(spins, reference, tolerance, fields=fields) for each in self.boundaries()])
        if reference == "determinant":
            return self._by_determinants(spins, tolerance, fields=fields)
        redone, found = 0, None
        if fields:
            levels, states = diagonalise.checked_states(self.hamiltonians(spins))
            found = self._fields_of_states(spins, levels, states)
        else:
            levels, redone = diagonalise.checked_levels(self.hamiltonians(spins))
        energies = free_fermions.grand_potential(levels, self.T) + self.superexchange(spins)
        density = free_fermions.electrons(levels, self.T) / self.sites
        return Labels(energies, None, density, levels + self.mu, found, redone=redone)

    def thermal_energies(self, spins: Tensor, labels: Labels, temperature: float) -> tuple[Tensor, Tensor] | None:
        """Return u and v of the electrons from their levels, u with the superexchange."""
        if labels.levels is None:
            return None
        u, v = free_fermions.internal_energy(labels.levels - self.mu, temperature)
        return u + self.superexchange(spins), v

    def _by_determinants(self, spins: Tensor, tolerance: float, *, fields: bool) -> Labels:
        """Return the labels from determinants, with the superexchange."""
        label = determinant_fields.label if fields else determinant.label
        labels = label(self, spins, tolerance)
        found = labels.fields
        if found is not None:
            found = found - self.J_AF * sum_of_neighbours(spins, self.kind_of_lattice)
        return dataclasses.replace(labels, energies=labels.energies + self.superexchange(spins), fields=found)

    def fastest_reference(self, device: str, *, fields: bool = False) -> str:
        """Return the faster of both methods on a device of type "cpu" or "cuda"."""
        faster = determinant_fields.is_faster if fields else determinant.is_faster
        return "determinant" if faster(self, device) else "dense"

    def fields(self, spins: Tensor) -> Tensor:
        """Fields -dE/dS (B, 3, L, L) by the theorem of Hellmann and Feynman.

        dH/dS_i = -(J/2) sigma on site i, so that -dE/dS_i = (J/2) sum_n f(e_n) <n| c+_i sigma c_i |n>, with the Fermi
        function f. H is linear in the spins: this is the gradient for spins of any length.
        """
        if self.twists > 1:
            return torch.stack([each.fields(spins) for each in self.boundaries()]).mean(dim=0)
        return self._fields_of_states(spins, *diagonalise.checked_states(self.hamiltonians(spins)))

    def _fields_of_states(self, spins: Tensor, levels: Tensor, states: Tensor) -> Tensor:
        """Return the fields for levels (B, N) and eigenvectors (B, N, N)."""
        fields = 0.5 * self.J * free_fermions.spin_moments(levels, states, self.T).reshape(spins.shape)
        return fields - self.J_AF * sum_of_neighbours(spins, self.kind_of_lattice)

    def hamiltonians(self, spins: Tensor) -> Tensor:
        """H (B, 2 L^2, 2 L^2), complex128, of spins (B, 3, L, L)."""
        batch, sites = spins.shape[0], self.sites
        hopping = torch.from_numpy(self.hopping().toarray()).to(spins.device)  # (n, n)
        matrix = torch.zeros(batch, sites, 2, sites, 2, dtype=torch.complex128, device=spins.device)
        matrix[:, :, 0, :, 0] = hopping
        matrix[:, :, 1, :, 1] = hopping
        self._put_onsite(matrix.diagonal(dim1=1, dim2=3), spins.flatten(2))  # (B, 2, 2, n), a view
        return matrix.reshape(batch, 2 * sites, 2 * sites)

    def hopping(self) -> Any:
        """Return the hopping matrix (n, n) of one spin direction, CSR."""
        return hopping_matrix(self.sides, self.amplitudes, tuple(self.twist))

    def diagonal_rows(self, spins: Tensor) -> Tensor:
        """The blocks of H of one row of the lattice, (B, Lx, 2 Ly, 2 Ly), complex128; needs `row_coupling`."""
        batch, (count, size) = len(spins), self.sides
        site = torch.arange(size)
        ring = torch.zeros(size, size, dtype=torch.complex128)
        ring[site, site.roll(-1)] = ring[site.roll(-1), site] = -self.t
        rows = torch.zeros(batch, count, size, 2, size, 2, dtype=torch.complex128, device=spins.device)
        rows[:, :, :, 0, :, 0] = rows[:, :, :, 1, :, 1] = ring.to(spins.device)
        self._put_onsite(rows.diagonal(dim1=2, dim2=4), spins)  # (B, Lx, 2, 2, Ly), a view
        return rows.reshape(batch, count, 2 * size, 2 * size)

    def _put_onsite(self, onsite: Tensor, spins: Tensor) -> None:
        """Write -(J/2) S.sigma - mu of spins (B, 3, ..., n) into `onsite` (B, ..., 2, 2, n)."""
        x, y, z = (0.5 * self.J * spins).unbind(dim=1)  # (B, ..., n) each
        onsite[..., 0, 0, :] = (-z - self.mu).to(onsite.dtype)
        onsite[..., 1, 1, :] = (z - self.mu).to(onsite.dtype)
        onsite[..., 0, 1, :] = torch.complex(-x, y)  # -(J/2) (S_x - i S_y)
        onsite[..., 1, 0, :] = torch.complex(-x, -y)

    def sparse_hamiltonian(self, spins: Tensor) -> Any:
        """H of one configuration (3, L, L) as a SciPy CSR matrix, in the same basis as `hamiltonians`."""
        return sparse_determinant.hamiltonian(self.hopping(), 0.5 * self.J * spins, self.mu)
