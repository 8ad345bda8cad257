"""The engine of studies: trials are trained or found, the best setting is chosen by validation, seeds are added.

`efnn train -m` runs a list of trials. `efnn compare` and `efnn reproduce` run cells: networks with settings to choose
from and several seeds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from efnn_cli.config.options import ExtrapolateKeys
from efnn_cli.config.words import Request
from efnn_cli.core.console import Console
from efnn_cli.core.device import resolve
from efnn_cli.core.numbers import number
from efnn_cli.core.progress import duration
from efnn_cli.core.signals import GO_ON, StopRequest
from efnn_cli.evaluation.extrapolation import extrapolate_runs
from efnn_cli.evaluation.size_table import Rows
from efnn_cli.storage.lock import held
from efnn_cli.studies.grid import Point
from efnn_cli.studies.launchers import launch
from efnn_cli.studies.summary import Group, Member, best_choice, network_key
from efnn_cli.studies.trials import ELSEWHERE, FAILED, Outcome, Trial, stored, train
from efnn_cli.studies.workers import train_in_workers

LOGGER = logging.getLogger("efnn")
POLL_SECONDS = 2.0


class Progress:
    """Logs every trial that ends, with its number out of `count` and the time that is left at this rate."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = 0
        self.trained = 0
        self.start = time.monotonic()

    def ended(self, trial: Trial, outcome: Outcome) -> None:
        """Count and log a trial that has ended now."""
        self.done += 1
        self.trained += 1
        if outcome.metrics is None:
            LOGGER.warning("%s: %s", trial.settings, outcome.message)
            return
        left = (time.monotonic() - self.start) / self.trained * max(self.count - self.done, 0)
        error, took = number(outcome.metrics["test"]["rmse_over_std"]), duration(outcome.metrics["seconds"])
        place = f"run {self.done} of {self.count}"
        LOGGER.info("%s: %s, RMSE/std %s, %s; about %s left", place, trial.settings, error, took, duration(left))


@dataclass(frozen=True)
class Engine:
    """Trains trials: through Hydra's launcher, in worker processes, or one after the other in this process."""

    console: Console
    launcher: tuple[str, ...] = ()
    """Settings of Hydra's launcher, such as `hydra/launcher=joblib`."""
    workers: int = 1
    silent: bool = False
    """Let trials log into their own `run.log` only."""
    overwrite: bool = False
    waits: bool = True
    """Wait for runs that another command trains; otherwise they are listed as running elsewhere."""

    def run(self, trials: Sequence[Trial], progress: Progress) -> list[Outcome]:
        """Return the outcome of every trial; equal ones are trained once, finished ones not again."""
        every = {trial.plan.tag: trial for trial in trials}
        done = {tag for tag, trial in every.items() if trial.finished and not self.overwrite}
        if every:
            LOGGER.info("%d runs, %d of them finished earlier", len(every), len(done))
        found = {tag: stored(trial) for tag, trial in every.items() if tag in done}
        progress.done += len(found)
        left = {tag: trial for tag, trial in every.items() if tag not in done}
        while left:
            for index, outcome in self._train(list(left.values())):
                tag = list(left)[index]
                found[tag] = outcome
                if not (self.waits and outcome.status == ELSEWHERE):
                    progress.ended(left[tag], outcome)
            left = {tag: left[tag] for tag in left if self.waits and found[tag].status == ELSEWHERE}
            _wait_for(list(left.values()))
        return [found[trial.plan.tag] for trial in trials]

    def _train(self, trials: Sequence[Trial]) -> Iterator[tuple[int, Outcome]]:
        """Yield index and outcome of each trial as it ends."""
        if self.launcher and self.launcher != ("hydra/launcher=basic",):
            outcomes = launch(trials, self.launcher, overwrite=self.overwrite, silent=self.silent)
            self.console.attach()
            yield from enumerate(outcomes)
        elif self.workers > 1 and len(trials) > 1:
            yield from train_in_workers(trials, self.workers, overwrite=self.overwrite)
        else:
            yield from self._train_here(trials)

    def _train_here(self, trials: Sequence[Trial]) -> Iterator[tuple[int, Outcome]]:
        """Train in this process; every trial has warnings of its own."""
        for index, trial in enumerate(trials):
            try:
                outcome = train(trial, Console(quiet=self.console.quiet, silent=self.silent), overwrite=self.overwrite)
            finally:
                self.console.attach()
            yield index, outcome


def _wait_for(trials: Sequence[Trial]) -> None:
    """Wait until one of `trials`, which other commands train, may be free."""
    if trials:
        LOGGER.info("%d runs are trained by other commands: waiting", len(trials))
        time.sleep(POLL_SECONDS)
    while trials and all(held(trial.plan.folder.lock_file) for trial in trials):
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Cell:
    """One network of a study: its settings, the points to choose from, and the number of seeds."""

    request: Request
    choices: Sequence[Point] = ((),)
    seeds: int = 1

    @property
    def runs(self) -> int:
        """Number of trials: every point with seed 0, and the chosen one with the other seeds."""
        return len(self.choices) + self.seeds - 1

    def asked(self, choice: Point, seed: int) -> Request:
        """Return the settings of one point and seed."""
        return replace(self.request, overrides=(*self.request.overrides, *choice, f"seed={seed}"))


def run_cells(cells: Sequence[Cell], data: Path, engine: Engine, progress: Progress) -> list[Group]:
    """Train every cell: all points with seed 0, the one with the least validation error with the other seeds."""

    def train_all(wanted: Sequence[Sequence[tuple[Point, int]]]) -> list[list[Member]]:
        trials = [
            [(choice, Trial(cell.asked(choice, seed), data)) for choice, seed in pairs]
            for cell, pairs in zip(cells, wanted, strict=True)
        ]
        outcomes = iter(engine.run([trial for group in trials for _, trial in group], progress))
        return [[Member(trial, choice, next(outcomes)) for choice, trial in group] for group in trials]

    first = train_all([[(choice, 0) for choice in cell.choices] for cell in cells])
    best = [best_choice(members) for members in first]
    rest = train_all(
        [
            [] if choice is None else [(choice, seed) for seed in range(1, cell.seeds)]
            for cell, choice in zip(cells, best, strict=True)
        ]
    )
    return [
        Group(
            *network_key(mine[0].plan.config.model),
            choice,
            [each for each in (*mine, *more) if each.choice == choice],
            [*mine, *more],
        )
        for choice, mine, more in zip(best, first, rest, strict=True)
    ]


def extrapolate(groups: Sequence[Group], configs: Sequence[ExtrapolateKeys], console: Console) -> list[Group]:
    """Return the groups with their errors at every size of `configs`, all on the same reference datasets."""
    members = [each for group in groups for each in group.members]
    if not members or members[0].plan.system.geometry != "lattice" or not members[0].plan.system.references:
        return list(groups)
    runs = list(dict.fromkeys(each.run for each in members))
    rows: dict[Path, Rows] = {run: [] for run in runs}
    with StopRequest(GO_ON) as stop:
        for config in configs:
            for run, more in extrapolate_runs(runs, config, resolve(config.device), console, stop).items():
                rows[run] += more
    return [
        replace(group, chosen=[replace(each, sizes=rows.get(each.run, [])) for each in group.chosen])
        for group in groups
    ]


def failed(groups: Sequence[Group]) -> list[tuple[str, Outcome]]:
    """Return settings and outcome of the failed trials, each run once."""
    members = [each for group in groups for each in group.tried if each.outcome.status == FAILED]
    return list({each.plan.tag: (each.trial.settings, each.outcome) for each in members}.values())
