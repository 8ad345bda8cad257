"""Determinants of a periodic lattice by eliminating one row after the other: batched dense linear algebra.

Ordered by rows of the lattice, A = H - i w has blocks A_r (n, n) on the diagonal and the coupling c = -t between
neighbouring rows. All rows but the last are eliminated in turn; the last one stays as a border, since the periodic
bond couples it to the first row too:

    P_0 = A_0,  P_{r+1} = A_{r+1} - c^2 P_r^{-1}
    U_{r+1} = -c P_r^{-1} U_r,  V_{r+1} = -c V_r P_r^{-1}     (plus c where row r + 1 is next to the last one)
    B <- B - V_r P_r^{-1} U_r,  ln|det A| = sum_r ln|det P_r| + ln|det B|

U is the coupling of the row to the border and V that of the border to the row; they are not adjoint to each other,
since A is not Hermitian. Every P_r is -i times a matrix with positive definite Hermitian part: pivots cannot vanish.
"""

from __future__ import annotations

import torch
from torch import Tensor

MATRICES = 8  # of the size of one block that are held at a time, for every configuration and frequency


def log_determinants(rows: Tensor, coupling: float, frequencies: Tensor) -> Tensor:
    """ln|det(H - i w)| (B, K) for diagonal blocks `rows` (B, L, n, n), complex128, L >= 3, and frequencies w (K,).

    `coupling` is the element that joins equal states of neighbouring rows.
    """
    size, n = rows.shape[1], rows.shape[-1]
    identity = torch.eye(n, dtype=rows.dtype, device=rows.device)
    shift = 1j * frequencies[:, None, None] * identity  # (K, n, n)
    bond = coupling * identity
    total = torch.zeros(rows.shape[0], len(frequencies), dtype=torch.float64, device=rows.device)
    pivot = rows[:, 0, None] - shift  # (B, K, n, n), as all that follow
    border = rows[:, -1, None] - shift
    right = left = bond.expand_as(pivot)
    for row in range(1, size):
        inverse, logs = inverse_and_log(pivot)
        total += logs
        carried = inverse @ right
        border = border - left @ carried
        if row == size - 1:
            break
        pivot = rows[:, row, None] - shift - coupling**2 * inverse
        right, left = -coupling * carried, -coupling * (left @ inverse)
        if row == size - 2:
            right, left = right + bond, left + bond
    last: Tensor = torch.linalg.slogdet(border).logabsdet
    return total + last


def inverse_and_log(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Inverses and ln|det| of matrices (..., n, n) from one factorisation."""
    factors, pivots = torch.linalg.lu_factor(matrix)
    logs = factors.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)
    identity = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return torch.linalg.lu_solve(factors, pivots, identity.expand_as(matrix)), logs


def scratch_bytes(n: int) -> int:
    """Temporary memory for one configuration and one frequency."""
    return MATRICES * 16 * n * n
