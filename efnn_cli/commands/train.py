"""`efnn train`: train a network on a dataset, in a run folder that can be resumed."""

from __future__ import annotations

import logging
from pathlib import Path

from efnn_cli import catalogue, destination, device, fitting
from efnn_cli.conduct import carry_out, complete_replacement
from efnn_cli.config import Request
from efnn_cli.console import Console
from efnn_cli.errors import ConfigError
from efnn_cli.models import parameter_count
from efnn_cli.planning import Plan, plan_new, plan_resumed
from efnn_cli.results import Result, number, shown
from efnn_cli.runs import FIGURES, PARTS, RunFolder
from efnn_cli.storage import atomic

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
    if resume is not None and overwrite:
        raise ConfigError("--resume goes on with a run, --overwrite starts it again: found both", "keep one of them")
    if resume is not None and not dry_run:
        complete_replacement(RunFolder(resume))
    plan = plan_new(request, data, out) if resume is None else plan_resumed(request, resume, data, out)
    folder = plan.folder
    replaced = not dry_run and complete_replacement(folder) and folder.holds(plan.tag)
    again = overwrite and not replaced  # what a killed --overwrite had finished is the run that was asked for
    if not again:
        destination.claim_run(folder, plan.tag)
    target = device.resolve(plan.config.device)
    if dry_run:
        return planned(plan)
    if folder.finished and not again:
        return stored_result(folder)
    carry_out(plan, target, console, overwrite=again)
    return report(folder)


def planned(plan: Plan) -> Result:
    """What a dry run says, once the place is known to be writable."""
    atomic.prove_writable(plan.folder.path)
    model = fitting.initial_model(plan.config, plan.system)
    metrics = {
        "parameters": parameter_count(model),
        "epochs": plan.config.training.epochs if plan.config.training else 1,
        "receptive_field": plan.stored["receptive_field"],
        "samples": len(plan.data),
    }
    rows = [[key, number(value)] for key, value in metrics.items()]
    return Result("train", metrics, {"run": shown(plan.folder.path)}, "planned", rows)


def stored_result(folder: RunFolder) -> Result:
    """What a finished run says again; needs no right to write."""
    result = report(folder)
    LOGGER.info("%s is finished already", shown(folder.path))
    if folder.successor.begun:
        LOGGER.info("another training in its place was begun; --overwrite goes on with that")
    catalogue.renew(folder.summary_file)
    return result


def report(folder: RunFolder) -> Result:
    """Errors on the three parts, and what training took."""
    metrics = folder.read_summary()["metrics"]
    rows = [[key, number(metrics[key])] for key in FIGURES]
    for part in PARTS:
        rows += [[f"{part} {key}", number(value)] for key, value in metrics[part].items()]
    outputs = {"run": shown(folder.path), "checkpoint": shown(folder.best_file)}
    return Result("train", metrics, outputs, rows=rows)
