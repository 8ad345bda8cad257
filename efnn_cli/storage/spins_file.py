"""Spin configurations of the user's own: `.npy`, `.npz`, or an HDF5 file with a dataset `/spins`."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.core.resources import require_memory
from efnn_cli.storage.hdf5 import SUFFIXES, opened
from efnn_cli.storage.reading import require_file

TAKEN = "HDF5 with a dataset /spins, .npy, or .npz with one array or one named spins"
UNREADABLE = (OSError, ValueError, EOFError, SyntaxError, RuntimeError, zipfile.BadZipFile, zlib.error)  # of np.load
SHOWN = 8  # names of what a file holds instead of spins


def read_spins(path: Path, *, normalise: bool = False) -> NDArray[np.float64]:
    """Return configurations (samples, ...) as float64; `normalise` scales lattice spins, axis 1, to length one.

    Raises `InputError` for any other file, `DeviceError` where they do not fit into memory.
    """
    require_file(path)
    read = _from_numpy if path.suffix.lower() in (".npy", ".npz") else _from_hdf5
    array = np.ascontiguousarray(read(path), dtype=np.float64)
    return _unit_vectors(array) if normalise and array.ndim == 4 and array.shape[1] == 3 else array


def _unit_vectors(spins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spins (B, 3, L, L) divided by their lengths, bit for bit the same everywhere; zeros stay zeros."""
    x, y, z = np.moveaxis(spins, 1, 0)
    length = np.sqrt(x * x + y * y + z * z)[:, None]
    return np.asarray(np.divide(spins, length, out=np.zeros_like(spins), where=length != 0))


def _from_numpy(path: Path) -> NDArray[np.float64]:
    """Return the array of a `.npy` file; of an archive the one named spins, or the only one."""
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(stored, np.lib.npyio.NpzFile):
            with stored:
                stored = stored[_name_of_spins(path, stored.files)]
    except UNREADABLE as error:
        form = path.suffix.lower()
        raise InputError(f"{path} cannot be read: not a {form} file of numbers", f"wanted {TAKEN}") from error
    _check(path, stored.dtype, stored.shape)
    return np.array(stored, dtype=np.float64)


def _name_of_spins(path: Path, names: list[str]) -> str:
    if "spins" not in names and len(names) != 1:
        raise InputError(f"{path}: wanted one array, or one named spins, found {_listed(names)}")
    return "spins" if "spins" in names else names[0]


def _from_hdf5(path: Path) -> NDArray[np.float64]:
    if path.suffix.lower() not in SUFFIXES and not h5py.is_hdf5(path):
        raise InputError(f"{path} is not a readable HDF5 file, nor named .npy or .npz", f"wanted {TAKEN}")
    with opened(path) as file:
        node = file.get("spins")
        if not isinstance(node, h5py.Dataset) or node.shape is None:
            raise InputError(f"{path} has no dataset /spins, found {_listed(_names(file))}")
        _check(path, node.dtype, node.shape)
        return node[()]  # type: ignore[no-any-return]


def _names(file: h5py.File) -> list[str]:
    """Return names and shapes of all arrays of a file."""
    found: list[str] = []

    def add(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset):
            found.append(f"/{name} {node.shape}")

    file.visititems(add)
    return found


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join([*names[:SHOWN], *["..."] * (len(names) > SHOWN)]) or "nothing"


def _check(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Raise `InputError` for numbers of another kind or shape, `DeviceError` where they do not fit into memory."""
    if dtype.kind not in "fiu" or len(shape) not in (2, 4) or min(shape) < 1:
        raise InputError(
            f"{path}: wanted real spins of shape (samples, L) or (samples, 3, L, L), found {dtype} of shape {shape}"
        )
    needed = int(np.prod(shape, dtype=object)) * (dtype.itemsize + 8)  # as they are, and as float64
    require_memory(torch.device("cpu"), needed, f"reading {path}")
