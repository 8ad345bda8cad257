"""Extrapolation: errors of networks on reference datasets of several sizes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from efnn_cli.config.options import ExtrapolateKeys
from efnn_cli.core.console import Console
from efnn_cli.core.signals import StopRequest
from efnn_cli.core.size import length
from efnn_cli.datasets.planning import DatasetPlan
from efnn_cli.evaluation.coverage import intervals
from efnn_cli.evaluation.reference_datasets import label_references, plan_references
from efnn_cli.evaluation.size_errors import SizeErrors, errors_at_size
from efnn_cli.evaluation.size_table import Drawn, Rows, SizeTable
from efnn_cli.runs.folder import EXTRAPOLATION
from efnn_cli.runs.loading import Run, load, weights_digest
from efnn_cli.storage.dataset import Dataset

LOGGER = logging.getLogger("efnn")


def measure(
    members: Sequence[Run], datasets: Iterable[Dataset], table: SizeTable, stop: StopRequest
) -> tuple[list[SizeErrors], Rows]:
    """Add the errors on all reference `datasets` to `table`; return them, and all rows of the table."""
    drawn: dict[Drawn, list[SizeErrors]] = {}
    bars = intervals(members, asked=False)
    for data in datasets:
        drawn.setdefault(Drawn.of(data.metadata), []).append(errors_at_size(members, bars, data, stop.check))
        stop.check()
    for how, errors in drawn.items():
        rows = table.merge(errors, how, stop.check)
    return [each for errors in drawn.values() for each in errors], rows


def extrapolate_runs(
    runs: Sequence[Path], config: ExtrapolateKeys, target: torch.device, console: Console, stop: StopRequest
) -> dict[Path, Rows]:
    """Return the rows of every run at every size from its table; measure only the missing ones."""
    networks = {path: load(path, config.device) for path in runs}
    plans = plan_references(config, next(iter(networks.values())), target)
    missing = {path: [plan for plan in plans if not _rows(network, plan)] for path, network in networks.items()}
    wanted = {plan.config.system.size: plan for each in missing.values() for plan in each}
    datasets = {size: label_references(wanted[size], target, console, stop) for size in sorted(wanted, key=length)}
    left = [path for path in networks if missing[path]]
    with console.meter("extrapolation", len(left), "networks") as advance:
        for path in left:
            drawn = [datasets[plan.config.system.size] for plan in missing[path]]
            measure([networks[path]], drawn, _table(networks[path]), stop)
            advance(1)
    return {path: [row for plan in plans for row in _rows(network, plan)] for path, network in networks.items()}


def _table(network: Run) -> SizeTable:
    return SizeTable(network.path / f"{EXTRAPOLATION}.csv", weights_digest([network]), own_folder=True)


def _rows(network: Run, plan: DatasetPlan) -> Rows:
    """Return the row of the reference dataset of `plan` in the table of the run; no row where there is none."""
    wanted = {
        "L": str(plan.config.system.size),
        "samples": str(plan.config.samples),
        "sampling": plan.config.sampling,
        "spin_temperature": plan.spin_temperature,
        "seed": str(plan.config.seed),
    }
    rows = [row for row in _table(network).rows() if all(row[key] == value for key, value in wanted.items())]
    return rows[-1:]
