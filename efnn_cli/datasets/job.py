"""What is to be labelled, and how it falls into shards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from efnn_cli.core import checks
from efnn_cli.core.memory import batch_bytes, in_parts
from efnn_cli.datasets import cost
from efnn_cli.physics import Draw, System
from efnn_cli.physics.system import TOLERANCE, Array
from efnn_cli.physics.thermal import Bath


@dataclass(frozen=True)
class LabelledSpins:
    """Configurations with what was computed for them."""

    spins: Array
    """(samples, ...)"""
    energies: Array
    """(samples,)"""
    errors: Array | None = None
    """Estimated absolute errors of the energies (samples,), for methods that are not exact to rounding."""
    fields: Array | None = None
    """Effective fields -dE/dS, shaped like the spins, where asked for."""
    redone: int = 0
    """How many labels were computed again on the CPU, since a check of the first result failed."""

    def arrays(self) -> dict[str, Array]:
        """By the names they have in files."""
        named = {
            "spins": self.spins,
            "energies": self.energies,
            "error_estimates": self.errors,
            "fields": self.fields,
        }
        return {name: array for name, array in named.items() if array is not None}

    @classmethod
    def join(cls, parts: list[LabelledSpins]) -> LabelledSpins:
        """All parts in order."""
        names = parts[0].arrays()
        joined = {name: np.concatenate([part.arrays()[name] for part in parts]) for name in names}
        return cls.from_arrays(joined, sum(part.redone for part in parts))

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], redone: int) -> LabelledSpins:
        """From arrays by their names in files."""
        return cls(arrays["spins"], arrays["energies"], arrays.get("error_estimates"), arrays.get("fields"), redone)


@dataclass(frozen=True)
class Part:
    """Every `count`-th shard from number `index` on: what one task of a job array labels."""

    count: int
    index: int

    def __post_init__(self) -> None:
        checks.within("--shards", self.count, 1, 1_000_000)
        checks.within("--shard-index", self.index, 0, self.count - 1)

    def of(self, shards: list[Draw]) -> list[Draw]:
        """The shards of this part; none where there are more parts than shards."""
        return shards[self.index :: self.count]


@dataclass(frozen=True)
class Job:
    """Configurations to draw (or given ones) and the method that computes their energies."""

    system: System
    sampling: str
    seed: int
    purpose: str
    """Either "train" or "reference": names the random streams."""
    samples: int
    reference: str
    """A method of the system, never "auto"."""
    tolerance: float = TOLERANCE
    fields: bool = False
    bath: Bath | None = None
    """Of sampling=thermal."""
    given: Array | None = None
    """The user's own configurations (samples, ...) instead of drawn ones."""

    def shards(self) -> list[Draw]:
        """The shards, of `cost.shard_size` configurations but for the last."""
        size = cost.shard_size(self.system)
        starts = range(0, self.samples, size)
        return [
            Draw(self.seed, self.purpose, index, first, min(size, self.samples - first), self.bath)
            for index, first in enumerate(starts)
        ]

    def spins(self, draw: Draw) -> Array:
        """The configurations of one shard."""
        if self.given is not None:
            return self.given[draw.first : draw.first + draw.count]
        return self.system.sample(self.sampling, draw)

    def worker_bytes(self, device: torch.device) -> int:
        """Temporary memory that one worker takes on `device`."""
        return max(batch_bytes(device), self._scratch_bytes())

    def _scratch_bytes(self) -> int:
        """That of one configuration."""
        energies = cost.energy_bytes(self.system, self.reference)
        return max(energies, cost.field_bytes(self.system)) if self.fields else energies

    def label(self, spins: Array, device: torch.device) -> LabelledSpins:
        """Labels of one shard, in batches of bounded memory."""
        batch = max(1, batch_bytes(device) // self._scratch_bytes())
        blocks = torch.split(torch.from_numpy(spins), batch)
        parts = [part for block in blocks for part in in_parts(lambda each: self._label_batch(each, device), block)]
        return LabelledSpins.join(parts)

    def _label_batch(self, spins: torch.Tensor, device: torch.device) -> LabelledSpins:
        there = spins.to(device)
        labels = self.system.label(there, self.reference, self.tolerance)
        return LabelledSpins(
            spins.numpy(),
            labels.energies.cpu().numpy(),
            None if labels.errors is None else labels.errors.cpu().numpy(),
            self.system.fields(there).cpu().numpy() if self.fields else None,
            labels.redone,
        )
