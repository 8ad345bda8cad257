"""Reading what anybody may have put there: regular files only, of bounded size, as plain values.

Nothing read here can execute, wait for another process, or grow when it is parsed: FIFOs and devices are refused
without being opened, YAML has neither tags of Python nor aliases, and numbers are finite.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import stat
from collections.abc import Collection, Iterable
from io import BufferedReader
from pathlib import Path
from typing import Any

import yaml

from efnn_cli.errors import InputError

MAX_BYTES = 2**20  # a configuration has a thousand
MAX_TABLE_BYTES = 2**30
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


class _PlainLoader(yaml.SafeLoader):
    """Without aliases: a few of them stand for more than any memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias, which is refused")
        return super().compose_node(parent, index)


def read_yaml(path: Path) -> dict[str, Any]:
    """A mapping of plain values from a YAML file; raises `InputError` for anything else."""
    try:
        return plain_mapping(yaml.load(read_text(path), _PlainLoader))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def read_json(path: Path) -> dict[str, Any]:
    """A mapping of plain values from a JSON file; raises `InputError` for anything else."""
    try:
        return parse_json(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def parse_json(text: str) -> dict[str, Any]:
    """A mapping of plain values; raises `ValueError` for anything else."""
    try:
        return plain_mapping(json.loads(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_table(
    path: Path, columns: Iterable[str], *, whole: Collection[str] = (), words: Collection[str] = ()
) -> list[dict[str, str]]:
    """The complete rows of a CSV file with a head, as they stand.

    Raises `InputError` where it lacks one of `columns`, has a ragged row, or a cell that is no number (in the columns
    `whole`: no natural number); cells of `words` may be anything, and others empty.
    """
    text = read_text(path, MAX_TABLE_BYTES)
    complete = text[: text.rfind("\n") + 1]  # a killed process may leave half a line
    try:
        table = list(csv.reader(io.StringIO(complete, newline=""), strict=True))
    except csv.Error as error:
        raise InputError(f"{path} is not a table: {error}") from error
    if not table:
        return []
    head, *body = table
    lacks = [name for name in columns if name not in head]
    if lacks or len(set(head)) < len(head):
        raise InputError(f"{path} is not a table of efnn: wanted a column {(lacks or head)[0]!r}, once")
    rows = []
    for line, cells in enumerate(body, 2):
        if len(cells) != len(head):
            raise InputError(f"{path} is not a table of efnn: line {line} has not {len(head)} cells")
        rows.append(dict(zip(head, cells, strict=True)))
        for name, cell in rows[-1].items():
            good = name in words or (cell.isdecimal() if name in whole else not cell or _is_number(cell))
            if not good:
                raise InputError(f"{path}: line {line} has no valid {name}, found {cell[:20]!r}")
    return rows


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


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
