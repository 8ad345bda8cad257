"""`efnn evaluate [RUN...]`: errors of trained networks on a dataset; several runs are an ensemble."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from efnn_cli.config.compose import Request, compose
from efnn_cli.config.schema import typed
from efnn_cli.core import device
from efnn_cli.core.console import Console
from efnn_cli.core.results import Result, number, shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.core.text import printable
from efnn_cli.evaluation.calibration import calibrate
from efnn_cli.evaluation.judging import Judgement, plan_judgement
from efnn_cli.evaluation.settings import EvaluateConfig
from efnn_cli.physics.system import Array
from efnn_cli.runs.find import picked
from efnn_cli.runs.loading import load
from efnn_cli.storage import atomic, output, predictions
from efnn_cli.training.metrics import Metrics, measure, warn_of_no_use

PER_SITE = ("rmse", "mae", "bias")

LOGGER = logging.getLogger("efnn")


def run(
    request: Request,
    console: Console,
    *,
    runs: Sequence[Path] = (),
    data: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
) -> Result:
    """Errors of the runs, or of the checkpoints named, on `data`, or on their own test split."""
    config = typed(EvaluateConfig, compose("evaluate", request).values)
    target = device.resolve(config.device)
    output.claim_hdf5(out, overwrite)
    with StopRequest("nothing was written; the same command starts again") as stop:
        members = [load(path, config.device) for path in runs or picked()]
        task = plan_judgement(members, data, config.split, drop_seen=config.seen == "drop")
        output.refuse_inputs(out, [task.path, *(member.path for member in members)])
        LOGGER.info("evaluating on %s", device.describe(target))
        found = task.predictions(stop.check)
        stop.check()
    outputs = {} if out is None else {"predictions": write(out, found, task)}
    system = members[0].system_for(task.data.spins)
    weights = [member.weights for member in members]
    return report(found, task.true, outputs, system.sites if system.geometry == "lattice" else None, weights)


def write(out: Path, found: Array, task: Judgement) -> str:
    """Predicted and true energies, and which configurations of the dataset they belong to."""
    arrays = {"energies": found.mean(axis=0), "members": found, "reference": task.true, "indices": task.chosen}
    members = {
        "runs": [printable(shown(member.path)) for member in task.members],
        "weights": [member.weights for member in task.members],
    }
    atomic.make_folder(out.parent)
    predictions.write(out, arrays, {**members, "dataset": printable(shown(task.path))})
    return shown(out)


def report(found: Array, true: Array, outputs: dict[str, str], sites: int | None, weights: Sequence[str]) -> Result:
    """Errors of the mean prediction; for an ensemble also of its members, their spread, and whether that tells them.

    `sites` of a lattice are what energies and their errors grow with; None for other systems. `weights` are those of
    every member, best or last.
    """
    every = weights[0] if len(set(weights)) == 1 else "mixed"
    metrics: dict[str, Any] = full(measure(found.mean(axis=0), true), sites, every)
    rows = [[key, number(value)] for key, value in metrics.items()]
    ratios = {f"on {len(true)} configurations": metrics["rmse_over_std"]}
    if len(found) > 1:
        metrics["members"] = [full(measure(each, true), sites, of) for each, of in zip(found, weights, strict=True)]
        ratios |= {f"for member {i}": each["rmse_over_std"] for i, each in enumerate(metrics["members"])}
        metrics["spread"] = float(found.std(axis=0, ddof=1).mean())
        rows += [[f"member {i} rmse", number(each["rmse"])] for i, each in enumerate(metrics["members"])]
        rows.append(["spread", number(metrics["spread"])])
        metrics["calibration"] = dataclasses.asdict(calibrate(found, true))
        rows += [[key, number(value)] for key, value in metrics["calibration"].items()]
    warn_of_no_use(ratios)
    return Result("evaluate", metrics, outputs, rows=rows)


def full(metrics: Metrics, sites: int | None, weights: str) -> dict[str, Any]:
    """Every figure, on a lattice of `sites` also per site, and whose weights they are of."""
    figures = dataclasses.asdict(metrics)
    if sites is not None:
        figures |= {f"{key}_per_site": figures[key] / sites for key in PER_SITE}
    return {**figures, "weights": weights}
