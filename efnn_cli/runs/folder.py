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

import contextlib
import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

from efnn_cli.core.errors import InputError, writing
from efnn_cli.core.results import shown
from efnn_cli.runs import forms
from efnn_cli.runs.forms import FIGURES, PARTS
from efnn_cli.storage import atomic, documents
from efnn_cli.storage.names import FILES
from efnn_cli.training.rows import EpochRow

OUTPUTS = Path("outputs")
EPOCH_COLUMNS = [each.name for each in dataclasses.fields(EpochRow)]
OF_RUN = "run"  # the hash of the run that a row is of
COLUMNS = [*EPOCH_COLUMNS, OF_RUN]
WHOLE = ("epoch", "step")
MAY_BE_EMPTY = ("val_relative_error", "val_rmse_over_std")
EXTRAPOLATION = "extrapolation"
DERIVED = ("predictions-*.h5", f"{EXTRAPOLATION}.*")  # what other commands put there, by the weights of the run
LEFTOVERS = ("lock", "run.log", ".new", ".probe-*", "*.tmp")  # what a process killed at its start may leave
START_AGAIN = "put its own file back, undo the change, or train anew: the same efnn train with --overwrite"
__all__ = ["EXTRAPOLATION", "FIGURES", "FILES", "OUTPUTS", "PARTS", "RunFolder"]


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

    @property
    def tag(self) -> str | None:
        """The hash of the run: that of its config.yaml, else the one in its name; None where neither tells."""
        return str(self.read_config()["hash"]) if self.begun else forms.tag_in_name(self.path)

    def holds(self, tag: str) -> bool:
        """Whether this is the run with the hash `tag`."""
        return self.begun and self.read_config()["hash"] == tag

    def require_own(self, path: Path, found: object, hint: str, tag: str | None = None) -> None:
        """Raise `InputError` where the file `path`, which says that it is of the run `found`, is of another one."""
        wanted = tag or self.tag
        if wanted is not None and found != wanted:
            raise forms.belongs_elsewhere(path, found, wanted, hint)

    def write_config(self, config: dict[str, Any]) -> None:
        """Store the resolved configuration, for people; checkpoints carry their own copy."""
        documents.write_yaml(self.config_file, config)

    def read_config(self) -> dict[str, Any]:
        """The resolved configuration, its values checked; raises `InputError` where it is none, or of another run."""
        config = documents.read_yaml(self.config_file)
        forms.check_config(self.config_file, config, START_AGAIN)
        named = forms.tag_in_name(self.path)
        if named not in (None, config["hash"]) and named in self._told():  # else the whole run was put under this name
            raise InputError(
                f"{self.config_file} was changed, or belongs to another run (found {config['hash']}, wanted {named})",
                START_AGAIN,
            )
        return config

    def _told(self) -> set[object]:
        """The hashes that the other files for people carry, as far as these can be read."""
        told: set[object] = set()
        with contextlib.suppress(InputError):
            told.add(documents.read_json(self.summary_file).get("hash"))
        with contextlib.suppress(InputError):
            told |= {row.get(OF_RUN) for row in self._table()}
        return told

    def append_row(self, row: EpochRow, tag: str) -> None:
        """Add one complete row of the run `tag` to metrics.csv."""
        cells = dataclasses.asdict(row) | {OF_RUN: tag}
        text = documents.table_text(COLUMNS, [cells], head=not os.path.exists(self.metrics_file))
        with writing(self.metrics_file), self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(text)

    def rows(self, tag: str | None = None) -> list[dict[str, str]]:
        """The complete rows of metrics.csv; raises `InputError` where it is another table, or of another run.

        `tag` is the hash of the run, where it is known already. Older tables do not say which run they are of.
        """
        hint = "put its own metrics.csv back, or remove it: the weights do not depend on it"
        if not os.path.exists(self.metrics_file):
            return []
        try:
            rows = self._table()
        except InputError as error:
            raise InputError(error.message, hint) from error
        for found in {row[OF_RUN] for row in rows if OF_RUN in row}:
            self.require_own(self.metrics_file, found, hint, tag)
        return rows

    def _table(self) -> list[dict[str, str]]:
        """The rows of metrics.csv, of whatever run; raises `InputError` where it is another table."""
        path = self.metrics_file
        rows = documents.read_table(path, EPOCH_COLUMNS, whole=WHOLE, words=(OF_RUN,), may_be_empty=MAY_BE_EMPTY)
        if any(list(row) not in (COLUMNS, EPOCH_COLUMNS) for row in rows):
            raise InputError(f"{path} is not a table of epochs of this efnn")
        epochs = [int(row["epoch"]) for row in rows]
        if epochs != sorted(set(epochs)) or 0 in epochs:
            raise InputError(f"{path}: wanted rows by epoch, from 1")
        return rows

    def history(self, tag: str | None = None) -> list[EpochRow]:
        """The rows of metrics.csv, typed."""
        return [_epoch_row(row) for row in self.rows(tag)]

    def keep_rows(self, epoch: int, tag: str) -> None:
        """Drop rows after `epoch`: a resumed run writes them again. The rows are those of the run `tag`."""
        kept = [row | {OF_RUN: tag} for row in self.rows(tag) if int(row["epoch"]) <= epoch]
        atomic.write_text(self.metrics_file, documents.table_text(COLUMNS, kept))

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Store the result; from now on the run is finished."""
        documents.write_json(self.summary_file, summary)

    def read_summary(self, tag: str | None = None) -> dict[str, Any]:
        """The result, its values checked; raises `InputError` where it is none, or of another run.

        `tag` is the hash of the run, where it is known already.
        """
        again = "remove it; the same efnn train then writes it again from last.h5"
        if not os.path.exists(self.last_file):
            again = START_AGAIN
        try:
            summary = documents.read_json(self.summary_file)
        except InputError as error:
            raise InputError(error.message, again) from error
        forms.check_summary(self.summary_file, summary, again)
        self.require_own(self.summary_file, summary.get("hash"), again, tag)
        return summary

    @property
    def stranded(self) -> bool:
        """Whether there are weights of a training that has not ended and cannot go on: to begin again replaces them."""
        return os.path.exists(self.best_file) and not os.path.exists(self.last_file) and not self.finished

    @property
    def without_state(self) -> str:
        """What can be done where last.h5 cannot be gone on from, and what becomes of the weights in best.h5."""
        if not os.path.exists(self.best_file):
            return "remove it, and the same command starts from the first epoch"
        return (
            "to go on, put its own last.h5 back; to train anew, the same efnn train with --overwrite, which leaves "
            f"best.h5 until it has ended; to use best.h5 as it is, efnn evaluate {shown(self.path)}; to begin again "
            "here, move best.h5 and last.h5 away"
        )

    def remove_leftovers(self) -> None:
        """Remove files that killed processes have left half written."""
        for name in FILES:
            atomic.remove_leftovers(self.path / name)

    def clear(self) -> None:
        """Remove the whole folder."""
        with writing(self.path):
            if os.path.exists(self.path):
                shutil.rmtree(self.path)

    def take_successor(self) -> None:
        """Put the finished successor in the place of this run; may be repeated wherever it was killed."""
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
    """One row of text; an empty cell is None."""
    values = {
        name: int(cells[name]) if name in WHOLE else float(cells[name]) if cells[name] else None
        for name in EPOCH_COLUMNS
    }
    return EpochRow(**values)  # type: ignore[arg-type]
