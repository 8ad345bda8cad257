"""Runs as CSV, and as a table that fits the terminal."""

from __future__ import annotations

import csv
import io
import logging
import shutil
import sys
from collections.abc import Sequence

from efnn_cli.runs.listing import COLUMNS, RunRow

HIDDEN = ("variant", "samples", "planned_epochs", "budget")  # of the text: kind and epochs tell most of it
SPARED = ("val_rmse", "rmse", "model", "depth", "seed", "system", "width", "seconds", "parameters")  # in this order

LOGGER = logging.getLogger("efnn")


def terminal_width() -> int | None:
    """Return the number of characters in a line of the terminal; None where stdout is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def as_text_csv(rows: Sequence[RunRow]) -> str:
    """Return every column as CSV, an empty cell where there is no value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.values for row in rows)
    return text.getvalue().rstrip("\n")


def table(rows: Sequence[RunRow], room: int | None) -> list[list[str]]:
    """Return a head and a line for every run; columns are left out until a line fits `room` characters."""
    cells = {key: [key, *(_cell(row, key) for row in rows)] for key in COLUMNS if key not in HIDDEN}
    empty = [key for key, column in cells.items() if rows and set(column[1:]) == {"-"}]
    for key in empty:
        del cells[key]
    left_out = []
    for key in SPARED:
        if room is not None and _width(cells) > room and key in cells:
            del cells[key]
            left_out.append(key)
    if left_out and rows:
        LOGGER.info("no room for %s: --csv or --json has every column", ", ".join(left_out))
    return [list(line) for line in zip(*cells.values(), strict=True)]


def _width(cells: dict[str, list[str]]) -> int:
    """Return the characters of a line without the sentence of an error at its end."""
    return sum(max(map(len, column)) + 2 for key, column in cells.items() if key != "error") - 2


def _cell(row: RunRow, key: str) -> str:
    value = row.values[key]
    if key == "epochs" and value is not None:
        return f"{value}/{row.values['budget'] or row.values['planned_epochs']}"
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
