"""`three_spin`: the infinite-range r-spin model of binary spins, published with r = 3, L = 15.

    E(s) = - sum over i1 < ... < ir of J[i1..ir] s_i1 ... s_ir ,  s_i in {0, 1} or {-1, +1}

Known answer (J = 1, r = 3): the sum over triples is (p1^3 - 3 p1 p2 + 2 p3) / 6 with the power sums
p_k = sum_i s_i^k. Spins are drawn uniform and independent. Energies in units of the coupling scale.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from efnn_cli.core import checks, rng
from efnn_cli.core.errors import ConfigError
from efnn_cli.physics import subsets
from efnn_cli.physics.system import Array, Draw, System


@dataclass
class ThreeSpin(System):
    """Infinite-range r-spin model: E = - sum over r-subsets of J s_i1 ... s_ir."""

    name: ClassVar[str] = "three_spin"
    kind: ClassVar[str] = "three_spin"
    geometry: ClassVar[str] = "dense"
    samplings: ClassVar[tuple[str, ...]] = ("uniform",)

    L: int = 15
    """Number of spins."""
    r: int = 3
    """Order of the interaction, 2 to 5."""
    spin_values: list[int] = field(default_factory=lambda: [0, 1])
    """Values of a spin: [0,1] or [-1,1]."""
    coupling_seed: int = 0
    """Seed of the couplings J ~ Normal(1, 2)."""

    def __post_init__(self) -> None:
        checks.within("system.r", self.r, 2, 5)
        checks.within("system.L", self.L, self.r, 4096)
        checks.seed("system.coupling_seed", self.coupling_seed)
        if sorted(self.spin_values) not in ([0, 1], [-1, 1]):
            raise ConfigError(f"system.spin_values: wanted [0,1] or [-1,1], found {self.spin_values}")
        self.spin_values = sorted(self.spin_values)
        subsets.count(self.L, self.r)

    @property
    def spin_range(self) -> tuple[float, float]:
        """The two values of a spin."""
        return float(self.spin_values[0]), float(self.spin_values[1])

    @cached_property
    def couplings(self) -> Array:
        """J (K,), drawn from `coupling_seed` unless taken from a dataset."""
        return subsets.draw_couplings(self.sites, self.r, self.coupling_seed)

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Uniform independent spins (count, L)."""
        checks.one_of("sampling", sampling, self.samplings)
        generator = rng.stream(draw.seed, "spins", draw.purpose, draw.shard)
        bits = generator.integers(0, 2, (draw.count, self.sites))
        return np.asarray(self.spin_values, dtype=np.float64)[bits]

    def energy(self, spins: Tensor) -> Tensor:
        """E (B,) by the sum over all r-subsets."""
        return subsets.energy(spins, torch.from_numpy(self.couplings).to(spins.device), self.r)

    def _allowed(self, spins: Array) -> NDArray[np.bool_]:
        return np.isin(spins, self.spin_values)

    def _alphabet(self) -> str:
        return f"spins from {{{self.spin_values[0]}, {self.spin_values[1]}}}"
