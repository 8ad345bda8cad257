"""`heisenberg`: a classical lattice model and the paper's continuous-spin benchmark under one name.

`variant=lattice`: unit vectors on a periodic L x L square lattice, every bond and plaquette once,

    E = - J1 sum_nn S_i.S_j - J2 sum_nnn S_i.S_j - K sum_nn (S_i.S_j)^2
        - R sum over plaquettes (1 2 3 4 cyclic) of [(S1.S2)(S3.S4) + (S2.S3)(S4.S1) - (S1.S3)(S2.S4)]

Known answers: ferromagnet E = -2 J1 L^2; staggered spins +2 J1 L^2 for even L (J2 = K = R = 0).

`variant=infinite_range`: L scalar spins uniform in [-1, 1] with the 3-spin energy of `subsets`, the
benchmark of arXiv:2502.17665 as its authors generate it. Energies in units of the coupling scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from efnn_cli.core import checks, kinds, rng
from efnn_cli.core.errors import ConfigError
from efnn_cli.physics import sampling as spin_sampling
from efnn_cli.physics import subsets
from efnn_cli.physics.system import Array, Draw, System

INFINITE_RANGE_ORDER = 3


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar products (B, L, L) of spins (B, 3, L, L)."""
    return (a * b).sum(dim=1)


def lattice_energy(spins: Tensor, J1: float, J2: float, K: float, R: float) -> Tensor:
    """E (B,) of unit vectors (B, 3, L, L); formula at the head of the module."""
    s2 = spins.roll(-1, dims=2)  # site 2 = (x + 1, y) of the plaquette at (x, y)
    s4 = spins.roll(-1, dims=3)  # site 4 = (x, y + 1)
    s3 = s2.roll(-1, dims=3)  # site 3 = (x + 1, y + 1)
    b12, b14 = dot(spins, s2), dot(spins, s4)  # the two bonds of every site
    b13, b24 = dot(spins, s3), dot(s2, s4)  # the two diagonals of every plaquette
    b43, b23 = dot(s4, s3), dot(s2, s3)
    density = J1 * (b12 + b14) + J2 * (b13 + b24) + K * (b12**2 + b14**2)
    density = density + R * (b12 * b43 + b23 * b14 - b13 * b24)
    return -density.sum(dim=(1, 2))


@dataclass
class Heisenberg(System):
    """Parameters: variant, L (side, or number of spins), couplings of the lattice, seed of the others."""

    name: ClassVar[str] = "heisenberg"
    variant: str = "lattice"
    L: int | None = None
    J1: float = 1.0
    J2: float = 0.0
    K: float = 0.0
    R: float = 0.0
    coupling_seed: int = 0

    def __post_init__(self) -> None:
        checks.one_of("system.variant", self.variant, ("lattice", "infinite_range"))
        for key in ("J1", "J2", "K", "R"):
            checks.within(f"system.{key}", getattr(self, key), -1e12, 1e12)
        checks.seed("system.coupling_seed", self.coupling_seed)
        if self.variant == "lattice":
            self.L = 10 if self.L is None else self.L
            checks.within("system.L", self.L, 3, 4096)
            self._refuse_foreign({"coupling_seed": 0}, "variant=infinite_range")
        else:
            self.L = 15 if self.L is None else self.L
            checks.within("system.L", self.L, INFINITE_RANGE_ORDER, 4096)
            self._refuse_foreign({"J1": 1.0, "J2": 0.0, "K": 0.0, "R": 0.0}, "variant=lattice")
            subsets.count(self.L, INFINITE_RANGE_ORDER)

    def parameters(self) -> dict[str, Any]:
        """The fields that the variant has."""
        foreign = ("coupling_seed",) if self._on_lattice else ("J1", "J2", "K", "R")
        return {key: value for key, value in super().parameters().items() if key not in foreign}

    def _refuse_foreign(self, defaults: dict[str, float], owner: str) -> None:
        """A parameter without effect is a misunderstanding: say so instead of ignoring it."""
        for key, default in defaults.items():
            if getattr(self, key) != default:
                raise ConfigError(
                    f"system.{key}={getattr(self, key)} has no effect with system.variant={self.variant}",
                    f"it belongs to system.{owner}",
                )

    @property
    def _on_lattice(self) -> bool:
        return self.variant == "lattice"

    @property
    def geometry(self) -> str:
        """By the variant."""
        return "lattice" if self._on_lattice else "dense"

    @property
    def kind(self) -> str:
        """By the variant."""
        return kinds.kind_of(self.name, self.variant)

    @property
    def samplings(self) -> tuple[str, ...]:
        """Of unit vectors, or of scalars."""
        return ("uniform_sphere", "uniform_angles", "thermal") if self._on_lattice else ("uniform",)

    @property
    def shard_size(self) -> int:
        """About 10 MB of spins."""
        return max(1, 409_600 // self.size**2) if self._on_lattice else 4096

    @cached_property
    def couplings(self) -> Array | None:
        """J (K,) of the infinite-range variant; None on the lattice."""
        if self._on_lattice:
            return None
        return subsets.draw_couplings(self.size, INFINITE_RANGE_ORDER, self.coupling_seed)

    def effective_coupling(self) -> float:
        """J1 of the lattice."""
        return self.J1 if self._on_lattice else super().effective_coupling()

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Unit vectors (count, 3, L, L) or scalars uniform in [-1, 1] (count, L)."""
        checks.one_of("sampling", sampling, self.samplings)
        if self._on_lattice:
            return spin_sampling.sample(sampling, draw, self.size)
        generator = rng.stream(draw.seed, "spins", draw.purpose, draw.shard)
        return generator.uniform(-1.0, 1.0, (draw.count, self.size))

    def energy(self, spins: Tensor) -> Tensor:
        """E (B,) by the formula of the variant."""
        if self.couplings is None:
            return lattice_energy(spins, self.J1, self.J2, self.K, self.R)
        couplings = torch.from_numpy(self.couplings).to(spins.device)
        return subsets.energy(spins, couplings, INFINITE_RANGE_ORDER)

    def scratch_bytes(self, reference: str) -> int:
        """A dozen scalar fields, or the products of all subsets."""
        if self._on_lattice:
            return 8 * 24 * self.size**2
        return 16 * subsets.count(self.size, INFINITE_RANGE_ORDER)
