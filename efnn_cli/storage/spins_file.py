"""Spin configurations of the user's own: `.npy`, or an HDF5 file with a dataset `/spins`.

The head of a file says what it holds; that is checked, and whether it fits into memory, before any of it is read.
"""

from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from efnn_cli.errors import InputError
from efnn_cli.memory import require_memory
from efnn_cli.storage.hdf5 import Opened, claimed_bytes
from efnn_cli.storage.reading import open_regular, size_of
from efnn_cli.storage.trial import may_hold


def read_spins(path: Path) -> NDArray[np.float64]:
    """Configurations (samples, ...) as float64.

    Raises `InputError` with one sentence for any other file, `DeviceError` where they do not fit into memory.
    """
    array = _npy(path) if path.suffix == ".npy" else _hdf5(path)
    return np.ascontiguousarray(array, dtype=np.float64)


def _npy(path: Path) -> NDArray[np.float64]:
    """Numbers only: what is pickled is refused."""
    with open_regular(path) as file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            _check(path, dtype, shape)
            if size_of(file) - file.tell() < _size(shape) * dtype.itemsize:
                raise ValueError("it ends too soon")
            file.seek(0)
            return np.load(file, allow_pickle=False)  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError, SyntaxError, OverflowError) as error:
            raise InputError(f"{path} cannot be read: not a .npy file of numbers") from error


def _hdf5(path: Path) -> NDArray[np.float64]:
    with Opened(path) as opened:
        node = opened.node(opened.file, "spins") if "spins" in opened.file else None
        if not isinstance(node, h5py.Dataset) or node.shape is None:
            raise InputError(f"{path} has no dataset /spins")
        _check(path, node.dtype, node.shape)
        if not may_hold(opened.size, claimed_bytes(node)):
            opened.refuse("spins", f"claims {claimed_bytes(node)} bytes in a file of {opened.size}")
        return node[()]  # type: ignore[no-any-return]


def _check(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if dtype.kind not in "fiu" or len(shape) not in (2, 4) or min(shape) < 1:
        raise InputError(
            f"{path}: wanted real spins of shape (samples, L) or (samples, 3, L, L), found {dtype} of shape {shape}"
        )
    needed = _size(shape) * (dtype.itemsize + 8)  # as they are, and as float64
    require_memory(torch.device("cpu"), needed, f"reading {path}")


def _size(shape: tuple[int, ...]) -> int:
    return math.prod(int(length) for length in shape)
