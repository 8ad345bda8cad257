"""Run folders: `outputs/<system>-<model>-d<depth>-s<seed>-<hash8>/` and the files in one.

config.yaml   resolved configuration           last.h5       state to go on from
run.log       everything that was said         best.h5       weights of the best validation epoch
metrics.csv   one row an epoch                 summary.json  the result; written last, marks the run finished
lock          held by the process that trains

`train --overwrite` works in `.new/` inside the folder. When that run is finished it takes the place of the old one:
the old summary.json goes first and the new one comes last, so that a kill in between leaves a finished `.new/`, and
the next `train` of that folder completes the exchange.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

from efnn_cli.errors import InputError
from efnn_cli.storage import atomic, documents
from efnn_cli.training.rows import EpochRow

OUTPUTS = Path("outputs")
COLUMNS = [each.name for each in dataclasses.fields(EpochRow)]
FILES = ("config.yaml", "run.log", "metrics.csv", "last.h5", "best.h5", "summary.json")  # the mark of the end last
EXTRAPOLATION = "extrapolation"
DERIVED = ("predictions-*.h5", f"{EXTRAPOLATION}.*")  # what other commands put there, by the weights of the run
LEFTOVERS = ("lock", "run.log", ".new", ".probe-*", "*.tmp")  # what a process killed at its start may leave
FIGURES = ("parameters", "epochs", "seconds", "samples_per_second")
PARTS = ("train", "val", "test")


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
    def successor(self) -> RunFolder:
        """Where the run that is to replace this one is trained."""
        return RunFolder(self.path / ".new")

    @property
    def empty(self) -> bool:
        """Whether nothing is there but what a process killed at its start may leave."""
        return all(any(each.match(pattern) for pattern in LEFTOVERS) for each in self.path.iterdir())

    @property
    def begun(self) -> bool:
        """Whether there is a configuration."""
        return os.path.exists(self.config_file)

    @property
    def finished(self) -> bool:
        """Whether the run has ended well."""
        return os.path.exists(self.summary_file)

    def holds(self, tag: str) -> bool:
        """Whether this is the run with the hash `tag`."""
        return self.begun and self.read_config().get("hash") == tag

    def write_config(self, config: dict[str, Any]) -> None:
        """Store the resolved configuration, for people; checkpoints carry their own copy."""
        documents.write_yaml(self.config_file, config)

    def read_config(self) -> dict[str, Any]:
        """The resolved configuration; raises `InputError` where it cannot be read."""
        return documents.read_yaml(self.config_file)

    def append_row(self, row: EpochRow) -> None:
        """Add one complete row to metrics.csv."""
        text = documents.table_text(COLUMNS, [dataclasses.asdict(row)], head=not os.path.exists(self.metrics_file))
        with atomic.writing(self.metrics_file), self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(text)

    def rows(self) -> list[dict[str, str]]:
        """The complete rows of metrics.csv; raises `InputError` where it is another table."""
        if not os.path.exists(self.metrics_file):
            return []
        return documents.read_table(self.metrics_file, COLUMNS, whole=("epoch", "step"))

    def history(self) -> list[EpochRow]:
        """The complete rows of metrics.csv, typed; raises `InputError` where they are none of ours."""
        try:
            return [_epoch_row(row) for row in self.rows()]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{self.metrics_file} cannot be read: {error}") from error

    def keep_rows(self, epoch: int) -> None:
        """Drop rows after `epoch`: a resumed run writes them again."""
        kept = [row for row in self.rows() if int(row["epoch"]) <= epoch]
        atomic.write_text(self.metrics_file, documents.table_text(COLUMNS, kept))

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Store the result; from now on the run is finished."""
        documents.write_json(self.summary_file, summary)

    def read_summary(self) -> dict[str, Any]:
        """The result; raises `InputError` where it cannot be read."""
        again = "remove it; the same efnn train then writes it again from last.h5"
        try:
            summary = documents.read_json(self.summary_file)
        except InputError as error:
            raise InputError(error.message, again) from error
        metrics = summary.get("metrics")
        values = metrics if isinstance(metrics, dict) else {}
        bad = [key for key in FIGURES if key not in values]
        bad += [part for part in PARTS if not isinstance(values.get(part), dict)]
        if bad:
            raise InputError(f"{self.summary_file} is not the summary of a run: it has no valid {bad[0]}", again)
        return summary

    def give_up_weights(self) -> None:
        """Remove the weights of a beginning that has no state to go on from."""
        with atomic.writing(self.best_file):
            self.best_file.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Remove files that killed processes have left half written."""
        for name in FILES:
            atomic.remove_leftovers(self.path / name)

    def clear(self) -> None:
        """Remove the whole folder."""
        with atomic.writing(self.path):
            if os.path.exists(self.path):
                shutil.rmtree(self.path)

    def take_successor(self) -> None:
        """Put the finished successor in the place of this run; may be repeated wherever it was killed."""
        new = self.successor
        with atomic.writing(self.path):
            self.summary_file.unlink(missing_ok=True)
            for path in [each for pattern in DERIVED for each in self.path.glob(pattern)]:
                path.unlink()
            for name in FILES:
                if os.path.exists(new.path / name):  # else it was moved before a kill
                    os.replace(new.path / name, self.path / name)
        new.clear()


def _epoch_row(cells: dict[str, str]) -> EpochRow:
    """One row of text; an empty cell is None."""
    whole = ("epoch", "step")
    values = {
        name: int(cells[name]) if name in whole else float(cells[name]) if cells[name] else None for name in COLUMNS
    }
    return EpochRow(**values)  # type: ignore[arg-type]
