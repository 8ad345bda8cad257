"""Configurations with their energies on one device, and datasets of several sizes for one network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

Operation = Callable[[Tensor], Tensor]
"""Maps spins (B, ...) to spins of the same energy."""


@dataclass(frozen=True)
class Labelled:
    """Configurations with their energies, resident on one device."""

    spins: Tensor
    """(B, ...), in the type of the network."""
    energies: Tensor
    """(B,), float64."""

    def __len__(self) -> int:
        return len(self.energies)


@dataclass(frozen=True)
class OneSize:
    """Training and validation configurations of one dataset, all of one size."""

    train: Labelled
    val: Labelled
    operations: Sequence[Operation] = ()
    """Of the lattice, for augmentation."""
    scale: float = 1.0
    """Number of sites over that of the first dataset: errors are divided by it, which makes them errors per site."""
