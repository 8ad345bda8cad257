"""YAML, JSON and CSV files for people, each with a checksum, so that a changed digit is found there too.

    YAML  a comment in the first line: the SHA-256 of all lines below
    JSON  a key "sha256": of the rest, in canonical form
    CSV   a last column "crc32": of the other cells of the row

Files without one, made by older versions or by hand, are read as they are. YAML has neither tags of Python nor aliases,
a few of which stand for more than any memory holds.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from efnn_cli.core.errors import InputError
from efnn_cli.storage.atomic import write_text
from efnn_cli.storage.reading import parse_json, plain_mapping, read_text, reason

MAX_TABLE_BYTES = 2**30
MARK = "# sha256 of all lines below: "
DIGEST = "sha256"
CRC = "crc32"
FIGURES = (1e-200, 1e200)  # sizes of any measured number but 0: it can be drawn, and computed with
MAX_WHOLE = 2**63 - 1
ANCHOR = "&"  # without one there is no alias
FAST_SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there


def write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    """Write a mapping of plain values, atomically."""
    text = yaml.dump(dict(values), Dumper=_PlainDumper, sort_keys=False)
    write_text(path, f"{MARK}{_sha256(text)}\n{text}")


def read_yaml(path: Path) -> dict[str, Any]:
    """A mapping of plain values; raises `InputError` for anything else, and where the checksum does not match."""
    text = read_text(path)
    head, _, below = text.partition("\n")
    if head.startswith(MARK) and head != MARK + _sha256(below):
        raise InputError(
            f"{path} was changed: its checksum does not match its content",
            "undo the change; for other settings start a new run with efnn train KEY=VALUE",
        )
    try:
        if ANCHOR in text:
            return plain_mapping(yaml.load(text, _PlainLoader))
        return plain_mapping(yaml.load(text, FAST_SAFE_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.context_mark or error.problem_mark  # where what is wrong begins
        where = "" if mark is None else f", line {mark.line + 1}"
        raise InputError(f"{path}{where} cannot be read: {error.problem or reason(error)}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


class _PlainLoader(yaml.SafeLoader):
    """Without aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias, which is refused")
        return super().compose_node(parent, index)


class _PlainDumper(yaml.SafeDumper):
    """Equal lists are written out twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a mapping of plain values, atomically."""
    write_text(path, json.dumps({**values, DIGEST: _canonical(values)}, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """A mapping of plain values; raises `InputError` for anything else, and where the checksum does not match."""
    try:
        values = parse_json(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error
    if DIGEST in values and values.pop(DIGEST) != _canonical(values):
        raise InputError(f"{path} is damaged: its checksum does not match its content")
    return values


def _canonical(values: Mapping[str, Any]) -> str:
    return _sha256(json.dumps(values, sort_keys=True, allow_nan=False))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, head: bool = True) -> str:
    """Rows as CSV, None as an empty cell; with the names of the columns where it begins a file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if head:
        writer.writerow([*columns, CRC])
    for row in rows:
        cells = ["" if row[name] is None else str(row[name]) for name in columns]
        writer.writerow([*cells, _crc(cells)])
    return text.getvalue()


def _crc(cells: Iterable[str]) -> str:
    return f"{zlib.crc32(chr(0).join(cells).encode()):08x}"


def read_table(
    path: Path,
    columns: Iterable[str],
    *,
    whole: Collection[str] = (),
    words: Collection[str] = (),
    may_be_empty: Collection[str] = (),
    signed: Collection[str] = (),
) -> list[dict[str, str]]:
    """The complete rows of a CSV file with a head, as they stand.

    Raises `InputError` where a checksum does not match, where it lacks one of `columns`, has a ragged row, or a cell
    that is no figure (`is_figure`). Those of the columns `whole` must be natural numbers, those of `signed` may be
    below 0, those of `may_be_empty` may say nothing, and those of `words` anything.
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
        row = dict(zip(head, cells, strict=True))
        if CRC in row and row.pop(CRC) != _crc(row.values()):
            raise InputError(f"{path} is damaged: line {line} does not match its checksum")
        rows.append(row)
        for name, cell in row.items():
            good = (
                name in words
                or (not cell and name in may_be_empty)
                or (_is_whole(cell) if name in whole else _is_number(cell, signed=name in signed))
            )
            if not good:
                raise InputError(f"{path}: line {line} has no valid {name}, found {cell[:20]!r}")
    return rows


def _is_whole(cell: str) -> bool:
    return cell.isascii() and cell.isdecimal() and len(cell) <= len(str(MAX_WHOLE)) and int(cell) <= MAX_WHOLE


def _is_number(cell: str, *, signed: bool) -> bool:
    try:
        return is_figure(float(cell), signed=signed)
    except ValueError:
        return False


def is_figure(value: float, *, signed: bool = False) -> bool:
    """Whether `value` can have been measured: 0, or of a size that may be computed with; below 0 where `signed`."""
    size = abs(value) if signed else value
    return value == 0 or FIGURES[0] <= size <= FIGURES[1]
