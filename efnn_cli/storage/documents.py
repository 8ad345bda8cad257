"""YAML, JSON and CSV files: plain text that a person can edit and any program can read."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from efnn_cli.core.errors import InputError
from efnn_cli.storage.atomic import write_text
from efnn_cli.storage.reading import parse_json, read_text, reason, require_mapping

OLD_CHECKSUM = "crc32"  # a column that older versions wrote
FAST_SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there


def write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    """Write a mapping of plain values, atomically."""
    write_text(path, yaml.safe_dump(dict(values), sort_keys=False))


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a mapping of plain values; raises `InputError` for anything else."""
    try:
        return require_mapping(yaml.load(read_text(path), FAST_SAFE_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.context_mark or error.problem_mark  # where what is wrong begins
        where = "" if mark is None else f", line {mark.line + 1}"
        raise InputError(f"{path}{where} cannot be read: {error.problem or reason(error)}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a mapping of plain values, atomically."""
    write_text(path, json.dumps(values, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return a mapping of plain values; raises `InputError` for anything else."""
    try:
        return parse_json(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, head: bool = True) -> str:
    """Return rows as CSV, None as an empty cell; with the names of the columns where it begins a file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if head:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_table(
    path: Path,
    columns: Iterable[str],
    *,
    whole: Collection[str] = (),
    words: Collection[str] = (),
    may_be_empty: Collection[str] = (),
) -> list[dict[str, str]]:
    """Return the complete rows of a CSV file with a head, as text.

    Cells are finite numbers. Those of the columns `whole` are natural numbers, those of `words` anything, and those of
    `may_be_empty` may be empty. Raises `InputError` for other cells, a ragged row or a missing column.
    """
    text = read_text(path)
    complete = text[: text.rfind("\n") + 1]  # a killed process may leave half a line
    table = csv.DictReader(io.StringIO(complete))
    head = table.fieldnames or []
    if complete and (missing := [name for name in columns if name not in head]):
        raise InputError(f"{path} is not a table of efnn: wanted a column {missing[0]!r}")
    rows = []
    for row in table:
        if None in row or None in row.values():
            raise InputError(f"{path} is not a table of efnn: line {table.line_num} has not {len(head)} cells")
        row.pop(OLD_CHECKSUM, None)
        for name, cell in row.items():
            good = _is_whole(cell) if name in whole else name in words or _is_finite(cell)
            if not good and not (name in may_be_empty and cell == ""):
                raise InputError(f"{path}: line {table.line_num} has no valid {name}, found {cell[:20]!r}")
        rows.append(row)
    return rows


def _is_whole(cell: str) -> bool:
    return cell.isascii() and cell.isdecimal() and len(cell) < 20


def _is_finite(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
