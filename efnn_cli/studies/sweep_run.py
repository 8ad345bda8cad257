"""`efnn train -m`: many runs from one command, each in its own folder, as if they had been asked for one by one."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.config.compose import Request, compose, key_of
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError, InputError, writing
from efnn_cli.core.results import shown
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.planning import Plan, choose_source
from efnn_cli.runs.settings import train_config
from efnn_cli.storage import atomic, lock
from efnn_cli.studies.sweep_desk import Desk, Task
from efnn_cli.studies.sweep_jobs import FINISHED, Job, Outcome, plan_job, stored
from efnn_cli.studies.sweep_multirun import LAUNCHER, check_launcher, expand, launch, split_launcher
from efnn_cli.training.metrics import ON_TEST, warn_of_no_use

LOGGER = logging.getLogger("efnn")
SCRATCH = ".sweep-"
OWNER = ".owner"
KEPT_SECONDS = 3 * 86_400
START_SECONDS = 60  # for jobs of a batch system to begin, once its launcher has ended early and none is at work


@dataclass(frozen=True)
class Sweep:
    """All runs of a command, and how Hydra launches them."""

    jobs: list[Job]
    plans: list[Plan]
    launcher: list[str]

    @property
    def queued(self) -> bool:
        """Whether the jobs are those of a batch system, which live on without this process."""
        return any(text.startswith(f"{LAUNCHER}=submitit") for text in self.launcher)

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
        of_system = tuple(text for text in settings if key_of(text).partition(".")[0] == "system")
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


def carry_out_all(sweep: Sweep, console: Console, *, overwrite: bool) -> list[Outcome]:
    """Launch what is not finished; the outcome of every job, in their order."""
    wanted = sweep.unfinished(overwrite=overwrite)
    LOGGER.info("%d runs, %d of them finished earlier", len(sweep.jobs), len(sweep.jobs) - len(wanted))
    with _desk(wanted, queued=sweep.queued) as desk:
        launch(Task(sweep.jobs, desk, overwrite, console.quiet), wanted, sweep.launcher, desk.folder)
        desk.wait_for(wanted, START_SECONDS if sweep.queued else 0)
        found = {index: desk.verdict(index) for index in wanted}
    console.attach()  # every run has had a console, and so warnings, of its own
    outcomes = [found.get(job.index) or stored(job, plan) for job, plan in zip(sweep.jobs, sweep.plans, strict=True)]
    for each in outcomes:
        if each.status != FINISHED:
            console.warnings.append(f"{each.run or ' '.join(sweep.jobs[each.index].settings)}: {each.message}")
        elif each.metrics is not None:
            warn_of_no_use({ON_TEST: each.metrics["test"]["rmse_over_std"]}, each.run)
    return outcomes


@contextlib.contextmanager
def _desk(jobs: Sequence[int], *, queued: bool) -> Iterator[Desk]:
    """A folder for the outcomes of `jobs` and for Hydra, where other machines see it too.

    Gone at the end, unless jobs that are at work or in a queue need it.
    """
    atomic.make_folder(OUTPUTS)
    _tidy_up()
    with writing(OUTPUTS):
        desk = Desk(Path(tempfile.mkdtemp(prefix=SCRATCH, dir=OUTPUTS)).absolute())
    try:
        with lock.owned(desk.folder / OWNER, "the sweep"):
            yield desk
    finally:
        if queued and not desk.settled(jobs):
            LOGGER.warning("jobs that have not ended go on by themselves; %s is theirs", shown(desk.folder))
        else:
            shutil.rmtree(desk.folder, ignore_errors=True)


def _tidy_up() -> None:
    """Remove what killed sweeps have left, some time ago: jobs in a queue may still want it."""
    for left in OUTPUTS.glob(f"{SCRATCH}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > KEPT_SECONDS:
                with lock.abandoned(left / OWNER) as unwanted:
                    if unwanted:
                        shutil.rmtree(left, ignore_errors=True)
