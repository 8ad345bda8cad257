"""Configurations with their labels on one device, and datasets of several sizes for one network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

Operation = Callable[[Tensor], Tensor]
"""Maps spins (B, ...) to spins of the same energy, and their fields to the fields of these."""


@dataclass(frozen=True)
class Labelled:
    """Configurations with energies, fields, or both, resident on one device."""

    spins: Tensor
    """(B, ...), in the type of the network."""
    energies: Tensor | None = None
    """(B,), float64; on the CPU where the device has none."""
    fields: Tensor | None = None
    """-dE/dS, like the spins."""

    def __len__(self) -> int:
        return len(self.spins)

    def map(self, work: Callable[[Tensor], Tensor]) -> Labelled:
        """Return the set with `work` done to every tensor."""
        return Labelled(*(None if each is None else work(each) for each in self.tensors()))  # type: ignore[arg-type]

    def tensors(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return spins, energies and fields."""
        return self.spins, self.energies, self.fields

    def part(self, index: Tensor | slice) -> Labelled:
        """Return the configurations at `index`."""
        if isinstance(index, slice):
            return self.map(lambda each: each[index])
        return self.map(lambda each: each[index.to(each.device)])

    def moved(self, operation: Operation) -> Labelled:
        """Return the set with `operation` applied to spins and fields."""
        fields = None if self.fields is None else operation(self.fields)
        return Labelled(operation(self.spins), self.energies, fields)


@dataclass(frozen=True)
class OneSize:
    """Training and validation configurations of one dataset, all of one size."""

    train: Labelled
    val: Labelled
    operations: Sequence[Operation] = ()
    """Of the lattice, for augmentation."""
    scale: float = 1.0
    """Number of sites over that of the first dataset: errors are divided by it, which makes them errors per site."""
