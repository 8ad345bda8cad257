"""Samples files: configurations of Markov chains, one row a proposal of one chain.

Rows are ordered by proposal, then by chain: row = proposal * chains + chain. A rejected proposal repeats the state
before it. A file of corrected chains is a dataset, which trains with its chains apart; one of uncorrected chains has
no exact energies and a format of its own.

/spins               float64 (rows, 3, Lx, Ly)
/energies            float64 (rows,), exact; absent where `corrected` is false
/fields              float64 like /spins, -dE/dS, where asked for
/network_energies    float64 (rows,), of the network, in the unit of the system
/accepted            bool (rows,), by the exact test; where `corrected` is false, all true
/error_differences   float64 (rows,), E - E_net of the proposal minus that of the state before, which the test is of
/densities           float64 (rows,), electrons per site, where the reference gives them
/internal_energies, /level_fluctuations   float64 (rows,), u and v of physics/system.py, where the reference gives them
/chain               int64 (rows,), 0 to chains - 1
/others/spins, /others/energies, /others/fields, /others/chain   exact labels of other states: of warm-up, and rejected
/metadata            one JSON string with at least `chains`, `proposals`, `T` and `corrected`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.storage import dataset, hdf5

FORMAT = "efnn-samples"  # of uncorrected chains
SCHEMA_VERSION = 1
OF_CHAINS = {"chains", "proposals", "T", "corrected"}  # in the metadata
PER_ROW = ("spins", "network_energies", "accepted", "chain")  # and `energies` of corrected chains


@dataclass(frozen=True)
class Samples:
    """Arrays (rows, ...) by their names in the file, and the metadata."""

    arrays: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any]

    @property
    def corrected(self) -> bool:
        """True where an exact test corrected the network."""
        return bool(self.metadata["corrected"])

    @property
    def chains(self) -> int:
        """Number of chains."""
        return int(self.metadata["chains"])

    @property
    def temperature(self) -> float:
        """T."""
        return float(self.metadata["T"])


def by_chain(rows: NDArray[Any], chains: int) -> NDArray[Any]:
    """Return an array (chains, proposals, ...) of an array (rows, ...) in the order of the file."""
    return np.swapaxes(rows.reshape(-1, chains, *rows.shape[1:]), 0, 1)


def write(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> Samples:
    """Write arrays (proposals, chains, ...), and those below `others/` as they are, atomically."""
    flat = {
        name: each if name.startswith("others/") else each.reshape(-1, *each.shape[2:]) for name, each in arrays.items()
    }
    flat["chain"] = np.tile(np.arange(metadata["chains"], dtype=np.int64), metadata["proposals"])  # (rows,)
    if metadata["corrected"]:
        stored: Mapping[str, Any] = dataset.write(path, flat, dict(metadata)).metadata
    else:
        stored = {"format": FORMAT, "schema_version": SCHEMA_VERSION, **metadata}
        hdf5.write(path, flat, stored)
    return Samples(flat, stored)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata only; raises `InputError` for anything that is neither samples nor a dataset."""
    return hdf5.read_metadata(path, *_format_of(path))


def are_samples(path: Path) -> bool:
    """Return True where the file at `path` holds Markov chains."""
    try:
        return read_metadata(path).keys() >= OF_CHAINS
    except InputError:
        return False


def read(path: Path) -> Samples:
    """Return the samples at `path`, the checksum verified; raises `InputError` for anything else."""
    arrays, metadata = hdf5.read(path, *_format_of(path))
    if not metadata.keys() >= OF_CHAINS:
        raise InputError(f"{path} holds no Markov chains", "efnn sample RUN makes some")
    rows = metadata["chains"] * metadata["proposals"]
    for name in (*PER_ROW, *(("energies",) if metadata["corrected"] else ())):
        if name not in arrays or len(arrays[name]) != rows:
            found = len(arrays[name]) if name in arrays else "none"
            raise InputError(f"{path}: wanted {rows} rows of /{name} (proposals x chains), found {found}")
    return Samples(arrays, metadata)


def _format_of(path: Path) -> tuple[str, int]:
    """Return format and schema version of uncorrected samples, or else of a dataset."""
    if hdf5.format_of(path) == FORMAT:
        return FORMAT, SCHEMA_VERSION
    return dataset.FORMAT, dataset.SCHEMA_VERSION
