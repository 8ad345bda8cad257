"""The seal: a digest over the raw bytes of a file, verified before the HDF5 library sees any of them.

A single flipped bit can keep that library in an endless loop, and its own checksums cover the arrays alone. The seal
is an HDF5 user block of 512 bytes, which readers in all languages skip: a line of text, the SHA-256 of all that
follows the block in hexadecimal, and zeros. Files without one, made by others or by older versions, are tried out first
(trial.py).
"""

from __future__ import annotations

import hashlib
from io import BufferedReader
from pathlib import Path

from efnn_cli.core.errors import InputError

MAGIC = b"efnn HDF5 file; SHA-256 of all that follows these 512 bytes:\n"
BLOCK_BYTES = 512
DIGITS = 64


def seal(image: bytes) -> bytes:
    """The block to write before the HDF5 file `image`."""
    return (MAGIC + hashlib.sha256(image).hexdigest().encode() + b"\n").ljust(BLOCK_BYTES, b"\0")


def verify(path: Path, file: BufferedReader) -> bool:
    """Whether the open file has a seal; leaves it at its beginning. Raises `InputError` for one that does not match."""
    block = file.read(BLOCK_BYTES)
    sealed = block.startswith(MAGIC)
    if sealed:
        stored = block[len(MAGIC) : len(MAGIC) + DIGITS]
        if hashlib.file_digest(file, "sha256").hexdigest().encode() != stored:
            raise InputError(f"{path} is damaged or cut short: its checksum does not match its content")
    file.seek(0)
    return sealed
