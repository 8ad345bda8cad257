"""Samples files: configurations of Markov chains, one row a proposal of one chain.

Rows are ordered by proposal, then by chain: row = proposal * chains + chain.
A rejected proposal repeats the state before it.

/spins             float64 (rows, 3, Lx, Ly)
/network_energies  float64 (rows,), of the network, in t or J of the system
/energies          float64 (rows,), exact, of the same states; absent where `corrected` is false
/accepted          bool (rows,), by the exact test; where `corrected` is false, all true
/chain             int64 (rows,), 0 to chains - 1
/metadata          one JSON string with at least `chains`, `proposals`, `T` and `corrected`
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.storage import hdf5

FORMAT = "efnn-samples"
SCHEMA_VERSION = 1
PER_ROW = ("network_energies", "accepted", "chain")  # and `energies` of corrected chains


def write(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
    """Write `arrays` by name, atomically; `/chain` follows from the order of the rows."""
    chain = np.tile(np.arange(metadata["chains"], dtype=np.int64), metadata["proposals"])  # (rows,)
    hdf5.write(path, {**arrays, "chain": chain}, {"format": FORMAT, "schema_version": SCHEMA_VERSION, **metadata})


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return arrays by name and metadata, the checksum verified; raises `InputError` where rows do not match."""
    arrays, metadata = hdf5.read(path, FORMAT, SCHEMA_VERSION)
    wanted = (*PER_ROW, "energies") if metadata["corrected"] else PER_ROW
    rows = metadata["chains"] * metadata["proposals"]
    for name in ("spins", *wanted):
        if name not in arrays or len(arrays[name]) != rows:
            found = len(arrays[name]) if name in arrays else "none"
            raise InputError(f"{path}: wanted {rows} rows of /{name} (proposals x chains), found {found}")
    return arrays, metadata


def by_chain(rows: NDArray[Any], chains: int) -> NDArray[Any]:
    """Return an array (chains, proposals, ...) of an array (rows, ...) in the order of the file."""
    return np.swapaxes(rows.reshape(-1, chains, *rows.shape[1:]), 0, 1)
