"""Prediction files: energies predicted by networks, with the references where there are any.

/energies   float64 (samples,), the mean over the networks
/fields     float64 (samples, ...) like the spins, -dE/dS, of `efnn predict --fields`
/half_widths  float64 (samples,), of the intervals of `efnn predict --coverage`
/members    float64 (networks, samples), of `efnn evaluate`
/reference  float64 (samples,), the exact energies, of `efnn evaluate`
/indices    int64 (samples,), which configurations of the dataset, of `efnn evaluate`
/metadata   one JSON string: the runs, and the dataset or the spins
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.storage import hdf5

FORMAT = "efnn-predictions"
SCHEMA_VERSION = 1


def write(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
    """Write `arrays` by name, `energies` among them, atomically."""
    hdf5.write(path, arrays, {"format": FORMAT, "schema_version": SCHEMA_VERSION, **metadata})


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return arrays by name and metadata, the checksum verified; raises `InputError` for anything else."""
    arrays, metadata = hdf5.read(path, FORMAT, SCHEMA_VERSION)
    if "energies" not in arrays or arrays["energies"].ndim != 1:
        raise InputError(f"{path}: wanted /energies of shape (samples,)")
    return arrays, metadata
