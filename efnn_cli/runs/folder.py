"""Run folders: `outputs/<system>-<model>-d<depth>-s<seed>-<hash8>/` and the files in one.

config.yaml   resolved configuration           last.h5       state of the trainer, to resume from
run.log       log messages                     best.h5       weights of the best validation epoch
metrics.csv   one row an epoch                 summary.json  the result; written last, marks the run finished
lock          held by the process that trains

`train --overwrite` works in `.new/` inside the folder. The finished new run then replaces the old one, file by file:
the old summary.json is removed first, and the new one is moved last. A kill in between leaves a finished `.new/`, and
the next `train` of that folder completes the replacement.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from efnn_cli.core.errors import InputError, writing
from efnn_cli.core.results import shown
from efnn_cli.runs.stored import check_config, check_summary
from efnn_cli.storage import atomic, documents
from efnn_cli.storage.names import FILES
from efnn_cli.training.history import EpochRow

OUTPUTS = Path("outputs")
EPOCH_COLUMNS = [each.name for each in dataclasses.fields(EpochRow)]
OF_RUN = "run"  # the hash of the run that a row is of
COLUMNS = [*EPOCH_COLUMNS, OF_RUN]
WHOLE = ("epoch", "step")
OF_FIELDS = ("train_field_rmse", "val_field_rmse")  # columns that older tables do not have
MAY_BE_EMPTY = ("val_relative_error", "val_rmse_over_std", *OF_FIELDS)
EXTRAPOLATION = "extrapolation"
DERIVED = ("predictions-*.h5", f"{EXTRAPOLATION}.*")  # results of other commands, by the weights of the run
LEFTOVERS = ("lock", "run.log", ".new", ".probe-*", "*.tmp")  # of a process killed at its start
START_AGAIN = "put its own file back, undo the change, or train anew: the same efnn train with --overwrite"


def name_of(path: Path) -> str:
    """Return the path of a run for people: without `outputs/`, where it lies there."""
    return shown(path).removeprefix(f"{OUTPUTS}/")


def by_name(path: Path) -> Path:
    """Return `path`; where nothing is there, that of the run which `name_of` calls so, if there is one."""
    inside = OUTPUTS / path
    return inside if not os.path.exists(path) and os.path.exists(inside) else path


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
        """The folder in which a replacement of this run is trained."""
        return RunFolder(self.path / ".new")

    @property
    def empty(self) -> bool:
        """True where nothing is there but leftovers of a process killed at its start."""
        return all(any(each.match(pattern) for pattern in LEFTOVERS) for each in self.path.iterdir())

    @property
    def begun(self) -> bool:
        """True where there is a configuration."""
        return os.path.exists(self.config_file)

    @property
    def finished(self) -> bool:
        """True where there is a result."""
        return os.path.exists(self.summary_file)

    def holds(self, tag: str) -> bool:
        """Return whether this is the run with the hash `tag`."""
        return self.begun and self.read_config()["hash"] == tag

    def require_own(self, path: Path, found: object, hint: str, tag: str | None = None) -> None:
        """Raise `InputError` where `found`, the hash in the file `path`, is not that of this run, `tag` where known."""
        wanted = tag or (self.read_config()["hash"] if self.begun else found)
        if found != wanted:
            raise InputError(f"{path} belongs to another run (found {found}, wanted {wanted})", hint)

    def write_config(self, config: dict[str, Any]) -> None:
        """Store the resolved configuration, for people; checkpoints have a copy of their own."""
        documents.write_yaml(self.config_file, config)

    def read_config(self) -> dict[str, Any]:
        """Return the resolved configuration; raise `InputError` where it is none, or was changed."""
        config = documents.read_yaml(self.config_file)
        check_config(self.config_file, config, START_AGAIN)
        return config

    def append_row(self, row: EpochRow, tag: str) -> None:
        """Add one complete row of the run `tag` to metrics.csv."""
        cells = dataclasses.asdict(row) | {OF_RUN: tag}
        text = documents.table_text(COLUMNS, [cells], head=not os.path.exists(self.metrics_file))
        with writing(self.metrics_file), self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(text)

    def rows(self, tag: str | None = None) -> list[dict[str, str]]:
        """Return the complete rows of metrics.csv; raise `InputError` where it is another table, or of another run.

        `tag` is the hash of the run, where it is known already. Older tables have no column for it.
        """
        hint = "put its own metrics.csv back, or remove it: the weights do not depend on it"
        path = self.metrics_file
        if not os.path.exists(path):
            return []
        needed = [name for name in EPOCH_COLUMNS if name not in OF_FIELDS]
        try:
            rows = documents.read_table(path, needed, whole=WHOLE, words=(OF_RUN,), may_be_empty=MAY_BE_EMPTY)
        except InputError as error:
            raise InputError(error.message, hint) from error
        epochs = [int(row["epoch"]) for row in rows]
        if epochs != sorted(set(epochs)):
            raise InputError(f"{path}: wanted rows by epoch, from 1", hint)
        for found in {row[OF_RUN] for row in rows if OF_RUN in row}:
            self.require_own(path, found, hint, tag)
        return [dict.fromkeys(OF_FIELDS, "") | row for row in rows]

    def history(self, tag: str | None = None) -> list[EpochRow]:
        """Return the rows of metrics.csv, typed."""
        return [_epoch_row(row) for row in self.rows(tag)]

    def keep_rows(self, epoch: int, tag: str) -> None:
        """Drop rows after `epoch`, which a resumed run writes again; `tag` is the hash of the run."""
        self.write_rows([row for row in self.rows(tag) if int(row["epoch"]) <= epoch], tag)

    def write_rows(self, rows: Iterable[Mapping[str, str]], tag: str) -> None:
        """Write metrics.csv anew, as rows of the run with the hash `tag`."""
        own = [{name: row[name] for name in EPOCH_COLUMNS} | {OF_RUN: tag} for row in rows]
        atomic.write_text(self.metrics_file, documents.table_text(COLUMNS, own))

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Store the result, which finishes the run."""
        documents.write_json(self.summary_file, summary)

    def read_summary(self, tag: str | None = None) -> dict[str, Any]:
        """Return the result; raise `InputError` where it is none, or of another run.

        `tag` is the hash of the run, where it is known already.
        """
        again = "remove it; the same efnn train then writes it again from last.h5"
        if not os.path.exists(self.last_file):
            again = START_AGAIN
        try:
            summary = documents.read_json(self.summary_file)
        except InputError as error:
            raise InputError(error.message, again) from error
        check_summary(self.summary_file, summary, again)
        self.require_own(self.summary_file, summary.get("hash"), again, tag)
        return summary

    @property
    def stranded(self) -> bool:
        """True where weights of an unfinished training are left without the state to resume it."""
        return os.path.exists(self.best_file) and not os.path.exists(self.last_file) and not self.finished

    @property
    def without_state(self) -> str:
        """The hint where last.h5 cannot be resumed from; it protects the weights in best.h5."""
        if not os.path.exists(self.best_file):
            return "remove it, and the same command starts from the first epoch"
        return (
            "to go on, put its own last.h5 back; to train anew, the same efnn train with --overwrite, which leaves "
            f"best.h5 until it has ended; to use best.h5 as it is, efnn evaluate {shown(self.path)}; to begin again "
            "here, move best.h5 and last.h5 away"
        )

    def remove_leftovers(self) -> None:
        """Remove temporary files of killed processes."""
        for name in FILES:
            atomic.remove_leftovers(self.path / name)

    def clear(self) -> None:
        """Remove the whole folder."""
        with writing(self.path):
            if os.path.exists(self.path):
                shutil.rmtree(self.path)

    def take_successor(self) -> None:
        """Replace this run by its finished successor; may be repeated wherever it was killed."""
        new = self.successor
        with writing(self.path):
            self.summary_file.unlink(missing_ok=True)
            for path in [each for pattern in DERIVED for each in self.path.glob(pattern)]:
                path.unlink()
            for name in FILES:
                if os.path.exists(new.path / name):  # else it was moved before a kill
                    os.replace(new.path / name, self.path / name)
        new.clear()


def _epoch_row(cells: dict[str, str]) -> EpochRow:
    """Return one row of text, typed; an empty cell is None."""
    values = {
        name: int(cells[name]) if name in WHOLE else float(cells[name]) if cells[name] else None
        for name in EPOCH_COLUMNS
    }
    return EpochRow(**values)  # type: ignore[arg-type]
