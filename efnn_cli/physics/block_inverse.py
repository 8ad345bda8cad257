"""Diagonal blocks of the inverse of H - i w on a periodic lattice, row by row: what fields are made of.

As in `block_recursion.py`, A = H - i w has blocks A_r (n, n) and the coupling c between neighbouring rows, and the last
row is the border. The other rows form an open strip T, eliminated from both ends:

    P_r = A_r - c^2 P_{r-1}^{-1},  Q_r = A_r - c^2 Q_{r+1}^{-1},  (T^{-1})_rr = (P_r + Q_r - A_r)^{-1}

The border couples to the first and the last row of the strip. With the columns and rows of T^{-1} that begin there,

    X_r = c [(T^{-1})_{r,first} + (T^{-1})_{r,last}],   Y_r = c [(T^{-1})_{first,r} + (T^{-1})_{last,r}]
    S = A_border - c (X_first + X_last),   (A^{-1})_rr = (T^{-1})_rr + X_r S^{-1} Y_r,   (A^{-1})_border = S^{-1}

and ln|det A| = sum_r ln|det P_r| + ln|det S|. A row costs three inverses and five products; only the 2 x 2 blocks of
single sites are kept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from efnn_cli.physics.block_recursion import inverse_and_log

MATRICES = 8  # of the size of one block that are held for every row, configuration and frequency


def logs_and_site_blocks(rows: Tensor, coupling: float, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    """ln|det A| (B, K), and the sum over the frequencies of the blocks of single sites of A^{-1}, (B, L, n / 2, 2, 2).

    `rows` (B, L, n, n), complex128, are the diagonal blocks of H, L >= 3; `frequencies` w (K,); `coupling` joins equal
    states of neighbouring rows.
    """
    n = rows.shape[-1]
    shift = 1j * frequencies[:, None, None] * torch.eye(n, dtype=rows.dtype, device=rows.device)  # (K, n, n)
    *strip, border = (each[:, None] - shift for each in rows.unbind(dim=1))  # (B, K, n, n) each
    forward, logs = _eliminated(strip, coupling)
    backward, _ = _eliminated(strip[::-1], coupling)
    backward = backward[::-1]
    right, left = _to_the_ends(forward, backward, coupling)
    schur, last = inverse_and_log(border - coupling * (right[0] + right[-1]))
    blocks = []
    for row, block in enumerate(strip):
        inside = torch.linalg.inv(block - coupling**2 * _sum_of_neighbours(forward, backward, row))
        blocks.append(_site_blocks(inside) + _site_blocks_of_product(right[row], schur @ left[row]))
    blocks.append(_site_blocks(schur))
    return logs + last, torch.stack(blocks, dim=2).sum(dim=1)


def _eliminated(strip: list[Tensor], coupling: float) -> tuple[list[Tensor], Tensor]:
    """Return the inverses of the pivots of a strip from its first row on, and the sum of their ln|det|."""
    inverse, total = inverse_and_log(strip[0])
    found = [inverse]
    for block in strip[1:]:
        inverse, logs = inverse_and_log(block - coupling**2 * found[-1])
        total = total + logs
        found.append(inverse)
    return found, total


def _sum_of_neighbours(forward: list[Tensor], backward: list[Tensor], row: int) -> Tensor:
    """Return the inverse pivots of the rows before and after `row`, added."""
    before = [forward[row - 1]] if row else []
    after = [backward[row + 1]] if row + 1 < len(backward) else []
    return torch.stack([*before, *after]).sum(dim=0)


def _to_the_ends(forward: list[Tensor], backward: list[Tensor], coupling: float) -> tuple[list[Tensor], list[Tensor]]:
    """Return X_r and Y_r of every row of the strip."""
    columns, columns_back = _column(backward, coupling), _column(forward[::-1], coupling)[::-1]
    rows, rows_back = _row(backward, coupling), _row(forward[::-1], coupling)[::-1]
    right = [coupling * (a + b) for a, b in zip(columns, columns_back, strict=True)]
    left = [coupling * (a + b) for a, b in zip(rows, rows_back, strict=True)]
    return right, left


def _column(inverses: list[Tensor], coupling: float) -> list[Tensor]:
    """Return the blocks of the first column of T^{-1}, from the inverse pivots of what follows each row."""
    found = [inverses[0]]
    for inverse in inverses[1:]:
        found.append(-coupling * (inverse @ found[-1]))
    return found


def _row(inverses: list[Tensor], coupling: float) -> list[Tensor]:
    """Return the blocks of the first row of T^{-1}, from the inverse pivots of what follows each row."""
    found = [inverses[0]]
    for inverse in inverses[1:]:
        found.append(-coupling * (found[-1] @ inverse))
    return found


def _site_blocks(matrix: Tensor) -> Tensor:
    """Return the 2 x 2 blocks (..., n / 2, 2, 2) on the diagonal of (..., n, n)."""
    sites = matrix.shape[-1] // 2
    paired = matrix.reshape(*matrix.shape[:-2], sites, 2, sites, 2)
    return paired.diagonal(dim1=-4, dim2=-2).movedim(-1, -3)


def _site_blocks_of_product(left: Tensor, right: Tensor) -> Tensor:
    """Return the 2 x 2 blocks (..., n / 2, 2, 2) on the diagonal of left @ right, without the rest of it."""
    *batch, n, _ = left.shape
    rows, columns = left.reshape(*batch, n // 2, 2, n), right.reshape(*batch, n, n // 2, 2)
    found: Tensor = torch.einsum("...sak,...ksb->...sab", rows, columns)
    return found


def scratch_bytes(n: int, rows: int) -> int:
    """Temporary memory for one configuration and one frequency."""
    return MATRICES * 16 * rows * n * n
