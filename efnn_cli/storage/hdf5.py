"""HDF5 images: written as one atomic file, read whole and with suspicion.

A file is built in memory and written with plain Python: h5py writing straight to a full disk crashes the
interpreter at exit. Every file has a `/metadata` JSON string and an attribute `sha256` over all its arrays and
that string, so that any changed byte that matters is found. Nothing read from a file can execute.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from efnn_cli.errors import InputError
from efnn_cli.storage.atomic import write_bytes

CHUNK_BYTES = 2**20
CHECKED_BYTES = 2**16  # arrays from this size on have a checksum for every chunk
MAX_METADATA_BYTES = 16 * 2**20

Arrays = Mapping[str, NDArray[Any]]


def digest(arrays: Arrays, text: str) -> str:
    """SHA-256 over names, types, shapes and bytes of all arrays, and over `text`."""
    total = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"\n{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def write(path: Path, arrays: Arrays, metadata: Mapping[str, Any]) -> None:
    """Write `arrays` by name and `metadata` as one JSON string, atomically."""
    text = json.dumps(metadata, allow_nan=False, indent=1)
    # The name only exists in memory, but two threads must not use the same one.
    with h5py.File(f"image-{uuid.uuid4().hex}", "w", driver="core", backing_store=False) as file:
        for name, array in arrays.items():
            # A chunk costs 2 kB of book-keeping; small arrays rely on the checksum of the whole file.
            filters = {"chunks": _chunks(array), "fletcher32": True} if array.nbytes >= CHECKED_BYTES else {}
            file.create_dataset(name, data=array, **filters)
        file.create_dataset("metadata", data=text)
        file.attrs["sha256"] = digest(arrays, text)
        file.flush()
        image = file.id.get_file_image()
    write_bytes(path, image)


def _chunks(array: NDArray[Any]) -> tuple[int, ...]:
    """Whole rows along the first axis, about a megabyte each."""
    row = max(1, array.nbytes // array.shape[0])
    return (min(array.shape[0], max(1, CHUNK_BYTES // row)), *array.shape[1:])


def read_metadata(path: Path, form: str, version: int) -> dict[str, Any]:
    """The metadata of a file of format `form`, without its arrays (and so without the checksum)."""
    with Opened(path) as file:
        return _metadata(path, file, form, version)[0]


def read(path: Path, form: str, version: int) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """All arrays by name, and the metadata, of a file of format `form` and at most schema `version`.

    Raises `InputError` with one sentence for whatever is wrong with the file.
    """
    with Opened(path) as file:
        metadata, text = _metadata(path, file, form, version)
        arrays: dict[str, NDArray[Any]] = {}
        _collect(path, file, file, "", arrays)
        arrays.pop("metadata")
        if file.attrs.get("sha256") != digest(arrays, text):
            raise InputError(f"{path} is damaged: its checksum does not match its content")
        return arrays, metadata


class Opened:
    """An open HDF5 file; whatever goes wrong inside becomes an `InputError` that names the path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> h5py.File:
        try:
            mode = os.stat(self.path).st_mode
        except FileNotFoundError:
            raise InputError(f"{self.path} does not exist") from None
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(mode):
            raise InputError(f"{self.path} is not a regular file")
        try:
            self.file = h5py.File(self.path, "r", locking="best-effort")
        except PermissionError as error:
            raise InputError(f"{self.path} cannot be read: permission denied") from error
        except (OSError, RuntimeError) as error:
            raise InputError(f"{self.path} is not a readable HDF5 file ({_first_line(error)})") from error
        return self.file

    def __exit__(self, kind: Any, value: BaseException | None, trace: Any) -> None:
        self.file.close()
        if isinstance(value, (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError)):
            raise InputError(f"{self.path} is damaged ({_first_line(value)})") from value


def _first_line(error: BaseException) -> str:
    text = str(error).strip("'\"")
    return text.splitlines()[0] if text else type(error).__name__


def _metadata(path: Path, file: h5py.File, form: str, version: int) -> tuple[dict[str, Any], str]:
    node = file.get("metadata")
    string = isinstance(node, h5py.Dataset) and node.shape == () and h5py.check_string_dtype(node.dtype)
    if not string or node.id.get_storage_size() > MAX_METADATA_BYTES:
        raise InputError(f"{path} is not a file of efnn: it has no /metadata string")
    text = node.asstr()[()]
    metadata = json.loads(text)
    found = metadata.get("format") if isinstance(metadata, dict) else None
    if found != form:
        raise InputError(f"{path}: wanted a file of format {form}, found {found}")
    if not isinstance(metadata.get("schema_version"), int) or metadata["schema_version"] < 1:
        raise InputError(f"{path} has no valid schema version")
    if metadata["schema_version"] > version:
        raise InputError(
            f"{path} has schema version {metadata['schema_version']}, this efnn reads up to {version}",
            "it was written by a newer efnn: update with pip install -U",
        )
    return metadata, text


def _collect(path: Path, file: h5py.File, group: h5py.Group, prefix: str, into: dict[str, Any]) -> None:
    """Gather every dataset below `group`; refuse links to elsewhere and sizes that the file cannot hold."""
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise InputError(f"{path}: /{prefix}{name} is a link, which is refused")
        node = group[name]
        if isinstance(node, h5py.Group):
            _collect(path, file, node, f"{prefix}{name}/", into)
            continue
        if not isinstance(node, h5py.Dataset):
            raise InputError(f"{path}: /{prefix}{name} is no array")
        if node.is_virtual or node.external:
            raise InputError(f"{path}: /{prefix}{name} lies in another file, which is refused")
        if prefix + name == "metadata":
            into["metadata"] = None
            continue
        if node.nbytes > os.path.getsize(path) or node.dtype.kind not in "fiub":
            raise InputError(f"{path}: /{prefix}{name} claims {node.nbytes} bytes of {node.dtype}")
        into[prefix + name] = node[()] if node.shape else np.asarray(node[()])


def format_of(path: Path) -> str | None:
    """The format that the file names itself; None where it names none."""
    with Opened(path) as file:
        node = file.get("metadata")
        if not isinstance(node, h5py.Dataset) or not h5py.check_string_dtype(node.dtype):
            return None
        metadata = json.loads(node.asstr()[()])
        return metadata.get("format") if isinstance(metadata, dict) else None
