"""Shard files: the finished part of a labelling job, one atomic file a shard."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from efnn_cli.core.errors import InputError
from efnn_cli.datasets.job import Job
from efnn_cli.physics.system import Draw
from efnn_cli.storage import atomic, dataset, hdf5
from efnn_cli.storage.dataset import Dataset

FORMAT = "efnn-shard"
SCHEMA_VERSION = 1
NAME = re.compile(r"(?P<system>.+)-L(?P<L>[^-]+)-n(?P<samples>\d+)-s(?P<seed>\d+)-\w+")


def shard_folder(path: Path) -> Path:
    """Return the folder of the shards of the dataset at `path`, which exists until the dataset does."""
    return path.with_name(f".{path.stem}.shards")


def other_shards(path: Path) -> str:
    """Return a hint that names the shards of another dataset of the system, and the options that they were made with.

    Empty where there are none.
    """
    wanted = NAME.fullmatch(path.stem)
    for folder in sorted(path.parent.glob(".*.shards")):
        found = NAME.fullmatch(folder.name[1 : -len(".shards")])
        if not wanted or not found or found["system"] != wanted["system"]:
            continue
        options = {"L": "--L", "samples": "--samples", "seed": "--seed"}
        lacking = [f"{option} {found[key]}" for key, option in options.items() if found[key] != wanted[key]]
        return f"{folder} has shards: add {' '.join(lacking) or 'the other settings of their efnn generate'}"
    return ""


class ShardFolder:
    """The finished shards of the dataset of `job` at `path`, recognised by the tag and the method of the job.

    A shard is a `Dataset`; its metadata are `seconds` (labelling time of its worker), `device`, `redone` and
    `electrons`.
    """

    def __init__(self, job: Job, path: Path) -> None:
        self.folder = shard_folder(path)
        self.job_tag = f"{job.tag} {job.reference}"

    def make(self) -> None:
        """Create the folder where it is missing."""
        atomic.make_folder(self.folder)

    def save(self, draw: Draw, shard: Dataset) -> None:
        """Store one shard atomically."""
        head = {"format": FORMAT, "schema_version": SCHEMA_VERSION, "job": self.job_tag, "shard": draw.shard}
        hdf5.write(self._path(draw), shard.arrays(), head | shard.metadata)

    def load(self, draw: Draw) -> Dataset | None:
        """Return the stored shard; None where there is none, or one that is damaged or of another job."""
        try:
            arrays, metadata = hdf5.read(self._path(draw), FORMAT, SCHEMA_VERSION)
        except InputError:
            return None
        same = (metadata.get("job"), metadata.get("shard")) == (self.job_tag, draw.shard)
        return dataset.from_arrays(arrays, metadata) if same else None

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, draw: Draw) -> Path:
        return self.folder / f"shard-{draw.shard:06d}.h5"
