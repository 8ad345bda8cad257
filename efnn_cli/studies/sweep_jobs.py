"""One run of a sweep, carried out anywhere: in this process, in a worker, on another machine.

What becomes of it is always an `Outcome`, never an exception: a sweep goes on when a run fails. Only a signal ends it.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from efnn_cli.config.compose import Request
from efnn_cli.core.console import Console
from efnn_cli.core.errors import EfnnError, InputError, InUseError, Stopped
from efnn_cli.core.failures import as_efnn_error
from efnn_cli.core.results import Failure, shown
from efnn_cli.datasets import find
from efnn_cli.runs.execute import obtain
from efnn_cli.runs.planning import Plan, Source, open_source, plan_on

LOGGER = logging.getLogger("efnn")

FINISHED, FAILED, ELSEWHERE = "finished", "failed", "running elsewhere"


@dataclass(frozen=True)
class Job:
    """One run: settings as typed, and the dataset that was picked for it."""

    index: int
    settings: tuple[str, ...]
    data: Path
    options: Mapping[str, object] = field(default_factory=dict)
    config_dir: Path | None = None

    @property
    def request(self) -> Request:
        """What `efnn train` is asked for."""
        return Request(self.settings, self.options, self.config_dir)

    @property
    def command(self) -> str:
        """The same as a line of the shell."""
        given = {"--data": self.data, "--device": self.options.get("device"), "--config-dir": self.config_dir}
        options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
        return shlex.join(["efnn", "train", *self.settings, *options])


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    index: int
    run: str
    status: str
    code: int = 0
    message: str = ""
    metrics: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@lru_cache(maxsize=4)
def source_at(path: Path) -> Source:
    """The dataset at `path`, kept: many jobs have the same."""
    return open_source(path)


def plan_job(job: Job) -> Plan:
    """The run that the job stands for."""
    return plan_on(source_at(job.data), job.request)


def carry_out(job: Job, console: Console, *, overwrite: bool = False) -> Outcome:
    """Train, or find trained; raises `Stopped` and nothing else."""
    run = ""
    try:
        plan = plan_job(job)
        run = shown(plan.folder.path)
        obtain(plan, console, overwrite=overwrite)
        metrics = plan.folder.read_summary()["metrics"]
        return Outcome(job.index, run, FINISHED, metrics=metrics)
    except Stopped:
        raise
    except InUseError as error:
        LOGGER.warning("%s: %s", run, error.message)
        return Outcome(job.index, run, ELSEWHERE, 0, error.message)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other runs go on and this one is listed
        return failed(job, run, as_efnn_error(error, ["train"]))


def stored(job: Job, plan: Plan) -> Outcome:
    """The outcome of a job that was finished before; asking for it has made it the most recent one."""
    run = shown(plan.folder.path)
    try:
        metrics = plan.folder.read_summary()["metrics"]
    except InputError as error:
        return failed(job, run, error)
    find.renew(plan.folder.summary_file)
    return Outcome(job.index, run, FINISHED, metrics=metrics)


def failed(job: Job, run: str, error: EfnnError) -> Outcome:
    """The outcome of a job that ended with `error`, which is said now and listed at the end."""
    LOGGER.warning("%s: %s", job.command, error.message)
    return Outcome(job.index, run, FAILED, error.code, error.message)


def failure_of(bad: Sequence[tuple[str, Outcome]], count: int) -> Failure | None:
    """The highest exit code among the failed of `count` runs, each with its settings, and which ones they are."""
    if not bad:
        return None
    names = "; ".join(f"{settings}: {each.message} (exit {each.code})" for settings, each in bad)
    return Failure(
        max(each.code for _, each in bad),
        f"{len(bad)} of {count} runs failed: {names}",
        "run.log in the folder of a run has its traceback; the same command tries the failed ones again",
    )
