"""Execute a plan: train in its run folder, or beside it where `--overwrite` replaces a run."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import Any

import torch

from efnn_cli.core import doubles
from efnn_cli.core.console import Console
from efnn_cli.core.device import describe
from efnn_cli.core.errors import ConflictError
from efnn_cli.core.provenance import versions
from efnn_cli.core.results import shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets import find
from efnn_cli.runs import fitting, trust
from efnn_cli.runs.folder import RunFolder
from efnn_cli.runs.planning import Plan
from efnn_cli.storage import atomic
from efnn_cli.storage.lock import owned
from efnn_cli.storage.output import taken
from efnn_cli.training import distributed

HEIGHT = 3**0.5 / 2  # of a row of the triangular lattice, in units of the bond length

LOGGER = logging.getLogger("efnn")


def obtain(plan: Plan, console: Console, *, overwrite: bool) -> None:
    """Finish the run of `plan`: find it finished, resume it, or train it; `overwrite` trains it again.

    One of several processes trains its part of every batch; only the main process writes.
    """
    device = distributed.local_device(plan.config.device)
    if plan.config.training is None or plan.config.training.dtype == "float64":
        doubles.require(device, "this network computes")
    with contextlib.ExitStack() as held:
        place = distributed.broadcast(lambda: _begin(plan, device, console, held, overwrite=overwrite))
        if place is None or (plan.config.training is None and not distributed.is_main()):
            return
        folder = RunFolder(Path(place))
        several = distributed.world_size() > 1
        with StopRequest(_how_to_go_on(plan, folder), several=several) as stop, distributed.lost_rank_as_error():
            fitted = fitting.fit(plan, folder, device, console, stop)
        if distributed.is_main():
            metrics = fitting.summarise(fitted, plan, device)
            folder.write_summary(_summary(plan, fitted, metrics, console) | trust.as_stored(fitted.model, plan, device))
            if folder.path != plan.folder.path:
                plan.folder.take_successor()


def _begin(
    plan: Plan, device: torch.device, console: Console, held: contextlib.ExitStack, *, overwrite: bool
) -> str | None:
    """Lock and prepare the folder to train in, and return its path; None where the run is finished.

    `held` keeps the lock and the log file.
    """
    folder = plan.folder
    replaced = complete_replacement(folder) and folder.holds(plan.tag)
    again = overwrite and not replaced  # a killed --overwrite may have finished the run that is asked for
    if not again:
        claim_run(folder, plan.tag)
        if folder.finished:
            _report_finished(folder)
            return None
    atomic.make_folder(folder.path)
    held.enter_context(owned(folder.lock_file, f"the run {shown(folder.path)}"))
    if again:
        folder = _successor(plan)
    elif folder.finished:  # by another process meanwhile
        return None
    held.enter_context(console.log_file(folder.log_file))
    folder.remove_leftovers()
    folder.write_config(plan.stored)
    _announce(plan, describe(device))
    return str(folder.path)


def complete_replacement(folder: RunFolder) -> bool:
    """Put a finished successor in place where `--overwrite` was killed before it did; return whether there was one."""
    if not folder.successor.finished:
        return False
    with owned(folder.lock_file, f"the run {shown(folder.path)}"):
        if folder.successor.finished:
            folder.take_successor()
    return True


def claim_run(folder: RunFolder, tag: str) -> None:
    """Raise `ConflictError` where `folder` is not the run with the hash `tag`, or could not be resumed."""
    if not os.path.exists(folder.path) or (os.path.isdir(folder.path) and folder.empty):
        return
    if not folder.holds(tag):
        raise taken(folder.path, "exists and is something else")
    if folder.stranded:
        raise ConflictError(
            f"{shown(folder.path)} holds the weights of its best epoch so far (best.h5), but no last.h5 to go on from",
            folder.without_state,
        )


def _report_finished(folder: RunFolder) -> None:
    """Log that the run is finished, and renew its time; needs no right to write."""
    folder.read_summary()
    LOGGER.info("%s is finished already", shown(folder.path))
    if folder.successor.begun:
        LOGGER.info("another training in its place was begun; --overwrite goes on with that")
    find.renew(folder.summary_file)


def _successor(plan: Plan) -> RunFolder:
    """Return the folder of the run that will replace `plan.folder`, with its state where it was begun."""
    new = plan.folder.successor
    if not new.holds(plan.tag):
        if os.path.exists(new.last_file):
            raise ConflictError(
                f"{shown(new.path)} holds another training, begun with --overwrite to replace this run",
                f"its own command with --overwrite goes on with it; to do without it, remove {shown(new.path)}",
            )
        new.clear()
    atomic.make_folder(new.path)
    return new


def _how_to_go_on(plan: Plan, folder: RunFolder) -> str:
    """Return the hint of a run that a signal stopped."""
    if folder.path != plan.folder.path:
        return "the same command goes on; what was there is as it was"
    return f"go on with: efnn train --resume {shown(folder.path)}"


def _announce(plan: Plan, device_name: str) -> None:
    """Log run, network and recipe; warn of a receptive field wider than the training lattice."""
    LOGGER.info("run: %s", shown(plan.folder.path))
    recipe = plan.config.training.name if plan.config.training else "closed_form"
    size = distributed.world_size()
    where = device_name if size == 1 else f"{size} processes, the first on {device_name}"
    LOGGER.info("training %s on %s, recipe %s", plan.config.model.name, where, recipe)
    if plan.stored["receptive_field"] is not None:
        _announce_receptive_field(plan, plan.stored["receptive_field"])


def _announce_receptive_field(plan: Plan, field: int) -> None:
    """Log the side of the window that a site sees; warn where the training lattice is too small for it."""
    square = plan.system.kind_of_lattice.name == "square"
    reach = "" if square else f" cells, all sites within {field // 2 * HEIGHT:.3g}"
    LOGGER.info("receptive field: %d x %d%s", field, field, reach)
    shortest = min(side for side in plan.system.sides if side > 1)
    if field > shortest:
        LOGGER.warning(
            "the receptive field %d is wider than the training lattice %s: extrapolation will be biased",
            field,
            plan.system.size,
        )
    elif 2 * (field - 1) >= shortest and getattr(plan.config.model, "symmetry", None) in ("axial", "none"):
        LOGGER.warning(
            "the receptive field %d joins spins half a lattice apart (L = %s), whose S x S' cancels there but not on "
            "larger lattices: train at L >= %d",
            field,
            plan.system.size,
            2 * field - 1,
        )


def _summary(plan: Plan, fitted: fitting.Fitted, metrics: dict[str, Any], console: Console) -> dict[str, Any]:
    """Return the content of summary.json."""
    return {
        "schema_version": 1,
        "status": "ok",
        "warnings": console.warnings,
        "metrics": metrics,
        "best_epoch": fitted.best_epoch,
        "receptive_field": plan.stored["receptive_field"],
        "hash": plan.tag,
        "versions": versions(),
    }
