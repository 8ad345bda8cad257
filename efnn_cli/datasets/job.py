"""A labelling job: the configurations to draw, the method that labels them, and the shards they fall into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from efnn_cli.core import checks
from efnn_cli.core.resources import in_parts
from efnn_cli.datasets import cost
from efnn_cli.physics.sampling import temperatures
from efnn_cli.physics.system import TOLERANCE, Array, Draw, System
from efnn_cli.physics.thermal import Bath
from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.spins_file import Configurations

Share = TypeVar("Share")


@dataclass(frozen=True)
class Part:
    """Every `count`-th shard from number `index` on: the share of one task of a job array."""

    count: int
    index: int

    def __post_init__(self) -> None:
        checks.within("--shards", self.count, 1, 1_000_000)
        checks.within("--shard-index", self.index, 0, self.count - 1)

    @property
    def name(self) -> str:
        """Name of the part in files."""
        return f"part-{self.index}-of-{self.count}"

    def of(self, shards: Sequence[Share]) -> Sequence[Share]:
        """Return the shards of this part: none where there are more parts than shards."""
        return shards[self.index :: self.count]


@dataclass(frozen=True)
class Job:
    """Configurations to draw (or given ones) and the method that labels them."""

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
    levels: bool = False
    bath: Bath | None = None
    """Of sampling=thermal and ladder."""
    given: Configurations | None = None
    """The user's own configurations instead of drawn ones."""
    tag: str = ""
    """Hash of the configuration, stored with the shards and the dataset."""

    def shards(self) -> list[Draw]:
        """Return the shards, of `cost.shard_size` configurations but for the last."""
        size = cost.shard_size(self.system)
        starts = range(0, self.samples, size)
        return [
            Draw(self.seed, self.purpose, index, first, min(size, self.samples - first), self.bath)
            for index, first in enumerate(starts)
        ]

    def spins(self, draw: Draw) -> Array:
        """Return the configurations (draw.count, ...) of one shard."""
        if self.given is not None:
            return self.given.part(draw.first, draw.count).spins
        return self.system.sample(self.sampling, draw)

    def share(self, draw: Draw) -> tuple[Job, Draw]:
        """Return the job and the draw for the worker of one shard: of given configurations only those of the shard."""
        if self.given is None:
            return self, draw
        return replace(self, given=self.given.part(draw.first, draw.count)), replace(draw, first=0)

    def temperatures(self, draw: Draw) -> Array | None:
        """Return the spin temperatures (draw.count,) of one shard, where every configuration has its own."""
        if self.given is not None:
            return self.given.part(draw.first, draw.count).temperatures
        return temperatures(draw) if self.sampling == "ladder" else None

    def label(self, spins: Array, device: torch.device) -> Dataset:
        """Label `spins` (B, ...) in batches of bounded memory.

        The metadata are `redone` on the CPU, `electrons`, and `field_error`, the largest estimate.
        """
        batch = cost.label_batch(self.system, self.reference, device, fields=self.fields)
        blocks = torch.split(torch.from_numpy(spins), batch)
        parts = [part for block in blocks for part in in_parts(lambda each: self._label_batch(each, device), block)]
        sums = {key: [part.metadata[key] for part in parts] for key in ("redone", "electrons")}
        metadata = {key: None if None in each else sum(each) for key, each in sums.items()}
        errors = [part.metadata["field_error"] for part in parts]
        return dataset.join(parts, metadata | {"field_error": None if None in errors else max(errors)})

    def _label_batch(self, spins: torch.Tensor, device: torch.device) -> Dataset:
        on_device = spins.to(device)
        labels = self.system.label(on_device, self.reference, self.tolerance, fields=self.fields)
        fields, errors, levels = (
            None if each is None else each.cpu().numpy()
            for each in (labels.fields, labels.errors, labels.levels if self.levels else None)
        )
        return Dataset(
            spins.numpy(),
            labels.energies.cpu().numpy(),
            fields=fields,
            errors=errors,
            levels=levels,
            metadata={
                "redone": labels.redone,
                "field_error": None if labels.field_errors is None else float(labels.field_errors.max()),
                "electrons": None if labels.densities is None else float(labels.densities.sum()),  # per site
            },
        )
