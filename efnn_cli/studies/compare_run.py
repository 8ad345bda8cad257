"""Carrying out a comparison: train, choose by validation, go on with the other seeds, carry to other sizes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from efnn_cli.core.console import Console
from efnn_cli.core.errors import NumericalError
from efnn_cli.evaluation.carrying import carry
from efnn_cli.evaluation.settings import ExtrapolateConfig
from efnn_cli.runs.execute import obtain
from efnn_cli.runs.planning import plan_new
from efnn_cli.studies.compare_contest import Entry, Lineup
from efnn_cli.studies.compare_grid import Point
from efnn_cli.studies.compare_standings import Standing, Trial, best_choice, figure
from efnn_cli.training.metrics import ON_TEST, warn_of_no_use

LOGGER = logging.getLogger("efnn")


def compete(lineup: Lineup, console: Console) -> tuple[list[Trial], list[list[Trial]]]:
    """All trials, and for every network those of its best choice, one a seed."""
    data = Path(lineup.first.stored["dataset"]["path"])
    every: list[Trial] = []
    chosen = []

    def run(entry: Entry, seed: int, choice: Point) -> Trial:
        LOGGER.info("run %d of %d", len(every) + 1, lineup.runs)
        every.append(trial(entry, seed, choice, data, console))
        return every[-1]

    for entry in lineup.entries:
        best = best_choice([run(entry, 0, choice) for choice in (lineup.points if entry.trained else [()])])
        seeds = range(1, lineup.seeds if entry.trained else 1)
        chosen.append([best, *(run(entry, seed, best.choice) for seed in seeds)])
    return every, chosen


def trial(entry: Entry, seed: int, choice: Point, data: Path, console: Console) -> Trial:
    """One run of `efnn train`, or the finished one; training that diverges is a result too."""
    LOGGER.info("%s: %s", entry.model, ", ".join([f"{entry.parameters} parameters", f"seed {seed}", *choice]))
    plan = plan_new(entry.request(seed, choice), data, None)
    try:
        obtain(plan, console, overwrite=False)
    except NumericalError as error:
        LOGGER.warning("%s, seed %d %s: %s", entry.model, seed, " ".join(choice), error.message)
        return Trial(entry, seed, choice, plan.folder.path, None)
    return Trial(entry, seed, choice, plan.folder.path, plan.folder.read_summary()["metrics"])


def stand(
    chosen: Sequence[Sequence[Trial]], config: ExtrapolateConfig, target: torch.device, console: Console
) -> list[Standing]:
    """What every network reached, on the test split and at every size; of what was not chosen only the table tells."""
    alive = [[each for each in trials if each.metrics is not None] for trials in chosen]
    sizes = carry([each.run for trials in alive for each in trials], config, target, console)
    for each in (each for trials in alive for each in trials):
        carried = {where: ratio for row in sizes.get(each.run, []) for where, ratio in row.ratios().items()}
        warn_of_no_use(
            {ON_TEST: figure(each, "test", "rmse_over_std"), **carried}, f"{each.entry.model}, seed {each.seed}"
        )
    return [
        Standing(trials, [sizes.get(each.run, []) for each in trials], len(asked) - len(trials))
        for trials, asked in zip(alive, chosen, strict=True)
    ]
