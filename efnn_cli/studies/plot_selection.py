"""The runs of a figure and their names in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.models import MODELS
from efnn_cli.runs.filters import Condition, chosen
from efnn_cli.runs.find import picked
from efnn_cli.runs.folder import OUTPUTS, RunFolder, by_name
from efnn_cli.runs.listing import RunRow, list_runs, read_row

MOST = 6  # runs or lines of different colours in one figure
QUANTITIES = {"relative_error": "relative error", "rmse_over_std": "RMSE / std(E)", "rmse": "RMSE (unit of the energy)"}
NAMED = {"depth": "D={}", "width": "width {}", "samples": "{} samples", "L": "L={}", "seed": "seed {}"}
"""Columns that distinguish runs in a legend, beside the network, in this order."""


@dataclass(frozen=True)
class Drawing:
    """A figure with all its numbers, ready to be drawn."""

    identity: Mapping[str, Any]
    """Plain values that decide the figure; the default file name is a hash of them."""
    draw: Callable[[Path], Path]
    """Write STEM.png, STEM.svg and STEM.csv, and return the first."""
    metrics: Mapping[str, Any] = field(default_factory=dict)


def select(paths: Sequence[Path], conditions: Sequence[Condition], *, many: bool) -> list[RunRow]:
    """Return the runs at `paths`, else the finished ones that meet the conditions.

    Without either: all of them if `many`, else the most recent one. Raises `InputError` if there is none.
    """
    if paths or not (conditions or many):
        rows = [
            read_row(RunFolder(path.parent if path.is_file() else path)) for path in map(by_name, paths or picked())
        ]
    else:
        rows = [row for row in list_runs() if row.values["status"] == "finished"]
    found = chosen(rows, conditions)
    if not found:
        reason = f"none of the {len(rows)} runs meets all conditions" if rows else f"no finished run in {OUTPUTS}/"
        raise InputError(reason, "efnn runs shows them" if rows else "efnn train model=efnn depth=3")
    return found


def require_one_hamiltonian(rows: Sequence[RunRow]) -> None:
    """Raise `ConfigError` naming the choices if the runs are of several Hamiltonians or sizes."""
    found = {json.dumps([row.config["system"], row.config.get("couplings_sha256")], sort_keys=True) for row in rows}
    if len(found) == 1:
        return
    for key in ("system", "L", *sorted({key for row in rows for key in row.settings if key.startswith("system.")})):
        values = sorted({str(row.get(key)) for row in rows})
        if len(values) > 1:
            choices = ", ".join(f"{key}={value}" for value in values)
            raise ConfigError(f"wanted runs of one Hamiltonian, found {choices}", f"add {key}={values[0]}")
    raise ConfigError("wanted runs of one Hamiltonian, found other couplings", "name the runs")


def limit(drawn: Sequence[object], kind: str = "runs") -> None:
    """Raise `ConfigError` for more runs than a figure has colours for."""
    if len(drawn) > MOST:
        raise ConfigError(
            f"wanted at most {MOST} {kind} in one figure, found {len(drawn)}",
            "narrow the choice, for example with depth=3",
        )


def title(row: RunRow, keys: Sequence[str]) -> str:
    """Return the name of the network in text, with the values of `keys` that it has."""
    parts = [NAMED[key].format(row.values[key]) for key in keys if row.values[key] is not None]
    return " ".join([MODELS[row.values["model"]].title, *parts])


def names(rows: Sequence[RunRow]) -> dict[str, RunRow]:
    """Return the runs by unique names: network, depth, other columns that differ, and the hash if none does."""
    keys = [key for key in NAMED if key == "depth" or len({row.values[key] for row in rows}) > 1]
    titles = [title(row, keys) for row in rows]
    return {
        each if titles.count(each) == 1 else f"{each} {str(row.config['hash'])[:4]}": row
        for each, row in zip(titles, rows, strict=True)
    }


def groups(rows: Sequence[RunRow], *, apart: str) -> dict[str, list[RunRow]]:
    """Return the runs by network and depth, and by width, samples and L where these differ.

    The names contain neither the seed nor `apart`, the column of the x axis. Parameters follow the width.
    """
    own = {"width", "samples", "L"} - ({"width"} if apart == "parameters" else {apart})
    keys = [key for key in NAMED if key == "depth" or (key in own and len({row.values[key] for row in rows}) > 1)]
    found: dict[str, list[RunRow]] = {}
    order = sorted(rows, key=lambda row: (list(MODELS).index(row.values["model"]), *(row.values[k] or 0 for k in keys)))
    for row in order:
        found.setdefault(title(row, keys), []).append(row)
    return found


def quantity_of(values: Sequence[Mapping[str, Any]]) -> str:
    """Return the first of `QUANTITIES` that all of `values` define."""
    return next((key for key in QUANTITIES if all(each.get(key) for each in values)), "rmse")


def hashes(rows: Sequence[RunRow]) -> list[str]:
    """Return the hashes of the runs, in the order of the figure."""
    return [str(row.config["hash"]) for row in rows]
