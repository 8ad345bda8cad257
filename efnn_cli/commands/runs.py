"""`efnn runs`: the runs under outputs/ as a table, chosen and sorted."""

from __future__ import annotations

import csv
import io
import logging
import shutil
import sys
from collections.abc import Sequence

from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result
from efnn_cli.runs.filters import check_key, chosen, ordered, parse
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.rows import COLUMNS, RunRow, list_runs

HIDDEN = ("variant", "samples", "planned_epochs", "budget")  # of the text: kind and epochs tell most of it
SPARED = ("val_rmse", "rmse", "model", "depth", "seed", "system", "width", "seconds", "parameters")  # in this order

LOGGER = logging.getLogger("efnn")


def run(
    console: Console,
    *,
    conditions: Sequence[str] = (),
    sort: str | None = None,
    reverse: bool = False,
    as_csv: bool = False,
    as_json: bool = False,
) -> Result:
    """All runs that meet the conditions; damaged ones too, with a warning."""
    if as_csv and as_json:
        raise ConfigError("--csv and --json were both given", "keep one of them")
    wanted = [parse(text) for text in conditions]
    if sort is not None:
        check_key(sort)
    every = list_runs()
    if not every:
        LOGGER.info("there is no run in %s/ yet: efnn train model=efnn depth=3 makes one", OUTPUTS)
    rows = chosen(every, wanted)
    if every and not rows:
        LOGGER.info("none of the %d runs in %s/ meets all conditions", len(every), OUTPUTS)
    if sort is not None or reverse:
        rows = ordered(rows, sort or "run", reverse=reverse)
    metrics = {"rows": [dict(row.values) for row in rows]}
    if as_csv:
        return Result("runs", metrics, text=as_text_csv(rows))
    return Result("runs", metrics, rows=() if as_json else table(rows, _room()), headed=True)


def _room() -> int | None:
    """Characters in a line of the terminal; None off one, where nobody has to see a whole line."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def as_text_csv(rows: Sequence[RunRow]) -> str:
    """Every column, an empty cell where there is no value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.values for row in rows)
    return text.getvalue().rstrip("\n")


def table(rows: Sequence[RunRow], room: int | None) -> list[list[str]]:
    """A head and a line for every run, in at most `room` characters where leaving out columns can do it."""
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
    """Characters of a line; sentences of errors, at its end, do not count."""
    return sum(max(map(len, column)) + 2 for key, column in cells.items() if key != "error") - 2


def _cell(row: RunRow, key: str) -> str:
    value = row.values[key]
    if key == "epochs" and value is not None:
        return f"{value}/{row.values['budget'] or row.values['planned_epochs']}"
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
