"""Run folders: `outputs/<system>-<model>-d<depth>-s<seed>-<hash8>/` and the files in one.

config.yaml   resolved configuration           last.h5       state to go on from
run.log       everything that was said         best.h5       weights of the best validation epoch
metrics.csv   one row an epoch                 summary.json  the result; written last, marks the run finished
lock          held by the process that trains
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
from pathlib import Path
from typing import Any

import yaml

from efnn_cli.errors import InputError
from efnn_cli.storage import atomic
from efnn_cli.training.trainer import EpochRow

COLUMNS = [each.name for each in dataclasses.fields(EpochRow)]
PRODUCTS = ("summary.json", "metrics.csv", "last.h5", "best.h5", "run.log")
EXTRAPOLATION = "extrapolation"


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.yaml"
        self.log_file = path / "run.log"
        self.metrics_file = path / "metrics.csv"
        self.last_file = path / "last.h5"
        self.best_file = path / "best.h5"
        self.summary_file = path / "summary.json"
        self.lock_file = path / "lock"

    @property
    def begun(self) -> bool:
        """Whether there is a configuration."""
        return os.path.exists(self.config_file)

    @property
    def finished(self) -> bool:
        """Whether the run has ended well."""
        return os.path.exists(self.summary_file)

    def write_config(self, config: dict[str, Any]) -> None:
        """Store the resolved configuration, for people; checkpoints carry their own copy."""
        atomic.write_text(self.config_file, yaml.safe_dump(config, sort_keys=False))

    def read_config(self) -> dict[str, Any]:
        """The resolved configuration; raises `InputError` where it cannot be read."""
        try:
            config = yaml.safe_load(self.config_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeError, yaml.YAMLError) as error:
            raise InputError(f"{self.config_file} cannot be read: {error}") from error
        if not isinstance(config, dict):
            raise InputError(f"{self.config_file} is not the configuration of a run")
        return config

    def append_row(self, row: EpochRow) -> None:
        """Add one complete row to metrics.csv."""
        values = dataclasses.asdict(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        if not os.path.exists(self.metrics_file):
            writer.writeheader()
        writer.writerow({key: "" if value is None else value for key, value in values.items()})
        with atomic.writing(self.metrics_file), self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(text.getvalue())

    def rows(self) -> list[dict[str, str]]:
        """The complete rows of metrics.csv."""
        if not os.path.exists(self.metrics_file):
            return []
        text = self.metrics_file.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # a killed process may leave half a line
        return list(csv.DictReader(io.StringIO(whole)))

    def keep_rows(self, epoch: int) -> None:
        """Drop rows after `epoch`: a resumed run writes them again."""
        kept = [row for row in self.rows() if int(row["epoch"]) <= epoch]
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        atomic.write_text(self.metrics_file, text.getvalue())

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Store the result; from now on the run is finished."""
        atomic.write_text(self.summary_file, json.dumps(summary, indent=1, allow_nan=False) + "\n")

    def read_summary(self) -> dict[str, Any]:
        """The result; raises `InputError` where it cannot be read."""
        try:
            summary = json.loads(self.summary_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{self.summary_file} cannot be read: {error}") from error
        if not isinstance(summary, dict) or "metrics" not in summary:
            raise InputError(f"{self.summary_file} is not the summary of a run")
        return summary

    def clear(self) -> None:
        """Remove what an earlier run left, the mark of its end first."""
        with atomic.writing(self.path):
            for name in PRODUCTS:
                (self.path / name).unlink(missing_ok=True)
            for path in self.path.glob(f"{EXTRAPOLATION}.*"):
                path.unlink()
