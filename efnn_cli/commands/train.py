"""`efnn train`: train a network on a dataset, in a run folder that can be resumed."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from efnn_cli import catalogue, device, fitting
from efnn_cli.config import Request
from efnn_cli.console import Console
from efnn_cli.errors import ConflictError
from efnn_cli.models import parameter_count
from efnn_cli.planning import Plan, plan_new, plan_resumed
from efnn_cli.provenance import versions
from efnn_cli.results import Result, number, shown
from efnn_cli.runs import RunFolder
from efnn_cli.signals import StopRequest
from efnn_cli.storage import atomic
from efnn_cli.storage.lock import owned

LOGGER = logging.getLogger("efnn")


def run(
    request: Request,
    console: Console,
    *,
    data: Path | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Result:
    """Train the network of the configuration, go on with it, or find it trained."""
    plan = plan_new(request, data, out) if resume is None else plan_resumed(request, resume, data, out)
    folder = plan.folder
    if not overwrite:
        refuse_other(folder, plan.stored["hash"])
    target = device.resolve(plan.config.device)
    if dry_run:
        atomic.prove_writable(folder.path)
        return planned(plan)
    with owned(prepared(folder), f"the run {shown(folder.path)}"), console.log_file(folder.log_file):
        if overwrite:
            folder.clear()
        if folder.finished:
            LOGGER.info("%s is finished already", shown(folder.path))
            catalogue.renew(folder.summary_file)
            return report(folder, folder.read_summary()["metrics"])
        folder.write_config(plan.stored)
        announce(plan, device.describe(target))
        with StopRequest(f"go on with: efnn train --resume {shown(folder.path)}") as stop:
            fitted = fitting.fit(
                folder, plan.stored, plan.config, plan.system, plan.data, plan.parts, target, console, stop
            )
        metrics = fitting.summarise(fitted, plan.data, plan.parts, target)
        folder.write_summary(summary(plan, fitted, metrics, console))
    return report(folder, metrics)


def refuse_other(folder: RunFolder, tag: str) -> None:
    """Raise `ConflictError` where the folder is something else than this run."""
    path = folder.path
    if not os.path.exists(path) or (os.path.isdir(path) and not any(path.iterdir())):
        return
    same = os.path.isdir(path) and (not folder.begun or folder.read_config().get("hash") == tag)
    foreign = os.path.isdir(path) and not folder.begun and any(each.name != "lock" for each in path.iterdir())
    if not same or foreign:
        raise ConflictError(f"{path} exists and is something else", "choose another --out, or --overwrite it")


def prepared(folder: RunFolder) -> Path:
    """The lock file, in a folder that was just proved writable."""
    atomic.make_folder(folder.path)
    return folder.lock_file


def announce(plan: Plan, device_name: str) -> None:
    """Say what is being trained, and warn where the network sees more than the training lattice."""
    LOGGER.info("run: %s", shown(plan.folder.path))
    recipe = plan.config.training.name if plan.config.training else "closed_form"
    LOGGER.info("training %s on %s, recipe %s", plan.config.model.name, device_name, recipe)
    field = plan.stored["receptive_field"]
    if field is not None:
        LOGGER.info("receptive field: %d x %d", field, field)
        if field > plan.system.size:
            LOGGER.warning(
                "the receptive field %d is wider than the training lattice %d: extrapolation will be biased",
                field,
                plan.system.size,
            )


def planned(plan: Plan) -> Result:
    """What a dry run says."""
    model = fitting.initial_model(plan.config, plan.system)
    metrics = {
        "parameters": parameter_count(model),
        "epochs": plan.config.training.epochs if plan.config.training else 1,
        "receptive_field": plan.stored["receptive_field"],
        "samples": len(plan.data),
    }
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("train", metrics, {"run": shown(plan.folder.path)}, "planned", rows)


def summary(plan: Plan, fitted: fitting.Fitted, metrics: dict[str, Any], console: Console) -> dict[str, Any]:
    """What summary.json says: the result, and how it was reached."""
    return {
        "schema_version": 1,
        "status": "ok",
        "warnings": console.warnings,
        "metrics": metrics,
        "best_epoch": fitted.best_epoch,
        "receptive_field": plan.stored["receptive_field"],
        "hash": plan.stored["hash"],
        "versions": versions(),
    }


def report(folder: RunFolder, metrics: dict[str, Any]) -> Result:
    """Errors on the three parts, and what training took."""
    scalars = ("parameters", "epochs", "seconds", "samples_per_second")
    rows = [[key, number(metrics[key])] for key in scalars]
    for part in ("train", "val", "test"):
        rows += [[f"{part} {key}", number(value)] for key, value in metrics[part].items()]
    outputs = {"run": shown(folder.path), "checkpoint": shown(folder.best_file)}
    return Result("train", metrics, outputs, rows=rows)
