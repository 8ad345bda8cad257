"""What is to be labelled, and how it falls into shards."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from efnn_cli.errors import ConfigError
from efnn_cli.physics import Draw, System
from efnn_cli.physics.system import Array

BATCH_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Job:
    """Configurations to draw (or given ones) and the method that computes their energies."""

    system: System
    sampling: str
    seed: int
    purpose: str
    """"train" or "reference": names the random streams."""
    samples: int
    reference: str
    """A method of the system, never "auto"."""
    given: Array | None = None
    """The user's own configurations (samples, ...) instead of drawn ones."""

    def shards(self) -> list[Draw]:
        """The shards, of `system.shard_size` configurations but for the last."""
        size = self.system.shard_size
        starts = range(0, self.samples, size)
        return [
            Draw(self.seed, self.purpose, index, first, min(size, self.samples - first))
            for index, first in enumerate(starts)
        ]

    def spins(self, draw: Draw) -> Array:
        """The configurations of one shard."""
        if self.given is not None:
            return self.given[draw.first : draw.first + draw.count]
        return self.system.sample(self.sampling, draw)

    def batch_bytes(self) -> int:
        """Temporary memory that one worker takes."""
        return max(BATCH_BYTES, self.system.scratch_bytes(self.reference))

    def label(self, spins: Array, device: torch.device) -> Array:
        """Energies of one shard, in batches of bounded memory."""
        batch = max(1, BATCH_BYTES // self.system.scratch_bytes(self.reference))
        parts = [
            self.system.energy(block.to(device), self.reference).cpu()
            for block in torch.split(torch.from_numpy(spins), batch)
        ]
        return torch.cat(parts).numpy()


def choose_reference(system: System, requested: str) -> str:
    """The method that `requested` ("auto" or a name) means for this system; raises `ConfigError`."""
    if requested == "auto":
        return system.references[0]
    if requested not in system.references:
        raise ConfigError(f"reference: {system.kind} offers {', '.join(system.references)}, found {requested!r}")
    return requested
