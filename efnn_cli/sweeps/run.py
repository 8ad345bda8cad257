"""`efnn train -m`: many runs from one command, each in its own folder, as if they had been asked for one by one."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.configuration.compose import Request, compose
from efnn_cli.configuration.training import train_config
from efnn_cli.console import Console
from efnn_cli.errors import ConfigError, InputError, Interrupted, Stopped
from efnn_cli.planning import Plan, choose_source
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.storage import atomic, lock
from efnn_cli.sweeps.jobs import FAILED, FINISHED, Job, Outcome, carry_out, plan_job, stored
from efnn_cli.sweeps.multirun import check_launcher, expand, launch, split_launcher

LOGGER = logging.getLogger("efnn")
SCRATCH = ".sweep-"
OWNER = ".owner"
KEPT_SECONDS = 3 * 86_400


@dataclass(frozen=True)
class Sweep:
    """All runs of a command, and how Hydra launches them."""

    jobs: list[Job]
    plans: list[Plan]
    launcher: list[str]

    def unfinished(self, *, overwrite: bool) -> list[int]:
        """Which jobs there is something to do for."""
        done = [plan.folder.finished and plan.folder.holds(plan.tag) and not overwrite for plan in self.plans]
        return [job.index for job, finished in zip(self.jobs, done, strict=True) if not finished]


def settings_of(request: Request) -> tuple[list[tuple[str, ...]], list[str]]:
    """The settings of every run, checked without any file, and those of the launcher; raises `ConfigError`."""
    own, launcher = split_launcher(request.overrides)
    return expand(own), launcher


def check(request: Request, every: Sequence[tuple[str, ...]]) -> None:
    """Raise `ConfigError` for a run that cannot be meant, before any file is looked for."""
    for settings in every:
        try:
            train_config(compose("train", Request(settings, request.options, request.config_dir)))
        except ConfigError as error:
            raise ConfigError(f"{' '.join(settings)}: {error.message}", error.hint) from error


def plan_sweep(request: Request, data: Path | None) -> Sweep:
    """Every run with its dataset, which is picked now, once for every system."""
    every, launcher = settings_of(request)
    check_launcher(launcher)
    check(request, every)
    jobs = []
    picked: dict[tuple[str, ...], Path] = {}
    for index, settings in enumerate(every):
        of_system = tuple(text for text in settings if text.startswith("system"))
        if of_system not in picked:
            picked[of_system] = choose_source(Request(of_system, {}, request.config_dir), data)
        jobs.append(Job(index, settings, picked[of_system], request.options, request.config_dir))
    return Sweep(jobs, [_plan(job) for job in jobs], launcher)


def _plan(job: Job) -> Plan:
    """The run of one job; an error names its settings."""
    try:
        return plan_job(job)
    except (ConfigError, InputError) as error:
        raise type(error)(f"{' '.join(job.settings)}: {error.message}", error.hint) from error


@dataclass(frozen=True)
class Task:
    """What a launcher is given: carries out one of the jobs and leaves its outcome in `folder`."""

    jobs: list[Job]
    folder: Path
    overwrite: bool
    quiet: bool

    def __call__(self, index: int) -> None:
        """Carry out job number `index`; raises `Interrupted`, which no launcher takes for a failed job."""
        job = self.jobs[index]
        console = Console(quiet=self.quiet)
        LOGGER.info("run %d of %d: %s", index + 1, len(self.jobs), " ".join(job.settings))
        try:
            outcome = carry_out(job, console, overwrite=self.overwrite)
        except Stopped as error:
            raise Interrupted(error.signum) from error
        atomic.write_text(self.folder / f"{index}.json", json.dumps(outcome.as_json()))


def carry_out_all(sweep: Sweep, console: Console, *, overwrite: bool) -> list[Outcome]:
    """Launch what is not finished; the outcome of every job, in their order."""
    wanted = sweep.unfinished(overwrite=overwrite)
    LOGGER.info("%d runs, %d of them finished earlier", len(sweep.jobs), len(sweep.jobs) - len(wanted))
    with _scratch() as folder:
        launch(Task(sweep.jobs, folder, overwrite, console.quiet), wanted, sweep.launcher, folder)
        found = {index: _outcome(sweep.jobs[index], folder) for index in wanted}
    console.attach()  # every run has had a console, and so warnings, of its own
    outcomes = [found.get(job.index) or stored(job, plan) for job, plan in zip(sweep.jobs, sweep.plans, strict=True)]
    for each in outcomes:
        if each.status != FINISHED:
            console.warnings.append(f"{each.run or ' '.join(sweep.jobs[each.index].settings)}: {each.message}")
    return outcomes


def _outcome(job: Job, folder: Path) -> Outcome:
    """What the task has left; a job without a word was lost with its process."""
    path = folder / f"{job.index}.json"
    if not os.path.exists(path):
        return Outcome(job.index, "", FAILED, 5, "its process has ended without a result: out of memory, or killed")
    return Outcome(**json.loads(path.read_text(encoding="utf-8")))


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for the outcomes and for Hydra, where other machines see it too; gone at the end."""
    atomic.make_folder(OUTPUTS)
    _tidy_up()
    with atomic.writing(OUTPUTS):
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=OUTPUTS))
    try:
        with lock.owned(folder / OWNER, "the sweep"):
            yield folder.absolute()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tidy_up() -> None:
    """Remove what killed sweeps have left, some time ago: jobs in a queue may still want it."""
    for left in OUTPUTS.glob(f"{SCRATCH}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > KEPT_SECONDS:
                with lock.abandoned(left / OWNER) as unwanted:
                    if unwanted:
                        shutil.rmtree(left, ignore_errors=True)
