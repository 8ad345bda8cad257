"""HDF5 images: written as one atomic file, read whole and with suspicion.

A file is built in memory and written with plain Python: h5py writing straight to a full disk crashes the
interpreter at exit. Every file has a seal over its bytes (seal.py), a `/metadata` JSON string, and an attribute
`sha256` over all its arrays and that string, for readers in other languages and for files without a seal. Of those a
process that may be lost reads every one first (trial.py). What a file claims is checked before memory is taken for it,
links are refused, and nothing read can execute.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError
from efnn_cli.storage import trial
from efnn_cli.storage.atomic import write_bytes
from efnn_cli.storage.reading import MAX_DEPTH, open_regular, parse_json, reason, size_of
from efnn_cli.storage.seal import seal, verify

SUFFIXES = (".h5", ".hdf5")
CHUNK_BYTES = 2**20
CHECKED_BYTES = 2**16  # arrays from this size on have a checksum for every chunk
MAX_METADATA_BYTES = 16 * 2**20
MAX_ARRAYS = 20_000

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
    write_bytes(path, seal(image), image)


def _chunks(array: NDArray[Any]) -> tuple[int, ...]:
    """Whole rows along the first axis, about a megabyte each."""
    row = max(1, array.nbytes // array.shape[0])
    return (min(array.shape[0], max(1, CHUNK_BYTES // row)), *array.shape[1:])


def read_metadata(path: Path, form: str, version: int) -> dict[str, Any]:
    """The metadata of a file of format `form`, without its arrays."""
    with Opened(path) as opened:
        return _metadata(opened, form, version)[0]


def read(path: Path, form: str, version: int) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """All arrays by name, and the metadata, of a file of format `form` and at most schema `version`.

    Raises `InputError` with one sentence for whatever is wrong with the file.
    """
    with Opened(path) as opened:
        metadata, text = _metadata(opened, form, version)
        arrays = _Collected(opened).arrays
        if opened.word("sha256") != digest(arrays, text):
            raise InputError(f"{path} is damaged: its checksum does not match its content")
        return arrays, metadata


def format_of(path: Path) -> str | None:
    """The format that the file names itself; None where it names none."""
    with Opened(path) as opened:
        text = opened.metadata()
        found = None if text is None else parse_json(text).get("format")
        return found if isinstance(found, str) else None


class Opened:
    """An open HDF5 file, its seal verified; whatever goes wrong inside becomes an `InputError` that names the path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Opened:
        self.stream = open_regular(self.path)
        try:
            self.size = size_of(self.stream)
            if not verify(self.path, self.stream) and (defect := trial.defect(self.path)):
                raise InputError(f"{self.path} is damaged: {defect}")
            self.file = h5py.File(self.stream, "r")  # the very file that was verified, whatever has its name now
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            self.stream.close()
            raise InputError(f"{self.path} is not a readable HDF5 file ({reason(error)})") from error
        except BaseException:
            self.stream.close()
            raise
        return self

    def __exit__(self, kind: Any, value: BaseException | None, trace: Any) -> None:
        self.file.close()
        self.stream.close()
        if isinstance(value, (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError)):
            raise InputError(f"{self.path} is damaged ({reason(value)})") from value

    def refuse(self, name: str, why: str) -> NoReturn:
        """Raise `InputError` for the node /`name`."""
        raise InputError(f"{self.path}: /{name} {why}")

    def node(self, group: h5py.Group, name: str, prefix: str = "") -> h5py.Group | h5py.Dataset:
        """A group or an array of this very file; raises `InputError` for links and for what lies in other files."""
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            self.refuse(prefix + name, "is a link, which is refused")
        node = group[name]
        if isinstance(node, h5py.Group):
            return node
        if not isinstance(node, h5py.Dataset):
            self.refuse(prefix + name, "is no array")
        if node.is_virtual or node.external:
            self.refuse(prefix + name, "lies in another file, which is refused")
        return node

    def metadata(self) -> str | None:
        """The string in /metadata; None where there is none."""
        node = self.node(self.file, "metadata") if "metadata" in self.file else None
        if not isinstance(node, h5py.Dataset) or node.shape != () or not h5py.check_string_dtype(node.dtype):
            return None
        if max(node.dtype.itemsize, node.id.get_storage_size()) > min(MAX_METADATA_BYTES, self.size):
            return None
        return str(node.asstr()[()])

    def word(self, name: str) -> str | None:
        """A short word in the attributes of the file; None where there is none."""
        if name not in self.file.attrs:
            return None
        attribute = self.file.attrs.get_id(name)
        if attribute.shape != () or not h5py.check_string_dtype(attribute.dtype) or attribute.dtype.itemsize > 512:
            return None
        return str(self.file.attrs[name])


def claimed_bytes(node: h5py.Dataset) -> int:
    """What an array takes in memory, by what its file says: any number at all."""
    return math.prod(int(length) for length in node.shape or ()) * int(node.dtype.itemsize)


def _metadata(opened: Opened, form: str, version: int) -> tuple[dict[str, Any], str]:
    path, text = opened.path, opened.metadata()
    if text is None:
        raise InputError(f"{path} is not a file of efnn: it has no /metadata string")
    metadata = parse_json(text)
    if metadata.get("format") != form:
        raise InputError(f"{path}: wanted a file of format {form}, found {metadata.get('format')}")
    if not isinstance(metadata.get("schema_version"), int) or metadata["schema_version"] < 1:
        raise InputError(f"{path} has no valid schema version")
    if metadata["schema_version"] > version:
        raise InputError(
            f"{path} has schema version {metadata['schema_version']}, this efnn reads up to {version}",
            "it was written by a newer efnn: update with pip install -U",
        )
    return metadata, text


class _Collected:
    """All arrays of a file but /metadata; refuses more of them, and more bytes, than the file can hold."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.room = opened.size
        self.places = MAX_ARRAYS
        self.arrays: dict[str, NDArray[Any]] = {}
        self._gather(opened.file, "", 0)
        del self.arrays["metadata"]

    def _gather(self, group: h5py.Group, prefix: str, depth: int) -> None:
        for name in group:
            self.places -= 1
            if self.places < 0 or depth > MAX_DEPTH:
                self.opened.refuse(prefix + name, "is one of too many, or nested too deeply")
            node = self.opened.node(group, name, prefix)
            if isinstance(node, h5py.Group):
                self._gather(node, f"{prefix}{name}/", depth + 1)
            else:
                self.arrays[prefix + name] = self._array(node, prefix + name)

    def _array(self, node: h5py.Dataset, name: str) -> NDArray[Any]:
        if name == "metadata":
            return np.zeros(())
        self.room -= claimed_bytes(node)
        if self.room < 0 or node.dtype.kind not in "fiub" or node.shape is None:
            self.opened.refuse(name, f"claims {claimed_bytes(node)} bytes of {node.dtype}")
        return np.asarray(node[()])
