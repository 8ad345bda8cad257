"""Runs as CSV, and as a table that fits the terminal."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence

from efnn_cli.core.numbers import UNDEFINED, number
from efnn_cli.core.table import Table, facts
from efnn_cli.runs.folder import OUTPUTS, name_of
from efnn_cli.runs.listing import COLUMNS, RunRow
from efnn_cli.storage import documents

HIDDEN = ("variant", "samples", "planned_epochs", "budget", "error")  # kind and epochs tell most of it
SPARED = (
    "val_rmse",
    "field_rmse",
    "rmse",
    "model",
    "depth",
    "seed",
    "system",
    "width",
    "seconds",
    "parameters",
    "L",
    "lr",
    "status",
    "epochs",
    "relative_error",
    "field_relative_error",
)  # in this order, those that are equal for all runs first; the name of a run tells most of it
HEADS = {
    "run": f"run in {OUTPUTS}/",
    "relative_error": "rel. error",
    "rmse_over_std": "RMSE/std",
    "field_relative_error": "field error",
}  # others are named by their keys

LOGGER = logging.getLogger("efnn")


def as_text_csv(rows: Sequence[RunRow]) -> str:
    """Return every column as CSV, an empty cell where there is no value."""
    return documents.table_text(list(COLUMNS), (row.values for row in rows)).rstrip("\n")


def tables(rows: Sequence[RunRow], sort: str | None) -> list[Table]:
    """Return a line for every run, and the errors of those that failed.

    Columns are left out until a line fits, but for the one to `sort` by; first those that are equal for all runs.
    """
    room = shutil.get_terminal_size().columns
    cells = {key: [HEADS.get(key, key), *(_cell(row, key) for row in rows)] for key in COLUMNS if key not in HIDDEN}
    for key in [key for key, column in cells.items() if rows and set(column[1:]) == {UNDEFINED}]:
        del cells[key]
    left_out = []
    differ = [key for key in SPARED if key in cells and len(set(cells[key][1:])) > 1]
    for key in [*(key for key in SPARED if key not in differ), *differ]:
        if sum(max(map(len, column)) + 2 for column in cells.values()) - 2 <= room:
            break
        if key in cells and key != sort and not (key == "status" and key in differ):
            del cells[key]
            left_out.append(key)
    if left_out and rows:
        LOGGER.info("no room for %s: --csv or --json has every column", ", ".join(left_out))
    errors = {_cell(row, "run"): row.values["error"] for row in rows if row.values["error"]}
    lines = [list(line) for line in zip(*cells.values(), strict=True)]
    return [Table(lines[0], lines[1:], turns=False), *([facts(errors)] if errors else [])]


def _cell(row: RunRow, key: str) -> str:
    value = row.values[key]
    if key == "run":
        return name_of(row.folder.path)
    if key == "epochs" and value is not None:
        return f"{value}/{row.values['budget'] or row.values['planned_epochs']}"
    return number(value, 3)
