"""Grand potentials of electrons on a periodic lattice from determinants, without any eigenvalue.

`matsubara.py` has the formula. The determinants come from rows of the lattice as dense blocks (`block_recursion.py`) or
from sparse factors (`sparse_determinant.py`), whichever is faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from efnn_cli.core.errors import NumericalError
from efnn_cli.core.resources import batch_bytes
from efnn_cli.physics import block_recursion, matsubara, sparse_determinant
from efnn_cli.physics.system import TOLERANCE, Array, Labels

# c of `is_faster`: on a CPU from `efnn bench labels`; for CUDA an estimate that has not been measured.
CROSSOVER = {"cpu": 220.0, "cuda": 1500.0}
# On a CPU block recursion beats sparse factors on small lattices; from about L = 30 on it does not.
BLOCKS_UP_TO = 28


class LatticeElectrons(Protocol):
    """The part of a Hamiltonian that determinants need."""

    J: float
    mu: float
    T: float

    @property
    def sides(self) -> tuple[int, int]:
        """(Lx, Ly) of the lattice."""

    @property
    def sites(self) -> int:
        """Number of sites."""

    @property
    def bound(self) -> float:
        """Upper bound of |e_n|."""

    @property
    def row_coupling(self) -> float | None:
        """Coupling of equal states of neighbouring rows, None where rows couple in another way."""

    def sparse_hamiltonian(self, spins: Tensor) -> Any:
        """H (N, N) of spins (3, L, L) as a SciPy CSR matrix."""

    def diagonal_rows(self, spins: Tensor) -> Tensor:
        """Blocks (B, L, 2 L, 2 L) of H that belong to one row of the lattice."""


def is_faster(model: LatticeElectrons, device: str, crossover: Mapping[str, float] = CROSSOVER) -> bool:
    """Return True where determinants cost less than diagonalisation on a device of type "cpu" or "cuda".

    Diagonalisation costs L^6, determinants K L^3 for K frequencies: they cross at L^3 = c K, with c by device.
    """
    try:
        frequencies = matsubara.truncation(model.T, model.bound, TOLERANCE).frequencies
    except NumericalError:
        return False
    return bool(model.sites**1.5 > crossover[device] * frequencies)


def label(model: LatticeElectrons, spins: Tensor, tolerance: float) -> Labels:
    """Return grand potentials (B,) of spins (B, 3, L, L) with their error estimates, both on the device of `spins`.

    Raises `NumericalError` where an estimate exceeds `tolerance`.
    """
    how = matsubara.truncation(model.T, model.bound, tolerance)
    matrices = [model.sparse_hamiltonian(each) for each in spins.cpu()]
    if model.row_coupling is None or (spins.device.type == "cpu" and model.sites > BLOCKS_UP_TO**2):
        logs = np.stack([sparse_determinant.log_determinants(each, how.matsubara()) for each in matrices])
    else:
        logs = logs_by_blocks(model, spins, how, model.row_coupling).cpu().numpy()
    labels = energies_of_logs(model, matrices, logs, how, tolerance)
    return replace(labels, energies=labels.energies.to(spins.device))


def energies_of_logs(
    model: LatticeElectrons, matrices: Sequence[Any], logs: Array, how: matsubara.Truncation, tolerance: float
) -> Labels:
    """Return grand potentials (B,) with error estimates, on the CPU, from ln|det(H - i w_k)| (B, K) of sparse H."""
    pairs = [_grand_potential(model, *each, how, tolerance) for each in zip(matrices, logs, strict=True)]
    energies, errors = torch.tensor(pairs, dtype=torch.float64).unbind(dim=1)
    return Labels(energies, errors)


def logs_by_blocks(model: LatticeElectrons, spins: Tensor, how: matsubara.Truncation, coupling: float) -> Tensor:
    """Return ln|det(H - i w_k)| (B, K) of spins (B, 3, L, L), on their device, in groups of bounded memory."""
    frequencies = torch.from_numpy(how.matsubara()).to(spins.device)
    room = max(1, batch_bytes(spins.device) // block_recursion.scratch_bytes(2 * model.sides[1]))
    groups = torch.split(model.diagonal_rows(spins), max(1, room // len(frequencies)))
    parts = torch.split(frequencies, room)
    return torch.cat(
        [torch.cat([block_recursion.log_determinants(each, coupling, w) for w in parts], dim=1) for each in groups]
    )


def _grand_potential(
    model: LatticeElectrons, matrix: Any, logs: Array, how: matsubara.Truncation, tolerance: float
) -> tuple[float, float]:
    """Return the grand potential of one sparse H with its ln|det(H - i w_k)| (K,), and the error estimate."""
    levels = matrix.shape[0]
    moments = sparse_determinant.even_moments(matrix, how.moments + 1)
    omega, error = matsubara.grand_potential(how, levels, -levels * model.mu, logs, moments)
    matsubara.require_tolerance(omega, error, levels, model.T, tolerance)
    return omega, error
