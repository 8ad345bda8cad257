"""Reading what anybody may have put there: regular files of bounded size, and plain values.

Nothing read here can execute or wait for another process: FIFOs and devices are refused without being opened.
"""

from __future__ import annotations

import json
import math
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

from efnn_cli.core.errors import InputError

MAX_BYTES = 2**20  # a configuration has a thousand
MAX_DEPTH = 64
MAX_BITS = 64  # of an integer
NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def open_regular(path: Path) -> BufferedReader:
    """`path`, open for reading; raises `InputError` for what is missing, no regular file, or not to be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{path} is not a regular file")
        return os.fdopen(os.open(path, os.O_RDONLY | NO_WAIT), "rb")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a name that the system cannot have
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error


def size_of(file: BufferedReader) -> int:
    """Bytes in an open file."""
    return os.fstat(file.fileno()).st_size


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """A text file of at most `limit` bytes; raises `InputError` for anything else."""
    with open_regular(path) as file:
        try:
            content = file.read(limit + 1)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > limit:
        raise InputError(f"{path} is too large: wanted at most {limit} bytes")
    try:
        return content.decode()
    except UnicodeError as error:
        raise InputError(f"{path} is not a text file: {error}") from error


def parse_json(text: str) -> dict[str, Any]:
    """A mapping of plain values; raises `ValueError` for anything else."""
    try:
        return plain_mapping(json.loads(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def plain_mapping(value: Any) -> dict[str, Any]:
    """`value`; raises `ValueError` unless it is a mapping of finite numbers, words, lists and mappings by name."""
    if not isinstance(value, dict):
        raise ValueError(f"wanted a mapping of keys, found {type(value).__name__}")
    _check_plain(value, 0)
    return value


def _check_plain(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"wanted names as keys, found {key!r}")
            _check_plain(key, depth + 1)
            _check_plain(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, depth + 1)
    elif isinstance(value, str):
        value.encode()  # half a character, which JSON can say, is a ValueError
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"wanted finite numbers, found {value}")
    elif isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise ValueError(f"found an integer of {value.bit_length()} bits")
    elif value is not None:
        raise ValueError(f"wanted plain values, found a {type(value).__name__}")


def reason(error: BaseException) -> str:
    """The first line of what a library says."""
    text = str(error).strip("'\"")
    return text.splitlines()[0] if text else type(error).__name__
