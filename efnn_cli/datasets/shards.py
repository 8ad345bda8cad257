"""Shard files: what a killed job has finished, one atomic file each."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from efnn_cli.core.errors import InputError
from efnn_cli.datasets.job import LabelledSpins
from efnn_cli.physics import Draw
from efnn_cli.storage import hdf5

FORMAT = "efnn-shard"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Shard:
    """One finished shard; `seconds` is the time its worker took to label it on `device`."""

    content: LabelledSpins
    seconds: float
    device: str


class ShardFolder:
    """The shards of one job, recognised by the hash of its configuration."""

    def __init__(self, folder: Path, job_hash: str, spin_shape: tuple[int, ...], *, fields: bool) -> None:
        self.folder = folder
        self.job_hash = job_hash
        self.spin_shape = spin_shape
        self.fields = fields

    def _path(self, draw: Draw) -> Path:
        return self.folder / f"shard-{draw.shard:06d}.h5"

    def save(self, draw: Draw, shard: Shard) -> None:
        """Store one shard atomically."""
        metadata = {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "job": self.job_hash,
            "seed": draw.seed,
            "shard": draw.shard,
            "seconds": shard.seconds,
            "redone": shard.content.redone,
            "device": shard.device,
        }
        hdf5.write(self._path(draw), shard.content.arrays(), metadata)

    def load(self, draw: Draw) -> Shard | None:
        """The stored shard; None where there is none, or one that is damaged or of another job."""
        try:
            arrays, metadata = hdf5.read(self._path(draw), FORMAT, SCHEMA_VERSION)
        except InputError:
            return None
        try:
            of_whom = (metadata["job"], metadata["shard"])
            content = LabelledSpins.from_arrays(arrays, int(metadata["redone"]))
            shard = Shard(content, float(metadata["seconds"]), str(metadata["device"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return shard if of_whom == (self.job_hash, draw.shard) and self._whole(content, draw.count) else None

    def _whole(self, content: LabelledSpins, count: int) -> bool:
        """Whether it holds `count` configurations with finite labels, each of its shape."""
        shapes = {"spins": (count, *self.spin_shape), "energies": (count,)}
        shapes |= {"fields": (count, *self.spin_shape)} if self.fields else {}
        shapes |= {"error_estimates": (count,)} if content.errors is not None else {}
        arrays = content.arrays()
        return {name: array.shape for name, array in arrays.items()} == shapes and all(
            array.dtype == np.float64 and np.isfinite(array).all() for array in arrays.values()
        )

    def remove(self) -> None:
        """Delete the folder, once its content is in the dataset."""
        shutil.rmtree(self.folder, ignore_errors=True)
