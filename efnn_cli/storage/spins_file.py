"""Spin configurations of the user's own: `.npy`, `.npz`, or an HDF5 file with a dataset `/spins`.

Labelled again, they keep the temperatures that stand beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.storage.arrays_file import listed, numbers, opened_arrays

TAKEN = "HDF5 with a dataset /spins, .npy, or .npz with one array or one named spins"
SHAPES = "real spins of shape (samples, L) or (samples, 3, L, L)"


@dataclass(frozen=True)
class Configurations:
    """Configurations (samples, ...) with their spin temperatures (samples,), where the file has some."""

    spins: NDArray[np.float64]
    temperatures: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.spins)

    def part(self, first: int, count: int) -> Configurations:
        """Return `count` configurations from number `first` on."""
        chosen = slice(first, first + count)
        return Configurations(self.spins[chosen], None if self.temperatures is None else self.temperatures[chosen])

    def digest(self) -> str:
        """Return the SHA-256 over the bytes of all arrays."""
        arrays = [self.spins] if self.temperatures is None else [self.spins, self.temperatures]
        return hashlib.sha256(b"".join(each.tobytes() for each in arrays)).hexdigest()


def read_configurations(path: Path, *, normalise: bool = False) -> Configurations:
    """Return configurations as `read_spins` does, and the array /temperatures that stands beside them."""
    spins = read_spins(path, normalise=normalise)
    with opened_arrays(path, TAKEN) as arrays:
        if "temperatures" not in arrays:
            return Configurations(spins)
        temperatures = numbers(path, arrays["temperatures"], (1,), "temperatures of shape (samples,)")
    if len(temperatures) != len(spins):
        raise InputError(f"{path} has {len(temperatures)} temperatures of {len(spins)} configurations")
    return Configurations(spins, temperatures)


def read_spins(path: Path, *, normalise: bool = False) -> NDArray[np.float64]:
    """Return configurations (samples, ...) as float64; `normalise` scales lattice spins, axis 1, to length one.

    Raises `InputError` for any other file, `DeviceError` where they do not fit into memory.
    """
    with opened_arrays(path, TAKEN) as arrays:
        array = numbers(path, arrays[name_of_spins(path, arrays)], (2, 4), SHAPES)
    return normalised(array) if normalise else array


def name_of_spins(path: Path, arrays: Mapping[str, Any], hint: str = f"wanted {TAKEN}") -> str:
    """Return `spins`, or the name of the only array; raise `InputError` with `hint` where there is neither."""
    if "spins" not in arrays and len(arrays) != 1:
        raise InputError(f"{path} has no dataset /spins, found {listed(arrays)}", hint)
    return "spins" if "spins" in arrays else next(iter(arrays))


def normalised(spins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spins (B, 3, L, L) divided by their lengths, bit for bit the same everywhere; zeros and other shapes stay."""
    if spins.ndim != 4 or spins.shape[1] != 3:
        return spins
    x, y, z = np.moveaxis(spins, 1, 0)
    length = np.sqrt(x * x + y * y + z * z)[:, None]
    return np.asarray(np.divide(spins, length, out=np.zeros_like(spins), where=length != 0))
