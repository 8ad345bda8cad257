"""The straightforward implementation of the double-exchange labels: what our labels are measured against.

One configuration at a time, H filled bond by bond, all eigenvalues and eigenvectors by `numpy.linalg.eigh` with every
core for BLAS, the grand potential from the eigenvalues. Written plainly; nothing of the package is used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def hamiltonian(spins: NDArray[np.float64], t: float, coupling: float, mu: float) -> NDArray[np.complex128]:
    """H (2 L^2, 2 L^2) of one configuration (3, L, L)."""
    size = spins.shape[-1]
    matrix = np.zeros((2 * size * size, 2 * size * size), dtype=np.complex128)
    for x in range(size):
        for y in range(size):
            here = 2 * (x * size + y)
            for there in (2 * ((x + 1) % size * size + y), 2 * (x * size + (y + 1) % size)):
                for spin in (0, 1):
                    matrix[here + spin, there + spin] = -t
                    matrix[there + spin, here + spin] = -t
            sx, sy, sz = spins[:, x, y]
            matrix[here, here] = -coupling / 2 * sz - mu
            matrix[here + 1, here + 1] = coupling / 2 * sz - mu
            matrix[here, here + 1] = -coupling / 2 * (sx - 1j * sy)
            matrix[here + 1, here] = -coupling / 2 * (sx + 1j * sy)
    return matrix


def energy(spins: NDArray[np.float64], t: float, coupling: float, mu: float, temperature: float) -> float:
    """Grand potential of one configuration."""
    levels, _ = np.linalg.eigh(hamiltonian(spins, t, coupling, mu))
    return float(-temperature * np.logaddexp(0.0, -levels / temperature).sum())
