"""Dataset files: configurations, their energies, and where they come from.

    /spins      float64 (samples, L) or (samples, 3, L, L)
    /energies   float64 (samples,), of exactly the stored spins
    /couplings  float64 (K,), where the Hamiltonian has any
    /fields     float64 like /spins, where asked for: -dE/dS
    /error_estimates  float64 (samples,), of the energies, where the reference method has them
    /metadata   one JSON string: system, sampling, seed, reference method, units, versions, hashes

The content hash covers the physics (spins, energies, couplings, Hamiltonian), not the provenance: it names a dataset
wherever and however it was made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.storage import hdf5

FORMAT = "efnn-dataset"
SCHEMA_VERSION = 1
MAX_ENERGY = 1e100  # its square is finite
PHYSICS = ("spins", "energies", "couplings")
TIMES = ("seconds", "seconds_per_configuration")  # of a reference; tables and speed-ups are computed from them

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """B labelled configurations in memory, from labelling to training."""

    spins: Array
    """(B, L) or (B, 3, L, L)"""
    energies: Array
    """(B,)"""
    couplings: Array | None = None
    """(K,), of a Hamiltonian with random couplings."""
    fields: Array | None = None
    """-dE/dS, shaped like `spins`."""
    errors: Array | None = None
    """(B,), estimated absolute errors of the energies, for methods that are not exact to rounding."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """The metadata of the file."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of the physics, hexadecimal."""
        return str(self.metadata["content_sha256"])

    def __len__(self) -> int:
        return len(self.energies)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays by their names in files."""
        named = {
            "spins": self.spins,
            "energies": self.energies,
            "couplings": self.couplings,
            "fields": self.fields,
            "error_estimates": self.errors,
        }
        return {name: array for name, array in named.items() if array is not None}


def from_arrays(arrays: Mapping[str, Array], metadata: dict[str, Any]) -> Dataset:
    """Return the dataset of arrays by their names in files."""
    couplings, fields, errors = (arrays.get(name) for name in ("couplings", "fields", "error_estimates"))
    return Dataset(arrays["spins"], arrays["energies"], couplings, fields, errors, metadata)


def join(parts: Sequence[Dataset], metadata: dict[str, Any]) -> Dataset:
    """Return the configurations of all `parts` in order; they have the same arrays and no couplings."""
    names = parts[0].arrays()
    return from_arrays({name: np.concatenate([part.arrays()[name] for part in parts]) for name in names}, metadata)


def write(path: Path, arrays: Mapping[str, Array], metadata: dict[str, Any]) -> Dataset:
    """Write `arrays` by name; `metadata` must hold `system` (its parameters), `purpose`, `samples`, `reference`."""
    physics = {name: arrays[name] for name in PHYSICS if name in arrays}
    content = hdf5.digest(physics, json.dumps(metadata["system"], sort_keys=True))
    head = {"format": FORMAT, "schema_version": SCHEMA_VERSION, **metadata, "content_sha256": content}
    hdf5.write(path, arrays, head)
    return from_arrays(arrays, head)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata only; raises `InputError` for anything that is not a dataset."""
    return _complete(path, hdf5.read_metadata(path, FORMAT, SCHEMA_VERSION))


def read(path: Path) -> Dataset:
    """Return a whole dataset, its checksum verified; raises `InputError` for anything else."""
    arrays, metadata = hdf5.read(path, FORMAT, SCHEMA_VERSION)
    _complete(path, metadata)
    spins, energies = arrays.get("spins"), arrays.get("energies")
    if spins is None or energies is None or energies.ndim != 1 or len(spins) != len(energies):
        raise InputError(f"{path}: wanted /spins and /energies of equal length")
    if spins.dtype != np.float64 or energies.dtype != np.float64:
        raise InputError(f"{path}: wanted float64, found spins {spins.dtype}, energies {energies.dtype}")
    if not len(energies) or not (np.abs(energies) <= MAX_ENERGY).all():
        raise InputError(f"{path}: wanted finite energies (up to {MAX_ENERGY:g}) of at least one configuration")
    return from_arrays(arrays, metadata)


def _complete(path: Path, metadata: dict[str, Any]) -> dict[str, Any]:
    wanted = {"system": dict, "purpose": str, "samples": int, "reference": dict, "content_sha256": str}
    for key, kind in wanted.items():
        if not isinstance(metadata.get(key), kind):
            raise InputError(f"{path}: its metadata have no valid {key!r}")
    reference = metadata["reference"]
    if not isinstance(reference.get("method"), str):
        raise InputError(f"{path}: its metadata have no valid 'reference.method'")
    for key in TIMES:
        if not _is_time(reference.get(key)):
            raise InputError(f"{path}: its metadata have no valid 'reference.{key}'")
    return metadata


def _is_time(value: object) -> bool:
    """Return whether `value` is a number of seconds."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf
