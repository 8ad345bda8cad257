"""One trial of a study: a run of `efnn train`, trained in this process, in a worker or on another machine.

A trial ends with an `Outcome`, not with an exception: a study continues when one training fails. Only a signal ends it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from efnn_cli.config.words import Request
from efnn_cli.core.console import Console
from efnn_cli.core.errors import InputError, InUseError, Stopped
from efnn_cli.core.failures import as_efnn_error
from efnn_cli.core.results import Failure, shown
from efnn_cli.datasets import find
from efnn_cli.runs.execute import obtain
from efnn_cli.runs.planning import Plan, Source, open_source, plan_on
from efnn_cli.storage import dataset

LOGGER = logging.getLogger("efnn")

FINISHED, FAILED, ELSEWHERE = "finished", "failed", "running elsewhere"


@dataclass(frozen=True)
class Outcome:
    """The result of a trial: its run folder, its metrics or the reason why there are none."""

    run: str
    status: str
    code: int = 0
    message: str = ""
    metrics: Mapping[str, Any] | None = None
    """The metrics of `summary.json`; None for a trial without a result."""


LOST = Outcome("", FAILED, 5, "its process has ended without a result: out of memory, or killed")


@dataclass(frozen=True)
class Trial:
    """One training of a study: the settings of `efnn train` and the dataset."""

    request: Request
    data: Path

    @cached_property
    def plan(self) -> Plan:
        """The run of this trial; raises `ConfigError` and `InputError`."""
        return plan_on([source_at(self.data)], self.request)

    @property
    def settings(self) -> str:
        """The settings as typed."""
        return " ".join(self.request.overrides)

    @property
    def finished(self) -> bool:
        """True if the run of this trial is finished."""
        folder = self.plan.folder
        return folder.finished and folder.holds(self.plan.tag)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the plan: a worker plans anew instead of receiving the dataset."""
        return {"request": self.request, "data": self.data}


@lru_cache(maxsize=4)
def source_at(path: Path) -> Source:
    """Return the dataset at `path`, which must have energies, cached: the trials of a study share it."""
    source = open_source(path)
    dataset.require_energies(source.data, path)
    return source


def train(trial: Trial, console: Console, *, overwrite: bool = False) -> Outcome:
    """Train, or find the finished run; raises `Stopped` after a signal and nothing else."""
    run = ""
    try:
        run = shown(trial.plan.folder.path)
        obtain(trial.plan, console, overwrite=overwrite)
        return Outcome(run, FINISHED, metrics=trial.plan.folder.read_summary()["metrics"])
    except Stopped:
        raise
    except InUseError as error:
        return Outcome(run, ELSEWHERE, 0, error.message)
    except Exception as error:  # noqa: BLE001 - the other trials continue, and this one is listed
        known = as_efnn_error(error, "train")
        return Outcome(run, FAILED, known.code, known.message)


def stored(trial: Trial) -> Outcome:
    """Return the outcome of a run that was finished earlier, and mark the run as the most recent one."""
    run = shown(trial.plan.folder.path)
    try:
        metrics = trial.plan.folder.read_summary()["metrics"]
    except InputError as error:
        return Outcome(run, FAILED, error.code, error.message)
    find.renew(trial.plan.folder.summary_file)
    return Outcome(run, FINISHED, metrics=metrics)


def failure_of(failed: Sequence[tuple[str, Outcome]], count: int) -> Failure | None:
    """Return the failure of a study of `count` trials, with the highest exit code of the `failed` ones.

    Each failed outcome comes with the settings of its trial.
    """
    if not failed:
        return None
    names = "; ".join(f"{settings}: {each.message} (exit {each.code})" for settings, each in failed)
    return Failure(
        max(each.code for _, each in failed),
        f"{len(failed)} of {count} runs failed: {names}",
        "run.log in the folder of a run has its traceback; the same command tries the failed ones again",
    )
