"""The point group of the square acting on a batch of lattice configurations.

The energies are invariant under its 8 operations; the networks are not, they learn it from these copies.
"""

from __future__ import annotations

from torch import Tensor

OPERATIONS = 8


def point_group(spins: Tensor, operation: int) -> Tensor:
    """Return spins (B, 3, L, L) with sites moved by operation 0 (identity) to 7; spin vectors are not rotated.

    Bit 0 exchanges x and y, bit 1 reflects x, bit 2 reflects y.
    """
    if operation & 1:
        spins = spins.transpose(-2, -1)
    flips = [axis for bit, axis in ((2, -2), (4, -1)) if operation & bit]
    return spins.flip(flips) if flips else spins
