"""Results of `efnn sample`: observables as CSV and JSON, a figure, and a table."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from efnn_cli import figures
from efnn_cli.core.device import describe
from efnn_cli.core.numbers import number, with_error
from efnn_cli.core.results import Result, shown
from efnn_cli.core.table import Table, facts
from efnn_cli.datasets.job import Part
from efnn_cli.figures import beside
from efnn_cli.physics.autocorrelation import normalised
from efnn_cli.physics.system import System
from efnn_cli.runs.trust import outside
from efnn_cli.simulation.observables import Measured, measure, warnings_of
from efnn_cli.simulation.sampling import require_free_path
from efnn_cli.simulation.settings import SamplePlan
from efnn_cli.storage import atomic, documents
from efnn_cli.storage.output import taken
from efnn_cli.storage.samples_file import Samples

LOGGER = logging.getLogger("efnn")
TITLES = {
    "m": "magnetisation",
    "m2": "m²",
    "m4": "m⁴",
    "charge": "topological charge",
    "charge2": "charge² per site",
    "u": "internal energy per site",
    "density": "electrons per site",
    "specific_heat": "specific heat per site",
    "binder": "Binder cumulant",
    "correlation_length": "correlation length",
}
"""Names of observables in tables."""


def claim(plan: SamplePlan, *, overwrite: bool) -> None:
    """Raise where samples or their tables and figures would replace something else; see `require_free_path`."""
    require_free_path(plan, overwrite=overwrite)
    if not overwrite and not os.path.exists(plan.path):
        for each in companions(plan):
            if os.path.exists(each):
                raise taken(each, "exists")


def companions(plan: SamplePlan) -> list[Path]:
    """Return the tables and figures beside the samples."""
    stem = plan.path.with_suffix("")
    series = stem.with_name(f"{stem.name}-series")
    return [beside(stem, suffix) for suffix in (".csv", ".json")] + [
        beside(series, suffix) for suffix in figures.SUFFIXES
    ]


def planned(plan: SamplePlan, target: torch.device) -> Result:
    """Return the result of a dry run."""
    atomic.prove_writable(plan.path.parent)
    keys = plan.keys
    metrics = {
        "L": plan.system.size,
        "T": plan.temperature,
        "chains": keys.chains,
        "proposals": keys.proposals,
        "corrected": plan.reference is not None,
        "reference": plan.reference,
        "device": describe(target),
    }
    return Result("sample", metrics, {"samples": shown(plan.path)}, "planned", tables=[facts(metrics)])


def partial(plan: SamplePlan, part: Part) -> Result:
    """Return the result of one part of a job array."""
    metrics = {"shards": part.count, "shard_index": part.index, "groups": len(plan.groups)}
    LOGGER.info("the same command without --shards joins the parts")
    return Result("sample", metrics, {"samples": shown(plan.path)}, "partial", tables=[facts(metrics)])


def report(plan: SamplePlan, samples: Samples) -> Result:
    """Write the observables beside the samples and return them, with warnings where they cannot be trusted."""
    measured = measure(samples, plan.system)
    for text in warnings_of(measured, plan.keys.proposals):
        LOGGER.warning("%s", text)
    if not samples.corrected:
        LOGGER.warning("correct=false: these are samples of the network, as wrong as its energies")
    stem = plan.path.with_suffix("")
    metrics = metrics_of(plan, samples, measured)
    write_csv(beside(stem, ".csv"), measured, samples)
    documents.write_json(beside(stem, ".json"), metrics)
    figure = draw(measured, samples, plan.system, stem.with_name(f"{stem.name}-series"))
    outputs = {"samples": plan.path, "observables": beside(stem, ".csv"), "figure": figure}
    return Result(
        "sample", metrics, {name: shown(each) for name, each in outputs.items()}, tables=tables(metrics, plan.system)
    )


def metrics_of(plan: SamplePlan, samples: Samples, measured: Measured) -> dict[str, Any]:
    """Return the metrics of the contract, with a warning of configurations outside of what the network has learned.

    Effective samples are those of the slower one of energy and m^2.
    """
    reference = samples.metadata["reference"]
    rows = samples.chains * plan.keys.proposals
    effective = None if measured.tau is None else rows / (2 * measured.tau)
    labels = samples.metadata["exact_labels"]
    hours = reference["seconds"] / 3600
    return {
        "L": plan.system.size,
        "T": samples.temperature,
        "chains": samples.chains,
        "proposals": plan.keys.proposals,
        "acceptance": measured.acceptance,
        "predicted_acceptance": measured.predicted_acceptance,
        "corrected": samples.corrected,
        "tau_proposals": measured.tau,
        "effective_samples": effective,
        "effective_samples_per_label": effective / labels if effective is not None and labels else None,
        "effective_samples_per_core_hour": effective / hours if effective is not None and hours > 0 else None,
        "r_hat": measured.r_hat,
        "seconds": reference["seconds"],
        "reference": reference["method"],
        "exact_labels": labels,
        "trajectories": max(each["trajectories"] for each in samples.metadata["settings"]),
        "outside": outside([plan.run], samples.arrays["spins"], " of the chains"),
        "observables": {
            name: {key: each for key, each in asdict(found).items() if key != "tau_error"}
            for name, found in measured.observables.items()
        },
    }


def tables(metrics: dict[str, Any], system: System) -> list[Table]:
    """Return the merit of the moves and the observables for people, in the unit of the energy."""
    unit = f" ({system.energy_unit})" if system.energy_unit else ""
    titles = TITLES | {"energy": f"{system.energy_name} per site{unit}", "u": f"internal energy per site{unit}"}
    keys = ["L", "T", "corrected", "reference", "acceptance", "predicted_acceptance", "tau_proposals"]
    keys += ["effective_samples", "r_hat", "seconds"]
    head = facts({name.replace("_", " "): metrics[name] for name in keys if metrics[name] is not None})
    left_out = ("S(0)", "S(q1)", "m4", *(("u",) if system.energy_name == "energy" else ()))  # u is the energy there
    rows = [
        (titles.get(name, name.replace("_", " ")), with_error(each["mean"], each["error"]), number(each["tau"], 3))
        for name, each in metrics["observables"].items()
        if each["mean"] is not None and name not in left_out
    ]
    return [head, Table(("observable", "mean", "tau (proposals)"), rows)]


def write_csv(path: Path, measured: Measured, samples: Samples) -> None:
    """Write a row an observable."""
    head = ("observable", "mean", "error", "tau", "tau_error", "corrected")
    rows = [
        (name, each.mean, each.error, each.tau, each.tau_error, samples.corrected)
        for name, each in measured.observables.items()
    ]
    atomic.write_csv(path, [head, *rows])


def draw(measured: Measured, samples: Samples, system: System, stem: Path) -> Path:
    """Draw series, histograms, autocorrelation, S(q) and the last configuration; return the path of the PNG."""
    title = f"{system.kind.replace('_', ' ')}, L = {system.size}, T = {samples.temperature:g}"
    note = "corrected" if samples.corrected else "uncorrected: samples of the network"
    series = {f"{system.energy_name} per site": measured.series["energy"], "magnetisation": measured.series["m"]}
    correlations = {name: normalised(each) for name, each in series.items()}
    last, head = samples.arrays["spins"][-1], f"{title}, {note}"
    return figures.sample(series, correlations, measured.structure_factor, last, stem, head, unit=system.energy_unit)
