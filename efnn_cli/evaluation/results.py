"""Results of `efnn evaluate`: predictions as a file, errors as table and JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efnn_cli.core.numbers import number
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import Table, facts
from efnn_cli.core.text import printable
from efnn_cli.evaluation import temperatures
from efnn_cli.evaluation.calibration import LABELS as CALIBRATION_LABELS
from efnn_cli.evaluation.calibration import calibrate
from efnn_cli.evaluation.coverage import coverage_of, intervals
from efnn_cli.evaluation.evaluation_set import EvaluationSet
from efnn_cli.physics.system import Array
from efnn_cli.runs.folder import name_of
from efnn_cli.runs.stored import ERRORS, FIELD_ERRORS
from efnn_cli.runs.trust import outside
from efnn_cli.storage import atomic, predictions
from efnn_cli.training.fields import FieldErrors
from efnn_cli.training.metrics import (
    LABELS,
    MOSTLY,
    TRAIN_MORE,
    TRAIN_THERE,
    Metrics,
    bias_text,
    error_text,
    measure,
    share,
    warn_of_no_use,
)

PER_SITE = ("rmse", "mae", "bias")
ENERGY_ERRORS = tuple(each.name for each in dataclasses.fields(Metrics))


def write(out: Path, found: Array, task: EvaluationSet) -> str:
    """Write predicted and true energies with their indices in the dataset; return the path as shown."""
    arrays = {"energies": found.mean(axis=0), "members": found, "indices": task.chosen}
    if task.known_energies is not None:
        arrays["reference"] = task.known_energies
    members = {
        "runs": [printable(shown(member.path)) for member in task.members],
        "weights": [member.weights for member in task.members],
    }
    atomic.make_folder(out.parent)
    predictions.write(out, arrays, {**members, "dataset": printable(shown(task.path))})
    return shown(out)


def report(
    found: Array,
    task: EvaluationSet,
    outputs: dict[str, str],
    fields: Sequence[FieldErrors | None] | None = None,
    coverage: float | None = None,
) -> Result:
    """Return the errors of the mean prediction; of an ensemble also those of its members, and its spread.

    `found` are predictions (members, B), `fields` the errors of the mean field and of the fields of each member.
    Lattices also get errors per site. Configurations outside the domain are counted; `coverage` asks for error bars.
    """
    system, true = task.members[0].system_for(task.data.spins), task.known_energies
    sites = system.sites if system.geometry == "lattice" else None
    weights, names = [member.weights for member in task.members], [name_of(member.file) for member in task.members]
    every = weights[0] if len(set(weights)) == 1 else "mixed"
    of_mean, *of_members = fields if fields is not None else [None] * (1 + len(found))
    metrics = full(_measured(found.mean(axis=0), true), of_mean, sites, every)
    metrics["samples"] = len(task.chosen)
    tables = error_tables(metrics, sites)
    if len(found) > 1:
        metrics["members"] = [
            full(_measured(each, true), of_fields, sites, of)
            for each, of_fields, of in zip(found, of_members, weights, strict=True)
        ]
        metrics["spread"] = float(found.std(axis=0, ddof=1).mean())
        calibration = {} if true is None else dataclasses.asdict(calibrate(found, true))
        metrics["calibration"] = calibration
        head = ["member", *(LABELS[key] for key in ERRORS)]
        members = [[name, *errors_shown(each)] for name, each in zip(names, metrics["members"], strict=True)]
        of_spread = {CALIBRATION_LABELS[key]: each for key, each in calibration.items() if key != "members"}
        tables += [Table(head, members), facts({"mean spread of the members": metrics["spread"], **of_spread})]
    tables += _trust(found.mean(axis=0), task, metrics, coverage)
    if task.data.temperatures is not None and true is not None:
        chosen = task.data.temperatures[task.chosen]
        metrics["temperatures"] = temperatures.errors_by_temperature(found.mean(axis=0), true, chosen)
        tables.append(temperatures.table(metrics["temperatures"]))
    ratios = {f"on {len(task.chosen)} configurations": metrics["rmse_over_std"]}
    ratios |= {
        f"for {name}": each["rmse_over_std"] for name, each in zip(names, metrics.get("members", ()), strict=False)
    }
    there = (metrics.get("outside") or {"share": 0.0})["share"] > MOSTLY
    warn_of_no_use(ratios, advice=TRAIN_THERE if there else TRAIN_MORE)
    return Result("evaluate", metrics, outputs, tables=tables)


def _trust(predicted: Array, task: EvaluationSet, metrics: dict[str, Any], coverage: float | None) -> list[Table]:
    """Add to `metrics` the configurations outside the domain, and the coverage where asked for; return a table."""
    spins = task.data.spins[task.chosen]
    found: dict[str, Any] = {"outside": outside(task.members, spins)}
    if coverage is not None:
        errors = None if task.known_energies is None else predicted - task.known_energies
        found["coverage"] = coverage_of(task.members, intervals(task.members), spins, errors, coverage)
    known = {key: each for key, each in found.items() if each is not None}
    metrics |= known
    if "coverage" not in known:
        return []
    return [
        facts(
            {
                "coverage, wanted": coverage,
                "reached": known["coverage"]["reached"],
                "half width": known["coverage"]["half_width"],
            }
        )
    ]


def _measured(predicted: Array, true: Array | None) -> Metrics | None:
    return None if true is None else measure(predicted, true)


def error_tables(metrics: Mapping[str, Any], sites: int | None) -> list[Table]:
    """Return the errors of the energy, on a lattice also per site, those of the fields, and the errors that are ratios.

    What a dataset has no labels of is left out.
    """
    rmse, bias, samples = metrics["rmse"], metrics["bias"], metrics["samples"]
    of_fields = {LABELS[key]: number(metrics[key], 3) for key in FIELD_ERRORS if key in metrics}
    rest = {**of_fields, "samples": samples, "weights": metrics["weights"]}
    if rmse is None:
        return [facts(rest)]
    biased = share(bias, rmse)
    parts = {"energy": 1} | ({} if sites is None else {"per site": sites})
    rows: list[list[object]] = [
        [LABELS["rmse"], *(error_text("rmse", rmse / part, samples, biased) for part in parts.values())],
        [LABELS["mae"], *(number(metrics["mae"] / part, 3) for part in parts.values())],
        [LABELS["bias"], *(bias_text(rmse / part, bias / part, samples) for part in parts.values())],
    ]
    ratios = {LABELS[key]: error_text(key, metrics[key], samples, biased) for key in ERRORS[1:]}
    return [Table(["", *parts], rows), facts({**ratios, LABELS["r2"]: metrics["r2"], **rest})]


def errors_shown(metrics: Mapping[str, Any]) -> list[str]:
    """Return RMSE, RMSE/std and relative error with their uncertainties."""
    biased = share(metrics["bias"], metrics["rmse"])
    return [error_text(key, metrics[key], metrics["samples"], biased) for key in ERRORS]


def full(metrics: Metrics | None, fields: FieldErrors | None, sites: int | None, weights: str) -> dict[str, Any]:
    """Return the errors of the weights "best" or "last"; on a lattice of `sites` those of the energy also per site."""
    figures: dict[str, Any] = dict.fromkeys(ENERGY_ERRORS) if metrics is None else dataclasses.asdict(metrics)
    if sites is not None and metrics is not None:
        figures |= {f"{key}_per_site": figures[key] / sites for key in PER_SITE}
    return {**figures, **({} if fields is None else fields.brief()), "weights": weights}
