"""Spin configurations of the user's own: `.npy`, `.npz`, or an HDF5 file with a dataset `/spins`.

The head of a file says what it holds; that is checked, and whether it fits into memory, before any of it is read.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.core.memory import require_memory
from efnn_cli.storage.hdf5 import SUFFIXES, Opened, claimed_bytes
from efnn_cli.storage.reading import open_regular, size_of
from efnn_cli.storage.trial import may_hold

TAKEN = "HDF5 with a dataset /spins, .npy, or .npz with one array or one named spins"
SHOWN = 8  # names of what a file holds instead of spins


def read_spins(path: Path, *, normalise: bool = False) -> NDArray[np.float64]:
    """Configurations (samples, ...) as float64; `normalise` scales lattice spins, axis 1, to length one.

    Raises `InputError` with one sentence for any other file, `DeviceError` where they do not fit into memory.
    """
    read: Callable[[Path], NDArray[np.float64]] = {".npy": _npy, ".npz": _npz}.get(path.suffix.lower(), _hdf5)
    array = np.ascontiguousarray(read(path), dtype=np.float64)
    return _unit_vectors(array) if normalise and array.ndim == 4 and array.shape[1] == 3 else array


def _unit_vectors(spins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spins (B, 3, L, L) divided by their lengths, bit for bit the same everywhere; zeros stay zeros."""
    x, y, z = np.moveaxis(spins, 1, 0)
    length = np.sqrt(x * x + y * y + z * z)[:, None]
    return np.asarray(np.divide(spins, length, out=np.zeros_like(spins), where=length != 0))


def _npy(path: Path) -> NDArray[np.float64]:
    with open_regular(path) as file, _reading(path, ".npy"):
        return _array(path, file, size_of(file))


def _npz(path: Path) -> NDArray[np.float64]:
    """The array named spins, or the only one."""
    with open_regular(path) as file, _reading(path, ".npz"), zipfile.ZipFile(file) as archive:
        members = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
        name = "spins" if "spins" in members else next(iter(members), "")
        if name != "spins" and len(members) != 1:
            raise InputError(f"{path}: wanted one array, or one named spins, found {_listed(members)}")
        with archive.open(members[name]) as stream:
            return _array(path, stream, members[name].file_size)


@contextmanager
def _reading(path: Path, form: str) -> Iterator[None]:
    """Raise `InputError` for whatever a library says of the content."""
    wrong = (OSError, ValueError, EOFError, SyntaxError, OverflowError, RuntimeError, zipfile.BadZipFile, zlib.error)
    try:
        yield
    except wrong as error:
        raise InputError(f"{path} cannot be read: not a {form} file of numbers", f"wanted {TAKEN}") from error


def _array(path: Path, file: IO[bytes], size: int) -> NDArray[np.float64]:
    """Numbers only, from a `.npy` file of `size` bytes: what is pickled is refused."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    _check(path, dtype, shape)
    if size - file.tell() < _size(shape) * dtype.itemsize:
        raise ValueError("it ends too soon")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _hdf5(path: Path) -> NDArray[np.float64]:
    open_regular(path).close()  # says what is wrong with the name
    if path.suffix.lower() not in SUFFIXES and not h5py.is_hdf5(path):
        raise InputError(f"{path} is not a readable HDF5 file, nor named .npy or .npz", f"wanted {TAKEN}")
    with Opened(path) as opened:
        node = opened.node(opened.file, "spins") if "spins" in opened.file else None
        if not isinstance(node, h5py.Dataset) or node.shape is None:
            raise InputError(f"{path} has no dataset /spins, found {_listed(_arrays(opened.file))}")
        _check(path, node.dtype, node.shape)
        if not may_hold(opened.size, claimed_bytes(node)):
            opened.refuse("spins", f"claims {claimed_bytes(node)} bytes in a file of {opened.size}")
        return node[()]  # type: ignore[no-any-return]


def _arrays(file: h5py.File) -> list[str]:
    """Names of the arrays of a file, and their shapes: of the first ones, which are enough to show."""
    found: list[str] = []

    def note(name: str, node: h5py.Group | h5py.Dataset) -> bool | None:
        if isinstance(node, h5py.Dataset):
            found.append(f"/{name} {node.shape}")
        return True if len(found) > SHOWN else None

    file.visititems(note)
    return found


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join([*names[:SHOWN], *["..."] * (len(names) > SHOWN)]) or "nothing"


def _check(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if dtype.kind not in "fiu" or len(shape) not in (2, 4) or min(shape) < 1:
        raise InputError(
            f"{path}: wanted real spins of shape (samples, L) or (samples, 3, L, L), found {dtype} of shape {shape}"
        )
    needed = _size(shape) * (dtype.itemsize + 8)  # as they are, and as float64
    require_memory(torch.device("cpu"), needed, f"reading {path}")


def _size(shape: tuple[int, ...]) -> int:
    return math.prod(int(length) for length in shape)
