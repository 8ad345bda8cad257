"""The engine of studies: trials are trained or found, the best setting is chosen by validation, seeds are added.

`efnn train -m` runs a list of trials. `efnn compare` and `efnn reproduce` run cells: networks with settings to choose
from and several seeds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from efnn_cli.config.options import ExtrapolateKeys
from efnn_cli.config.words import Request
from efnn_cli.core.console import Console
from efnn_cli.core.device import resolve
from efnn_cli.core.signals import GO_ON, StopRequest
from efnn_cli.evaluation.extrapolation import extrapolate_runs
from efnn_cli.evaluation.size_table import Rows
from efnn_cli.storage.lock import held
from efnn_cli.studies.grid import Point
from efnn_cli.studies.launchers import launch
from efnn_cli.studies.progress import Progress, Within
from efnn_cli.studies.summary import Group, Member, best_choice, network_key
from efnn_cli.studies.trials import ELSEWHERE, FAILED, Outcome, Trial, stored, train
from efnn_cli.studies.workers import train_in_workers

LOGGER = logging.getLogger("efnn")
POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Engine:
    """Trains trials: through Hydra's launcher, in worker processes, or one after the other in this process."""

    console: Console
    launcher: tuple[str, ...] = ()
    """Settings of Hydra's launcher, such as `hydra/launcher=joblib`."""
    workers: int = 1
    overwrite: bool = False
    waits: bool = True
    """Wait for runs that another command trains; otherwise they are listed as running elsewhere."""

    def run(self, trials: Sequence[Trial], progress: Progress) -> list[Outcome]:
        """Return the outcome of every trial; equal ones are trained once, finished ones not again."""
        every = {trial.plan.tag: trial for trial in trials}
        left = {tag: trial for tag, trial in every.items() if self.overwrite or not trial.finished}
        found = {tag: stored(trial) for tag, trial in every.items() if tag not in left}
        if found:
            LOGGER.info("%d of %d runs finished earlier", len(found), len(every))
        progress.runs -= len(trials) - len(every)
        progress.expect(every)
        for tag in found:
            progress.end(tag, earlier=True)
        with progress.shown() if left else nullcontext():
            while left:
                for tag, outcome in self._train(left, progress):
                    found[tag] = outcome
                    if self.waits and outcome.status == ELSEWHERE:
                        continue
                    if outcome.metrics is None:
                        LOGGER.warning("%s: %s", left[tag].settings, outcome.message)
                    progress.end(tag)
                left = {tag: left[tag] for tag in left if self.waits and found[tag].status == ELSEWHERE}
                _wait_for(list(left.values()))
        return [found[trial.plan.tag] for trial in trials]

    def _train(self, trials: Mapping[str, Trial], progress: Progress) -> Iterator[tuple[str, Outcome]]:
        """Yield hash and outcome of each trial as it ends."""
        if self.launcher and self.launcher != ("hydra/launcher=basic",):
            yield from launch(trials, self.launcher, progress.within, overwrite=self.overwrite).items()
            self.console.attach()
        elif self.workers > 1 and len(trials) > 1:
            yield from train_in_workers(trials, self.workers, progress.within, overwrite=self.overwrite)
        else:
            yield from self._train_here(trials, progress)

    def _train_here(self, trials: Mapping[str, Trial], progress: Progress) -> Iterator[tuple[str, Outcome]]:
        """Train in this process; every trial has warnings of its own."""
        for tag, trial in trials.items():
            progress.within(tag)
            try:
                outcome = train(trial, Within(progress, tag), overwrite=self.overwrite)
            finally:
                self.console.attach()
            yield tag, outcome


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
