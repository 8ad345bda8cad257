"""The point group of the square acting on a batch of lattice configurations.

The energies are invariant under its 8 operations; the networks are not, they learn it from these copies.
"""

from __future__ import annotations

from torch import Tensor

from efnn_cli.core.errors import ConfigError

OPERATIONS = 8


def point_group(spins: Tensor, operation: int) -> Tensor:
    """Sites of spins (B, 3, L, L) moved by operation 0 (identity) ... 7; the spins themselves stay as they are.

    Bit 0 exchanges x and y, bit 1 reflects x, bit 2 reflects y.
    """
    if spins.ndim != 4:
        raise ConfigError("training.augment=true needs a lattice: scalar spins have no point group")
    if operation & 1:
        spins = spins.transpose(-2, -1)
    flips = [axis for bit, axis in ((2, -2), (4, -1)) if operation & bit]
    return spins.flip(flips) if flips else spins
