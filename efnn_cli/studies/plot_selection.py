"""Which runs a figure is of, and what they are called in it."""

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
from efnn_cli.runs.folder import OUTPUTS, RunFolder
from efnn_cli.runs.rows import RunRow, list_runs, read_row

QUANTITIES = {"relative_error": "relative error", "rmse_over_std": "RMSE / std(E)", "rmse": "RMSE"}
TOLD = {"depth": "D={}", "width": "width {}", "samples": "{} samples", "L": "L={}", "seed": "seed {}"}
"""What tells runs apart in a legend, beside the network, in this order."""


@dataclass(frozen=True)
class Drawing:
    """A figure that can be drawn: whatever could be refused has been."""

    identity: Mapping[str, Any]
    """Plain values that decide the picture: they name its place."""
    draw: Callable[[Path], Path]
    """Writes STEM.png, STEM.svg and STEM.csv; returns the first."""
    metrics: Mapping[str, Any] = field(default_factory=dict)


def select(paths: Sequence[Path], conditions: Sequence[Condition], *, many: bool) -> list[RunRow]:
    """The runs at `paths`, else the finished ones that meet the conditions.

    Without either all of them if `many`, or the most recent one. Raises `InputError` where there is none.
    """
    if paths or not (conditions or many):
        rows = [read_row(RunFolder(path.parent if path.is_file() else path)) for path in paths or picked()]
    else:
        rows = [row for row in list_runs() if row.values["status"] == "finished"]
    found = chosen(rows, conditions)
    if not found:
        told = f"none of the {len(rows)} runs meets all conditions" if rows else f"no finished run in {OUTPUTS}/"
        raise InputError(told, "efnn runs shows them" if rows else "efnn train model=efnn depth=3")
    for row in found:
        _check(row)
    return found


def _check(row: RunRow) -> None:
    """Raise `InputError` where the configuration lacks what a figure names a run by."""
    file, model = row.folder.config_file, row.values["model"]
    if model not in MODELS:
        raise InputError(f"{file} is of another program: wanted model.name one of {', '.join(MODELS)}, found {model!r}")
    if "hash" not in row.config:
        raise InputError(f"{file} is not the configuration of a run: it has no hash")


def require_one_hamiltonian(rows: Sequence[RunRow]) -> None:
    """Raise `ConfigError` naming the choices where the runs are of several Hamiltonians, or sizes."""
    found = {json.dumps([row.config["system"], row.config.get("couplings_sha256")], sort_keys=True) for row in rows}
    if len(found) == 1:
        return
    for key in ("system", "L", *sorted({key for row in rows for key in row.settings if key.startswith("system.")})):
        values = sorted({str(row.get(key)) for row in rows})
        if len(values) > 1:
            choices = ", ".join(f"{key}={value}" for value in values)
            raise ConfigError(f"wanted runs of one Hamiltonian, found {choices}", f"add {key}={values[0]}")
    raise ConfigError("wanted runs of one Hamiltonian, found other couplings", "name the runs")


def limit(drawn: Sequence[object], most: int, what: str = "runs") -> None:
    """Raise `ConfigError` for more runs than a figure can tell apart."""
    if len(drawn) > most:
        raise ConfigError(
            f"wanted at most {most} {what} in one figure, found {len(drawn)}",
            "narrow the choice, for example with depth=3",
        )


def title(row: RunRow, keys: Sequence[str]) -> str:
    """The network as people write it, with the values of `keys` that it has."""
    parts = [TOLD[key].format(row.values[key]) for key in keys if row.values[key] is not None]
    return " ".join([MODELS[row.values["model"]].title, *parts])


def names(rows: Sequence[RunRow]) -> dict[str, RunRow]:
    """The runs by names that tell them apart: network and depth, what else differs, the hash where nothing does."""
    keys = [key for key in TOLD if key == "depth" or len({row.values[key] for row in rows}) > 1]
    titles = [title(row, keys) for row in rows]
    return {
        each if titles.count(each) == 1 else f"{each} {str(row.config['hash'])[:4]}": row
        for each, row in zip(titles, rows, strict=True)
    }


def groups(rows: Sequence[RunRow], *, apart: str) -> dict[str, list[RunRow]]:
    """The runs by network and depth, and by width, size of the training set and L where these differ in a group.

    `apart`, what the figure is drawn against, is never among the names; nor is the seed. Parameters follow the width.
    """
    own = {"width", "samples", "L"} - ({"width"} if apart == "parameters" else {apart})
    keys = [key for key in TOLD if key == "depth" or (key in own and len({row.values[key] for row in rows}) > 1)]
    found: dict[str, list[RunRow]] = {}
    order = sorted(rows, key=lambda row: (list(MODELS).index(row.values["model"]), *(row.values[k] or 0 for k in keys)))
    for row in order:
        found.setdefault(title(row, keys), []).append(row)
    return found


def quantity_of(values: Sequence[Mapping[str, Any]]) -> str:
    """The first of `QUANTITIES` that means something for all of `values`."""
    return next((key for key in QUANTITIES if all(each.get(key) for each in values)), "rmse")


def hashes(rows: Sequence[RunRow]) -> list[str]:
    """What names the runs, in the order of the figure."""
    return [str(row.config["hash"]) for row in rows]
