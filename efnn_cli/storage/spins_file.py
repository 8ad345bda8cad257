"""Spin configurations of the user's own: `.npy`, or an HDF5 file with a dataset `/spins`."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from efnn_cli.errors import InputError
from efnn_cli.storage.hdf5 import Opened


def read_spins(path: Path) -> NDArray[np.float64]:
    """Configurations (samples, ...) as float64; raises `InputError` with one sentence for any other file."""
    array = _npy(path) if path.suffix == ".npy" else _hdf5(path)
    if array.dtype.kind not in "fiu" or array.ndim not in (2, 4) or not array.size:
        raise InputError(
            f"{path}: wanted real spins of shape (samples, L) or (samples, 3, L, L), "
            f"found {array.dtype} of shape {array.shape}"
        )
    return np.ascontiguousarray(array, dtype=np.float64)


def _npy(path: Path) -> NDArray[np.float64]:
    try:
        return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a .npy file of numbers"
        raise InputError(f"{path} cannot be read: {reason}") from error


def _hdf5(path: Path) -> NDArray[np.float64]:
    with Opened(path) as file:
        link = file.get("spins", getlink=True)
        node = file.get("spins") if isinstance(link, h5py.HardLink) else None
        if not isinstance(node, h5py.Dataset) or node.is_virtual or node.external:
            raise InputError(f"{path} has no dataset /spins")
        return node[()]  # type: ignore[no-any-return]
