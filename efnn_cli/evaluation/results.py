"""Results of `efnn evaluate`: predictions as a file, errors as table and JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result, shown
from efnn_cli.core.text import printable
from efnn_cli.evaluation.calibration import calibrate
from efnn_cli.evaluation.evaluation_set import EvaluationSet
from efnn_cli.physics.system import Array
from efnn_cli.storage import atomic, predictions
from efnn_cli.training.metrics import Metrics, measure, warn_of_no_use

PER_SITE = ("rmse", "mae", "bias")


def write(out: Path, found: Array, task: EvaluationSet) -> str:
    """Write predicted and true energies with their indices in the dataset; return the path as shown."""
    arrays = {"energies": found.mean(axis=0), "members": found, "reference": task.true, "indices": task.chosen}
    members = {
        "runs": [printable(shown(member.path)) for member in task.members],
        "weights": [member.weights for member in task.members],
    }
    atomic.make_folder(out.parent)
    predictions.write(out, arrays, {**members, "dataset": printable(shown(task.path))})
    return shown(out)


def report(found: Array, task: EvaluationSet, outputs: dict[str, str]) -> Result:
    """Return the errors of the mean prediction; of an ensemble also those of its members, and its spread.

    `found` are predictions (members, B). Lattices also get errors per site.
    """
    system, true = task.members[0].system_for(task.data.spins), task.true
    sites = system.sites if system.geometry == "lattice" else None
    weights = [member.weights for member in task.members]
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
    """Return the metrics of the weights "best" or "last"; on a lattice of `sites` also per site."""
    figures = dataclasses.asdict(metrics)
    if sites is not None:
        figures |= {f"{key}_per_site": figures[key] / sites for key in PER_SITE}
    return {**figures, "weights": weights}
