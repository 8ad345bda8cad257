"""Free fermions: the grand potential of independent electrons in given one-particle levels.

    Omega = -T sum_n ln(1 + exp(-e_n / T))                                       (k_B = 1)

with e_n the eigenvalues of H, the chemical potential included in H. T -> 0: the sum of the negative e_n.
"""

from __future__ import annotations

import torch
from torch import Tensor


def grand_potential(levels: Tensor, temperature: float) -> Tensor:
    """Omega (B,) of levels (B, N) in the units of `levels`; exact for every T > 0.

    ln(1 + e^-x) = max(-x, 0) + ln(1 + e^-|x|): no exponential of a positive number is taken.
    """
    thermal = torch.log1p(torch.exp(-levels.abs() / temperature)).sum(dim=-1)
    return levels.clamp(max=0.0).sum(dim=-1) - temperature * thermal


def dense_levels(hamiltonians: Tensor) -> Tensor:
    """Eigenvalues (B, N), ascending, of Hermitian complex128 matrices (B, N, N)."""
    levels: Tensor = torch.linalg.eigvalsh(hamiltonians)
    return levels
