"""Carrying several networks of one Hamiltonian to the same references of other sizes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from efnn_cli.core.console import Console
from efnn_cli.core.results import shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets.planning import DatasetPlan
from efnn_cli.evaluation.extrapolation import SizeRow, judge_size, weights_digest
from efnn_cli.evaluation.references import label_all, plan_references
from efnn_cli.evaluation.settings import ExtrapolateConfig
from efnn_cli.evaluation.size_table import Rows, SizeTable
from efnn_cli.runs.folder import EXTRAPOLATION
from efnn_cli.runs.loading import Run, load
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")


def carry(
    runs: Sequence[Path], config: ExtrapolateConfig, target: torch.device, console: Console
) -> dict[Path, list[SizeRow]]:
    """Errors of every run at every size, measured now; nothing for dense systems."""
    networks = {path: load(path, config.device) for path in runs}
    member = next(iter(networks.values()))
    if member.system.geometry != "lattice":
        return {}
    with StopRequest("the same command goes on with what is done") as stop:
        plans = plan_references(config, member, target)
        datasets = label_all(plans, target, console, stop)
        return {path: _judge(network, plans, datasets, stop) for path, network in networks.items()}


def complete(
    runs: Sequence[Path], config: ExtrapolateConfig, target: torch.device, console: Console, stop: StopRequest
) -> dict[Path, Rows]:
    """The rows of every run at every size, as they stand in its table; only what is missing there is measured."""
    networks = {path: load(path, config.device) for path in runs}
    plans = plan_references(config, next(iter(networks.values())), target)
    datasets: dict[int, Dataset] = {}
    for path, network in networks.items():
        missing = [plan for plan in plans if not _row(path, network, plan)]
        for plan in missing:
            if plan.config.system.size not in datasets:
                (datasets[plan.config.system.size],) = label_all([plan], target, console, stop)
        if missing:
            _judge(network, missing, [datasets[plan.config.system.size] for plan in missing], stop)
    return {path: [row for plan in plans for row in _row(path, network, plan)] for path, network in networks.items()}


def _judge(network: Run, plans: Sequence[DatasetPlan], datasets: Sequence[Dataset], stop: StopRequest) -> list[SizeRow]:
    LOGGER.info("carrying %s to L = %s", shown(network.path), ", ".join(str(plan.config.system.size) for plan in plans))
    rows = []
    for data in datasets:
        rows.append(judge_size([network], data, stop.check))
        stop.check()
    _table(network).merge(rows, plans[0].config.sampling, plans[0].config.seed, stop.check)
    return rows


def _table(network: Run) -> SizeTable:
    return SizeTable(network.path / f"{EXTRAPOLATION}.csv", weights_digest([network]), own_folder=True)


def _row(path: Path, network: Run, plan: DatasetPlan) -> Rows:
    """The row that stands in the table of the run for the references of `plan`; none where they were not judged."""
    wanted: Mapping[str, str] = {
        "L": str(plan.config.system.size),
        "samples": str(plan.config.samples),
        "sampling": plan.config.sampling,
        "seed": str(plan.config.seed),
    }
    rows = [row for row in _table(network).rows() if all(row[key] == value for key, value in wanted.items())]
    return rows[-1:]
