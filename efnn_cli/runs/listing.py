"""List run folders as rows of a table: settings, status, epochs and errors.

Reads small text files only, without torch and h5py, so that a list of many runs appears at once.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.config.keys import kind_of
from efnn_cli.config.recipes import flat
from efnn_cli.core.errors import InputError
from efnn_cli.core.results import shown
from efnn_cli.runs.folder import OUTPUTS, RunFolder
from efnn_cli.runs.stored import validation_error
from efnn_cli.storage.lock import held
from efnn_cli.storage.names import FILES

COLUMNS = {
    "run": str, "status": str, "system": str, "variant": str, "L": int, "model": str, "depth": int, "width": int,
    "seed": int, "samples": int, "parameters": int, "epochs": int, "planned_epochs": int, "budget": str, "lr": float,
    "relative_error": float, "rmse_over_std": float, "rmse": float, "field_relative_error": float, "field_rmse": float,
    "val_rmse": float, "seconds": float, "error": str,
}  # fmt: skip
"""Every column and its type. `samples` are those of the dataset; errors without a prefix are of the test split."""
OF_TEST = ("relative_error", "rmse_over_std", "rmse", "field_relative_error", "field_rmse")
STATUSES = ("finished", "running", "failed", "unfinished", "unreadable")
RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]+) (.*)$", re.MULTILINE)
LOG_END = 65536  # bytes of run.log that are searched for its last record

LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class RunRow:
    """One run: its `values` by column (None where there is none), and its whole configuration."""

    folder: RunFolder
    values: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration under dotted names, such as `system.J`."""
        return dict(flat(self.config))

    def get(self, key: str) -> Any:
        """Return the value of a column or, by its dotted name, of a setting; None where the run has none."""
        return self.values[key] if key in COLUMNS else self.settings.get(key)


def list_runs(outputs: Path = OUTPUTS) -> list[RunRow]:
    """Return the rows of all run folders in `outputs` by name; damaged ones are `unreadable`, with a warning."""
    if not os.path.isdir(outputs):
        return []
    try:
        folders = sorted(path for path in outputs.iterdir() if _is_run(path))
    except OSError as error:
        raise InputError(f"{outputs} cannot be read: {error.strerror}") from error
    return [row_or_warning(RunFolder(path)) for path in folders]


def _is_run(path: Path) -> bool:
    """Return whether there is more than the lock and the log of a training."""
    return any(os.path.exists(path / name) for name in FILES if name != "run.log")


def row_or_warning(folder: RunFolder) -> RunRow:
    """Return the row of a run; for a damaged one log a warning, and return its name and the error."""
    try:
        return read_row(folder)
    except InputError as error:
        LOGGER.warning("%s is unreadable: %s", shown(folder.path), error.message)
        values = {"run": shown(folder.path), "status": "unreadable", "error": error.message}
        return RunRow(folder, dict.fromkeys(COLUMNS) | values, {})


def read_row(folder: RunFolder) -> RunRow:
    """Return the row of a run; raise `InputError` where one of its files cannot be read."""
    config = folder.read_config()
    values = dict.fromkeys(COLUMNS) | _identity(config) | _reached(folder, config["hash"])
    status, error_text = _status(folder)
    return RunRow(folder, values | {"run": shown(folder.path), "status": status, "error": error_text}, config)


def _identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of network, dataset and planned length."""
    system, model, training = config["system"], config["model"], config["training"]
    budget = None if training is None else training.get("budget")
    return {
        "system": kind_of(system["name"], system.get("variant")),
        "variant": system.get("variant"),
        "L": system["L"],
        "model": model["name"],
        "depth": model.get("depth"),
        "width": model.get("width"),
        "seed": config["seed"],
        "samples": config["dataset"]["samples"],
        "planned_epochs": 1 if training is None else training.get("epochs") if budget is None else None,
        "budget": budget,
        "lr": None if training is None else training.get("lr"),
    }


def _reached(folder: RunFolder, tag: str) -> dict[str, Any]:
    """Return the columns of the epochs so far, and of the errors of the best weights."""
    if folder.finished:
        metrics = folder.read_summary(tag)["metrics"]
        test = {key: metrics["test"].get(key) for key in OF_TEST}
        own = {"val_rmse": validation_error(metrics), "seconds": metrics["seconds"]}
        return {"parameters": metrics["parameters"], "epochs": metrics["epochs"], **test, **own}
    rows = folder.history(tag)
    if not rows:
        return {"epochs": 0}
    return {"epochs": rows[-1].epoch, "val_rmse": min(row.val_rmse for row in rows), "seconds": rows[-1].seconds}


def _status(folder: RunFolder) -> tuple[str, str | None]:
    """Return the status, and the last sentence of a failed run."""
    if folder.finished:
        return "finished", None
    if held(folder.lock_file):
        return "running", None
    error = last_error(folder.log_file)
    return ("unfinished", None) if error is None else ("failed", error)


def last_error(log: Path) -> str | None:
    """Return the error that `log` ends with; None where it ends otherwise."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.path.getsize(log) - LOG_END))
            text = file.read().decode(errors="replace")
    except OSError:
        return None
    records = list(RECORD.finditer(text))
    return records[-1][2] if records and records[-1][1] == "ERROR" else None
