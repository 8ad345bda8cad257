"""Arrays that anybody has written: `.npy`, `.npz`, or HDF5 of any layout."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.core.resources import require_memory
from efnn_cli.storage.hdf5 import SUFFIXES, opened
from efnn_cli.storage.reading import require_file

NUMPY = (".npy", ".npz")
UNREADABLE = (OSError, ValueError, EOFError, SyntaxError, RuntimeError, zipfile.BadZipFile, zlib.error)  # of np.load
SHOWN = 8  # names of what a file holds instead
UNNAMED = ""  # the array of a `.npy` file


def holds_arrays(path: Path) -> bool:
    """Return whether the file is named as one of arrays, or is HDF5 under another name."""
    return path.suffix.lower() in (*NUMPY, *SUFFIXES) or bool(h5py.is_hdf5(path))


@contextlib.contextmanager
def opened_arrays(path: Path, wanted: str) -> Iterator[Mapping[str, Any]]:
    """Give the arrays of a file by name, not yet read; raises `InputError`, which says what was `wanted`."""
    require_file(path)
    if path.suffix.lower() not in NUMPY:
        if not holds_arrays(path):
            raise InputError(f"{path} is not a readable HDF5 file, nor named .npy or .npz", f"wanted {wanted}")
        with opened(path) as file:
            yield _datasets(file)
        return
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
        with stored if isinstance(stored, np.lib.npyio.NpzFile) else contextlib.nullcontext({UNNAMED: stored}) as found:
            yield found
    except UNREADABLE as error:
        form = path.suffix.lower()
        raise InputError(f"{path} cannot be read: not a {form} file of numbers", f"wanted {wanted}") from error


def _datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Return all arrays of an HDF5 file by their paths; links are not followed."""
    found: dict[str, h5py.Dataset] = {}

    def add(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset) and node.shape is not None:
            found[name] = node

    file.visititems(add)
    return found


def listed(arrays: Mapping[str, Any]) -> str:
    """Return the names of arrays, of HDF5 also their shapes, as text."""
    names = [f"/{name} {arrays[name].shape}" if isinstance(arrays, dict) and name else name for name in arrays]
    return ", ".join([*names[:SHOWN], *["..."] * (len(names) > SHOWN)]) or "no arrays"


def numbers(path: Path, stored: Any, dimensions: Sequence[int], wanted: str) -> NDArray[np.float64]:
    """Return a stored array as float64.

    Raises `InputError` for other types and numbers of `dimensions`, `DeviceError` where it does not fit into memory.
    """
    kind, shape = stored.dtype, stored.shape
    if kind.kind not in "fiu" or len(shape) not in dimensions or min(shape) < 1:
        raise InputError(f"{path}: wanted {wanted}, found {kind} of shape {shape}")
    needed = int(np.prod(shape, dtype=object)) * (kind.itemsize + 8)  # as they are, and as float64
    require_memory(torch.device("cpu"), needed, f"reading {path}")
    return np.array(stored[()], dtype=np.float64, order="C")
