"""Carrying out a comparison: train, choose by validation, go on with the other seeds, carry to other sizes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from efnn_cli.conduct import obtain
from efnn_cli.console import Console
from efnn_cli.contest import Entry, Lineup
from efnn_cli.errors import NumericalError
from efnn_cli.extrapolation import SizeRow, judge_size, weights_digest
from efnn_cli.grid import Point
from efnn_cli.loading import load
from efnn_cli.planning import plan_new
from efnn_cli.references import label_all, plan_references
from efnn_cli.results import shown
from efnn_cli.runs import EXTRAPOLATION
from efnn_cli.settings import ExtrapolateConfig
from efnn_cli.signals import StopRequest
from efnn_cli.size_table import SizeTable
from efnn_cli.standings import Standing, Trial, best_choice

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
    """What every network reached, on the test split and at every size."""
    alive = [[each for each in trials if each.metrics is not None] for trials in chosen]
    sizes = carry([each for trials in alive for each in trials], config, target, console)
    return [
        Standing(trials, [sizes.get(each.run, []) for each in trials], len(asked) - len(trials))
        for trials, asked in zip(alive, chosen, strict=True)
    ]


def carry(
    trials: Sequence[Trial], config: ExtrapolateConfig, target: torch.device, console: Console
) -> dict[Path, list[SizeRow]]:
    """Errors of every run at every size, on the same references; nothing for dense systems."""
    networks = {trial.run: load(trial.run, config.device) for trial in trials}
    member = next(iter(networks.values()))
    if member.system.geometry != "lattice":
        return {}
    found: dict[Path, list[SizeRow]] = {}
    with StopRequest("the same command goes on with what is done") as stop:
        plans = plan_references(config, member, target)
        datasets = label_all(plans, target, console, stop)
        for path, network in networks.items():
            LOGGER.info("carrying %s to L = %s", shown(path), ", ".join(str(plan.system.size) for plan in plans))
            found[path] = [judge_size([network], each) for each in datasets]
            table = SizeTable(path / f"{EXTRAPOLATION}.csv", weights_digest([network]), own_folder=True)
            table.merge(found[path], plans[0].sampling, plans[0].seed, stop.check)
    return found
