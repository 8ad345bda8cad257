"""HDF5 files: arrays by name, one JSON string `/metadata`, and one checksum over both.

A file is built in memory and written by Python, since h5py crashes the interpreter at exit where the disk is full.
The attribute `sha256` of the root covers names, types, shapes and bytes of all arrays, and the metadata.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.storage.atomic import write_bytes
from efnn_cli.storage.reading import parse_json, reason, require_file

SUFFIXES = (".h5", ".hdf5")
METADATA = "metadata"
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError)  # raised by h5py for damaged files

Arrays = Mapping[str, NDArray[Any]]


def digest(arrays: Arrays, text: str) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of all arrays, and over `text`."""
    total = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"\n{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def write(path: Path, arrays: Arrays, metadata: Mapping[str, Any]) -> None:
    """Write `arrays` by name and `metadata` as one JSON string, atomically."""
    text = json.dumps(metadata, allow_nan=False, indent=1)
    # The file exists in memory only, but two threads must not use the same name.
    with h5py.File(f"image-{uuid.uuid4().hex}", "w", driver="core", backing_store=False) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        file.create_dataset(METADATA, data=text)
        file.attrs["sha256"] = digest(arrays, text)
        file.flush()
        image = file.id.get_file_image()
    write_bytes(path, image)


def read_metadata(path: Path, form: str, version: int) -> dict[str, Any]:
    """Return the metadata of a file of format `form`, without its arrays and without its checksum."""
    with opened(path) as file:
        return _checked(path, _text(file), form, version)


def read(path: Path, form: str, version: int) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return all arrays by name, and the metadata, of a file of format `form` and at most schema `version`.

    Raises `InputError` where the checksum does not match, and for any other file.
    """
    with opened(path) as file:
        text = _text(file)
        metadata = _checked(path, text, form, version)
        arrays = _arrays(file, path.stat().st_size)
        if file.attrs.get("sha256") != digest(arrays, text or ""):
            raise InputError(f"{path} is damaged: its checksum does not match its content")
        return arrays, metadata


def format_of(path: Path) -> str | None:
    """Return the format that the file names itself; None where it names none."""
    with opened(path) as file:
        text = _text(file)
        return None if text is None else parse_json(text).get("format")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; whatever is wrong with it is an `InputError` that names the path."""
    require_file(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except DAMAGE as error:
        if "file signature not found" in str(error):
            other = "spins alone: efnn generate SYSTEM --spins FILE; with their energies: efnn import FILE"
            hint = "" if path.suffix in SUFFIXES else other  # one that is named so is damaged
            raise InputError(f"{path} is not an HDF5 file", hint) from error
        raise InputError(f"{path} is not a readable HDF5 file ({reason(error)})") from error


def _text(file: h5py.File) -> str | None:
    """Return the string in /metadata; None where there is none."""
    node = file.get(METADATA)
    if not isinstance(node, h5py.Dataset) or node.shape != () or not h5py.check_string_dtype(node.dtype):
        return None
    return str(node.asstr()[()])


def _checked(path: Path, text: str | None, form: str, version: int) -> dict[str, Any]:
    """Return the metadata in `text`; raises `InputError` for another format or a newer version."""
    if text is None:
        raise InputError(f"{path} is not a file of efnn: it has no /metadata string")
    metadata = parse_json(text)
    if metadata.get("format") != form:
        raise InputError(f"{path}: wanted a file of format {form}, found {metadata.get('format')}")
    found = metadata.get("schema_version")
    if not isinstance(found, int) or found < 1:
        raise InputError(f"{path} has no valid schema version")
    if found > version:
        raise InputError(
            f"{path} has schema version {found}, this efnn reads up to {version}",
            "it was written by a newer efnn: update with pip install -U",
        )
    return metadata


def _arrays(file: h5py.File, size: int) -> dict[str, NDArray[Any]]:
    """Return all numeric arrays of a file of `size` bytes by their paths; links are not followed."""
    arrays: dict[str, NDArray[Any]] = {}

    def add(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if name == METADATA or not isinstance(node, h5py.Dataset):
            return
        if node.dtype.kind not in "fiub" or node.nbytes > size:
            raise ValueError(f"/{name} has {node.nbytes} bytes of {node.dtype}")
        arrays[name] = np.asarray(node[()])

    file.visititems(add)
    return arrays
