"""Carrying out a plan: in its run folder, or aside where `--overwrite` replaces a run."""

from __future__ import annotations

import logging
import os
from typing import Any

import torch

from efnn_cli.core.console import Console
from efnn_cli.core.device import describe
from efnn_cli.core.errors import ConflictError
from efnn_cli.core.provenance import versions
from efnn_cli.core.results import shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets import find
from efnn_cli.runs import fitting
from efnn_cli.runs.folder import RunFolder
from efnn_cli.runs.planning import Plan
from efnn_cli.storage import atomic
from efnn_cli.storage.lock import owned
from efnn_cli.storage.output import taken
from efnn_cli.training.team import SOLO, Team

LOGGER = logging.getLogger("efnn")
NOTHING, HERE, ASIDE = range(3)  # what the first process tells the others to do: train in the folder, or in `.new/`


def complete_replacement(folder: RunFolder) -> bool:
    """Do what is left where a process was killed between the end of `--overwrite` and the exchange of the runs."""
    if not folder.successor.finished:
        return False
    with owned(folder.lock_file, f"the run {shown(folder.path)}"):
        if folder.successor.finished:
            folder.take_successor()
    return True


def obtain(plan: Plan, console: Console, *, overwrite: bool, team: Team = SOLO) -> None:
    """See to it that the run of `plan` is finished: find it so, go on with it, or train it (again to `overwrite`)."""
    if team.leads:
        _lead(plan, console, team, overwrite=overwrite)
    else:
        _follow(plan, console, team)


def _lead(plan: Plan, console: Console, team: Team, *, overwrite: bool) -> None:
    """As the process that alone writes."""
    folder = plan.folder
    replaced = complete_replacement(folder) and folder.holds(plan.tag)
    again = overwrite and not replaced  # what a killed --overwrite had finished is the run that was asked for
    if not again:
        claim_run(folder, plan.tag)
    target = _device(plan, team)
    if folder.finished and not again:
        _say_finished(folder)
        team.first_says(NOTHING)
    else:
        _carry_out(plan, target, console, team, overwrite=again)


def _follow(plan: Plan, console: Console, team: Team) -> None:
    """As a process that trains where the first one says, and writes nothing."""
    target = _device(plan, team)
    task = int(team.first_says(NOTHING)[0])
    folder = plan.folder.successor if task == ASIDE else plan.folder
    if task != NOTHING and plan.config.training is not None:  # a closed form is the first one's alone
        _fit(plan, folder, target, console, team)


def _device(plan: Plan, team: Team) -> torch.device:
    """The device of this process, of the same kind in all of them."""
    target = team.device(plan.config.device)
    team.agree("the device", target.type)
    return target


def _say_finished(folder: RunFolder) -> None:
    """What is told of a run that was there; needs no right to write."""
    folder.read_summary()
    LOGGER.info("%s is finished already", shown(folder.path))
    if folder.successor.begun:
        LOGGER.info("another training in its place was begun; --overwrite goes on with that")
    find.renew(folder.summary_file)


def _carry_out(plan: Plan, target: torch.device, console: Console, team: Team, *, overwrite: bool) -> None:
    """Train, owning the run folder; raises `ConflictError` where another process does."""
    folder = plan.folder
    atomic.make_folder(folder.path)
    with owned(folder.lock_file, f"the run {shown(folder.path)}"):
        if overwrite:
            _replace(plan, target, console, team)
        elif not folder.finished:
            _train(plan, folder, target, console, team)
        else:  # another process has ended it meanwhile
            team.first_says(NOTHING)


def _replace(plan: Plan, target: torch.device, console: Console, team: Team) -> None:
    """Train aside, or go on with that; the run that is there stays as it is until the new one is finished."""
    new = plan.folder.successor
    if not new.holds(plan.tag):
        if os.path.exists(new.last_file):
            raise ConflictError(
                f"{shown(new.path)} holds another training, begun with --overwrite to replace this run",
                f"its own command with --overwrite goes on with it; to do without it, remove {shown(new.path)}",
            )
        new.clear()
    atomic.make_folder(new.path)
    _train(plan, new, target, console, team)
    plan.folder.take_successor()


def _how_to_go_on(plan: Plan, folder: RunFolder) -> str:
    """What to do after a signal."""
    if folder.path != plan.folder.path:
        return "the same command goes on; what was there is as it was"
    return f"go on with: efnn train --resume {shown(folder.path)}"


def _train(plan: Plan, folder: RunFolder, target: torch.device, console: Console, team: Team) -> None:
    """Train in `folder` to the end."""
    with console.log_file(folder.log_file):
        folder.remove_leftovers()
        folder.write_config(plan.stored)
        _announce(
            plan, describe(target) if team.size == 1 else f"{team.size} processes, the first on {describe(target)}"
        )
        team.first_says(HERE if folder.path == plan.folder.path else ASIDE)
        fitted = _fit(plan, folder, target, console, team)
        metrics = fitting.summarise(fitted, plan.data, plan.parts, target)
        folder.write_summary(_summary(plan, fitted, metrics, console))


def _fit(plan: Plan, folder: RunFolder, target: torch.device, console: Console, team: Team) -> fitting.Fitted:
    with StopRequest(_how_to_go_on(plan, folder), several=team.size > 1) as stop:
        return fitting.fit(
            folder, plan.stored, plan.config, plan.system, plan.data, plan.parts, target, console, stop, team
        )


def _announce(plan: Plan, device_name: str) -> None:
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


def _summary(plan: Plan, fitted: fitting.Fitted, metrics: dict[str, Any], console: Console) -> dict[str, Any]:
    """What summary.json says: the result, and how it was reached."""
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


def claim_run(folder: RunFolder, tag: str) -> None:
    """Raise `ConflictError` where `folder` is something else than the run with the hash `tag`, or could not go on."""
    if not os.path.exists(folder.path) or (os.path.isdir(folder.path) and folder.empty):
        return
    if not folder.holds(tag):
        raise taken(folder.path, "exists and is something else")
    if folder.stranded:
        raise ConflictError(
            f"{shown(folder.path)} holds the weights of its best epoch so far (best.h5), but no last.h5 to go on from",
            folder.without_state,
        )
