"""Sparse one-particle Hamiltonians on a CPU: determinants by SuperLU, moments by sparse powers.

H - i w is -i (w + i H) with a positive definite Hermitian part, so that elimination without pivoting is stable and a
fill-reducing symmetric ordering can be kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu
from torch import Tensor

Array = NDArray[np.float64]


def hamiltonian(hopping: Any, onsite: Tensor, mu: float) -> Any:
    """H (2 n, 2 n), complex128 CSR, of a hopping matrix (n, n) and fields (3, ...) that the spin of an electron sees.

    State 2 i + a is site i with spin a: hopping between sites for either spin, -h.sigma - mu on every site.
    """
    sites = hopping.shape[0]
    x, y, z = onsite.flatten(1).numpy()
    blocks = np.empty((sites, 2, 2), dtype=np.complex128)
    blocks[:, 0, 0], blocks[:, 1, 1] = -z - mu, z - mu
    blocks[:, 0, 1], blocks[:, 1, 0] = -x + 1j * y, -x - 1j * y
    diagonal = sp.bsr_matrix((blocks, np.arange(sites), np.arange(sites + 1)))
    return (sp.kron(hopping, np.eye(2), format="csr") + diagonal).tocsr()


def log_determinants(hamiltonian: Any, frequencies: Array) -> Array:
    """ln|det(H - i w)| (K,) for a sparse Hermitian H (N, N) and frequencies w (K,)."""
    identity = sp.identity(hamiltonian.shape[0], dtype=np.complex128, format="csc")
    matrix = hamiltonian.tocsc()
    return np.array([_log_determinant((matrix - 1j * w * identity).tocsc()) for w in frequencies])


def _log_determinant(matrix: Any) -> float:
    """ln|det A|; the lower factor has a unit diagonal."""
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return float(np.log(np.abs(factors.U.diagonal())).sum())


def odd_site_blocks(hamiltonian: Any, count: int) -> Array:
    """Return the 2 x 2 blocks of single sites of H^{2m-1}, m = 1 .. count: complex128 (count, sites, 2, 2).

    H^{2m-1} = H^m H^{m-1}, and H^{m-1} is Hermitian: the blocks are sums over products of rows.
    """
    matrix = hamiltonian.tocsr()
    before, power, found = sp.identity(matrix.shape[0], dtype=np.complex128, format="csr"), matrix, []
    for m in range(count):
        blocks = [[power[a::2].multiply(before[b::2].conj()).sum(axis=1) for b in range(2)] for a in range(2)]
        found.append(np.moveaxis(np.asarray(blocks)[..., 0], -1, 0))
        if m + 1 < count:
            before, power = power, power @ matrix
    return np.stack(found)


def even_moments(hamiltonian: Any, count: int) -> list[float]:
    """tr(H^{2m}) = ||H^m||_F^2, m = 1 .. count."""
    matrix = hamiltonian.tocsr()
    power, moments = matrix, []
    for _ in range(count):
        moments.append(float(np.square(np.abs(power.data)).sum()))
        if len(moments) < count:
            power = power @ matrix
    return moments
