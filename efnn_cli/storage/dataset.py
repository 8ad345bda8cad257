"""Dataset files: configurations, their energies, and where they come from.

    /spins      float64 (samples, L) or (samples, 3, L, L)
    /energies   float64 (samples,), of exactly the stored spins; missing where only fields are known
    /couplings  float64 (K,), where the Hamiltonian has any
    /fields     float64 like /spins, where asked for: -dE/dS
    /error_estimates  float64 (samples,), of the energies, where the reference method has them
    /levels     float64 (samples, N), one-particle levels, where asked for
    /temperatures  float64 (samples,), spin temperatures where every configuration has its own; inf for uniform spins
    /chain      int64 (samples,), Markov chains of Monte Carlo samples: each stays on one side of the split
    /metadata   one JSON string: system, sampling, seed, reference method, units, versions, hashes

The content hash covers the physics (spins, energies, fields, couplings, Hamiltonian), not the provenance: it names a
dataset wherever and however it was made.
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
PHYSICS = ("spins", "energies", "couplings", "fields")
EXTERNAL = "external"
"""Reference method of labels that were imported."""
OF_FILE = ("format", "schema_version", "content_sha256")  # metadata that writing adds
TIMES = ("seconds", "seconds_per_configuration")  # of a reference; tables and speed-ups are computed from them
CHAINS = "monte_carlo"  # sampling of states of Markov chains
NAMES = {
    "spins": "spins",
    "known_energies": "energies",
    "couplings": "couplings",
    "fields": "fields",
    "errors": "error_estimates",
    "levels": "levels",
    "temperatures": "temperatures",
    "chain": "chain",
}
"""Names of the arrays in files, in the order of the file, by those in memory."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """B labelled configurations in memory, from labelling to training."""

    spins: Array
    """(B, L) or (B, 3, L, L)"""
    known_energies: Array | None
    """(B,); None where only fields are known."""
    couplings: Array | None = None
    """(K,), of a Hamiltonian with random couplings."""
    fields: Array | None = None
    """-dE/dS, shaped like `spins`."""
    errors: Array | None = None
    """(B,), estimated absolute errors of the energies, for methods that are not exact to rounding."""
    levels: Array | None = None
    """(B, N), one-particle levels, ascending, measured from zero instead of mu."""
    temperatures: Array | None = None
    """(B,), spin temperatures, inf for uniform spins."""
    chain: NDArray[np.int64] | None = None
    """(B,), the Markov chain of every configuration."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """The metadata of the file."""

    @property
    def energies(self) -> Array:
        """(B,), of a dataset that has any: `read_labelled`."""
        assert self.known_energies is not None
        return self.known_energies

    @property
    def content_hash(self) -> str:
        """SHA-256 of the physics, hexadecimal."""
        return str(self.metadata["content_sha256"])

    @property
    def label_seconds(self) -> float:
        """Seconds of one core that the labels took, moves of Markov chains included; 0 of imported labels."""
        reference = self.metadata["reference"]
        each = reference["seconds_per_configuration"]
        return float(reference["seconds"] or 0.0) if each is None else float(each * len(self))

    def __len__(self) -> int:
        return len(self.spins)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by their names in files."""
        named = {name: getattr(self, attribute) for attribute, name in NAMES.items()}
        return {name: array for name, array in named.items() if array is not None}


def from_arrays(arrays: Mapping[str, NDArray[Any]], metadata: dict[str, Any]) -> Dataset:
    """Return the dataset of arrays by their names in files."""
    found: dict[str, Any] = {attribute: arrays.get(name) for attribute, name in NAMES.items()}
    return Dataset(**found, metadata=metadata)


def join(parts: Sequence[Dataset], metadata: dict[str, Any]) -> Dataset:
    """Return the configurations of all `parts` in order; they have the same arrays and no couplings."""
    names = parts[0].arrays()
    return from_arrays({name: np.concatenate([part.arrays()[name] for part in parts]) for name in names}, metadata)


def write(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: dict[str, Any]) -> Dataset:
    """Write `arrays` by name; `metadata` must hold `system` (its parameters), `purpose`, `samples`, `reference`."""
    physics = {name: arrays[name] for name in PHYSICS if name in arrays}
    hamiltonian = {key: value for key, value in metadata["system"].items() if key != "plug_in"}
    content = hdf5.digest(physics, json.dumps(hamiltonian, sort_keys=True))
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
    for name in ("spins", "energies", "fields"):
        if name in arrays and arrays[name].dtype != np.float64:
            raise InputError(f"{path}: wanted float64, found {name} {arrays[name].dtype}")
    spins, energies, fields = (arrays.get(name) for name in ("spins", "energies", "fields"))
    if spins is None or not len(spins) or (energies is None and fields is None):
        raise InputError(f"{path}: wanted /spins with /energies or /fields, of at least one configuration")
    if energies is not None and energies.shape != spins.shape[:1]:
        raise InputError(f"{path}: wanted /spins and /energies of equal length")
    if energies is not None and not (np.abs(energies) <= MAX_ENERGY).all():
        raise InputError(f"{path}: wanted finite energies (up to {MAX_ENERGY:g})")
    if fields is not None and fields.shape != spins.shape:
        raise InputError(f"{path}: wanted /fields of the shape of /spins")
    return from_arrays(arrays, metadata)


def read_labelled(path: Path) -> Dataset:
    """Return a whole dataset that has energies; raises `InputError` for one of fields alone."""
    data = read(path)
    require_energies(data, path)
    return data


def require_energies(data: Dataset, path: Path) -> None:
    """Raise `InputError` for a dataset of fields alone."""
    if data.known_energies is None:
        raise InputError(
            f"{path} has fields but no energies, which are wanted here",
            "efnn train and efnn evaluate take fields alone",
        )


def _complete(path: Path, metadata: dict[str, Any]) -> dict[str, Any]:
    wanted = {"system": dict, "purpose": str, "samples": int, "reference": dict, "content_sha256": str}
    for key, kind in wanted.items():
        if not isinstance(metadata.get(key), kind):
            raise InputError(f"{path}: its metadata have no valid {key!r}")
    reference = metadata["reference"]
    if not isinstance(reference.get("method"), str):
        raise InputError(f"{path}: its metadata have no valid 'reference.method'")
    for key in TIMES:
        unknown = reference.get(key) is None and (reference["method"] == EXTERNAL or metadata.get("sampling") == CHAINS)
        if not unknown and not _is_time(reference.get(key)):
            raise InputError(f"{path}: its metadata have no valid 'reference.{key}'")
    return metadata


def _is_time(value: object) -> bool:
    """Return whether `value` is a number of seconds."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf
