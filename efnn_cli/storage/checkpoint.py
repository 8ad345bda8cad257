"""Checkpoint files: every tensor an HDF5 dataset, the rest one JSON string in `/metadata`.

`config` is the resolved configuration of the run; `state` is the state of the training, or only the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.storage import hdf5
from efnn_cli.storage.tree import flatten, restore

FORMAT = "efnn-checkpoint"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Checkpoint in memory."""

    config: dict[str, Any]
    state: dict[str, Any]


def write(path: Path, config: dict[str, Any], state: dict[str, Any]) -> None:
    """Write a checkpoint atomically."""
    arrays: dict[str, NDArray[Any]] = {}
    skeleton = flatten(state, "state", arrays)
    metadata = {"format": FORMAT, "schema_version": SCHEMA_VERSION, "config": config, "state": skeleton}
    hdf5.write(path, arrays, metadata)


def read(path: Path) -> Checkpoint:
    """Return a checkpoint, its checksum verified; raises `InputError` for anything else."""
    arrays, metadata = hdf5.read(path, FORMAT, SCHEMA_VERSION)
    if not isinstance(metadata.get("config"), dict) or not isinstance(metadata.get("state"), dict):
        raise InputError(f"{path}: its metadata have no valid config and state")
    try:
        return Checkpoint(metadata["config"], restore(metadata["state"], arrays))
    except (InputError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no checkpoint of efnn: {error}") from error
