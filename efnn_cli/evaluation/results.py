"""Results of `efnn evaluate`: predictions as a file, errors as table and JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import Table, facts
from efnn_cli.core.text import printable
from efnn_cli.evaluation.calibration import calibrate
from efnn_cli.evaluation.evaluation_set import EvaluationSet
from efnn_cli.physics.system import Array
from efnn_cli.runs.stored import ERRORS
from efnn_cli.storage import atomic, predictions
from efnn_cli.training.metrics import LABELS, Metrics, bias_text, error_text, measure, warn_of_no_use

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
    tables = error_tables(metrics, sites)
    ratios = {f"on {len(true)} configurations": metrics["rmse_over_std"]}
    if len(found) > 1:
        metrics["members"] = [full(measure(each, true), sites, of) for each, of in zip(found, weights, strict=True)]
        ratios |= {f"for member {i}": each["rmse_over_std"] for i, each in enumerate(metrics["members"])}
        metrics["spread"] = float(found.std(axis=0, ddof=1).mean())
        metrics["calibration"] = dataclasses.asdict(calibrate(found, true))
        head = ["member", *(LABELS[key] for key in ERRORS)]
        members = [[i, *errors_shown(each)] for i, each in enumerate(metrics["members"])]
        tables += [Table(head, members), facts({"spread": metrics["spread"], **metrics["calibration"]})]
    warn_of_no_use(ratios)
    return Result("evaluate", metrics, outputs, tables=tables)


def error_tables(metrics: Mapping[str, Any], sites: int | None) -> list[Table]:
    """Return the errors of the energy, on a lattice also per site, and the errors that are ratios."""
    rmse, bias, samples = metrics["rmse"], metrics["bias"], metrics["samples"]
    parts = {"energy": 1} | ({} if sites is None else {"per site": sites})
    rows: list[list[object]] = [
        [LABELS["rmse"], *(error_text("rmse", rmse / part, samples) for part in parts.values())],
        [LABELS["mae"], *(number(metrics["mae"] / part, 3) for part in parts.values())],
        [LABELS["bias"], *(bias_text(rmse / part, bias / part, samples) for part in parts.values())],
    ]
    ratios = {LABELS[key]: error_text(key, metrics[key], samples) for key in ERRORS[1:]}
    rest = {LABELS["r2"]: metrics["r2"], "samples": samples, "weights": metrics["weights"]}
    return [Table(["", *parts], rows), facts(ratios | rest)]


def errors_shown(metrics: Mapping[str, Any]) -> list[str]:
    """Return RMSE, RMSE/std and relative error with their uncertainties."""
    return [error_text(key, metrics[key], metrics["samples"]) for key in ERRORS]


def full(metrics: Metrics, sites: int | None, weights: str) -> dict[str, Any]:
    """Return the metrics of the weights "best" or "last"; on a lattice of `sites` also per site."""
    figures = dataclasses.asdict(metrics)
    if sites is not None:
        figures |= {f"{key}_per_site": figures[key] / sites for key in PER_SITE}
    return {**figures, "weights": weights}
