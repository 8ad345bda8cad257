"""`heisenberg`, `variant=infinite_range`: the paper's benchmark of continuous spins, as its authors generate it.

L scalar spins uniform in [-1, 1] with the 3-spin energy of `subsets.py` (arXiv:2502.17665). Known answer: with
<s^2> = 1/3 the variance of the energy is sum J^2 / 27. Energies in units of the coupling scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from efnn_cli.core import checks, rng
from efnn_cli.physics import subsets
from efnn_cli.physics.system import Array, Draw, System

ORDER = 3


@dataclass
class InfiniteRange(System):
    """The paper's infinite-range benchmark of scalar spins."""

    name: ClassVar[str] = "heisenberg"
    kind: ClassVar[str] = "infinite_range"
    geometry: ClassVar[str] = "dense"
    samplings: ClassVar[tuple[str, ...]] = ("uniform",)

    variant: str = "infinite_range"
    """One of lattice, infinite_range."""
    L: int = 15
    """Number of spins."""
    coupling_seed: int = 0
    """Seed of the couplings J ~ Normal(1, 2)."""

    def __post_init__(self) -> None:
        checks.one_of("system.variant", self.variant, ("infinite_range",))
        checks.within("system.L", self.L, ORDER, 4096)
        checks.seed("system.coupling_seed", self.coupling_seed)
        subsets.count(self.L, ORDER)

    @cached_property
    def couplings(self) -> Array:
        """J (K,), drawn from `coupling_seed` unless taken from a dataset."""
        return subsets.draw_couplings(self.sites, ORDER, self.coupling_seed)

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Independent spins (count, L), uniform in [-1, 1]."""
        checks.one_of("sampling", sampling, self.samplings)
        generator = rng.stream(draw.seed, "spins", draw.purpose, draw.shard)
        return generator.uniform(-1.0, 1.0, (draw.count, self.sites))

    def energy(self, spins: Tensor) -> Tensor:
        """E (B,) by the sum over all triples."""
        return subsets.energy(spins, torch.from_numpy(self.couplings).to(spins.device), ORDER)
