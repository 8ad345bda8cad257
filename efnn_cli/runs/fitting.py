"""Training inside a run folder: resume, epochs, checkpoints, and the metrics of the result."""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from efnn_cli.core import doubles, rng
from efnn_cli.core.console import Console
from efnn_cli.core.errors import InputError, NumericalError, Stopped
from efnn_cli.core.numbers import number
from efnn_cli.core.progress import duration
from efnn_cli.core.signals import StopRequest
from efnn_cli.models.build import parameter_count
from efnn_cli.models.energy import EnergyModel
from efnn_cli.models.linear_model import LinearModel
from efnn_cli.physics.system import System
from efnn_cli.runs.board import tensorboard
from efnn_cli.runs.folder import RunFolder
from efnn_cli.runs.network import network_for
from efnn_cli.runs.origin import Origin, load_weights, place_state
from efnn_cli.runs.planning import Plan, Source
from efnn_cli.runs.settings import TrainConfig
from efnn_cli.runs.stored import PARTS
from efnn_cli.runs.units import calibrate, centre, few_of
from efnn_cli.storage import checkpoint, tree
from efnn_cli.training import distributed
from efnn_cli.training.fields import brief, measure_fields
from efnn_cli.training.history import EpochRow
from efnn_cli.training.labelled import Labelled, OneSize
from efnn_cli.training.metrics import measure
from efnn_cli.training.predict import fields_of, predict
from efnn_cli.training.trainer import Best, Trainer

CHECKPOINT_SECONDS = 10.0
CLOSED_FORM_BATCH = 1000

LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class Fitted:
    """A trained network, its epochs and times."""

    model: EnergyModel
    epochs: int
    best_epoch: int
    seconds: float
    samples_per_second: float


def fit(plan: Plan, folder: RunFolder, device: torch.device, console: Console, stop: StopRequest) -> Fitted:
    """Train the network of `plan` in `folder`, or continue its training; return it with its best weights.

    Of several processes only the main one writes.
    """
    if plan.config.training is None:
        return _fit_closed_form(plan, folder, device)
    start = time.perf_counter()
    begun = distributed.broadcast(lambda: os.path.exists(folder.last_file))
    origin = plan.origin
    if origin is not None and origin.how == "extend" and not begun:
        distributed.broadcast(lambda: place_state(origin, folder, plan.stored))
    trainer = _trainer(plan, device, None if begun else origin)
    distributed.agreed(lambda: _resume(folder, plan.tag, trainer), lambda epoch: f"resumes after epoch {epoch}")
    trainer.seconds += time.perf_counter() - start  # a budget includes this time
    _train(plan, folder, trainer, console, stop)
    model = trainer.model
    assert isinstance(model, EnergyModel)
    model.load_state_dict(trainer.best.weights)
    rate = trainer.samples / max(trainer.seconds, 1e-9)
    return Fitted(model, trainer.epoch, trainer.best.epoch, trainer.seconds, rate)


def initial_model(config: TrainConfig, system: System) -> EnergyModel:
    """Return the network with its initial weights, from the stream "init" of the seed, on the CPU."""
    dtype = config.training.dtype if config.training else "float64"
    return network_for(system, config.model, seed=rng.integer(config.seed, "init"), dtype=dtype)


def _trainer(plan: Plan, device: torch.device, origin: Origin | None) -> Trainer:
    """Return the trainer at epoch 0, with the calibrated network, or that of `origin`, and all data on `device`."""
    options = plan.config.training
    assert options is not None
    model = initial_model(plan.config, plan.system).on(device)
    first, *more = (_resident(plan, source, model.dtype, device) for source in plan.sources)
    # without an initial spread the network is the published one, which has no units
    every = [] if options.initial_spread is None else [each.train for each in (first, *more)]
    few = few_of(every, plan.config.seed)
    if origin is not None and origin.how == "init":
        load_weights(origin, model)
        centre(model, few)
    elif options.initial_spread is not None:
        calibrate(model, first.train, options.initial_spread, plan.config.seed)
    epochs = 0 if plan.origin is None else plan.origin.epochs
    return Trainer(
        model,
        options,
        first.train,
        first.val,
        plan.config.seed,
        first.operations,
        epochs,
        more,
        partial(centre, few=few),
    )


def _resident(plan: Plan, source: Source, dtype: torch.dtype, device: torch.device) -> OneSize:
    """Return a dataset on `device`: there is no loading during training."""

    def part(name: str) -> Labelled:
        chosen, data = source.parts.part(name), source.data
        spins, fields = (
            None if each is None else torch.from_numpy(each[chosen]).to(dtype).to(device)
            for each in (data.spins, data.fields)
        )
        assert spins is not None
        if data.known_energies is None:
            return Labelled(spins, None, fields)
        energies = torch.from_numpy(data.known_energies[chosen]).to(doubles.float64_device(device))
        return Labelled(spins, energies, fields)

    operations = [each.apply for each in source.system.point_group()]
    return OneSize(part("train"), part("val"), operations, source.system.sites / plan.system.sites)


def _resume(folder: RunFolder, tag: str, trainer: Trainer) -> int:
    """Load last.h5 where there is one, drop later rows, and return the epoch; raise `InputError` for a bad file."""
    if os.path.exists(folder.last_file):
        again = folder.without_state
        last = _read(folder.last_file, again)
        folder.require_own(folder.last_file, last.config.get("hash"), again, tag)
        try:
            trainer.resume(last.state)
        except (KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{folder.last_file} holds no state to go on from: {reason}", again) from error
        budget, epochs = trainer.options.budget, trainer.options.epochs
        length = f"of {epochs}" if budget is None else f"({duration(trainer.seconds)} of {budget})"
        LOGGER.info("resumed after epoch %d %s", trainer.epoch, length)
    if distributed.is_main():
        folder.keep_rows(trainer.epoch, tag)
    return trainer.epoch


def _read(path: Path, hint: str) -> checkpoint.Checkpoint:
    """Read a checkpoint; its errors get `hint` where they have none."""
    try:
        return checkpoint.read(path)
    except InputError as error:
        raise InputError(error.message, error.hint or hint) from error


def _train(plan: Plan, folder: RunFolder, trainer: Trainer, console: Console, stop: StopRequest) -> None:
    """Run all epochs; store the state after an epoch about every ten seconds, and before any end."""
    is_main = distributed.is_main()
    saved = time.monotonic()
    state = _snapshot(trainer)
    budget = trainer.options.budget_seconds
    total, unit = (trainer.options.epochs, "epochs") if budget is None else (round(budget), "s")
    done = trainer.epoch if budget is None else round(trainer.seconds)
    with console.meter("training", total, unit, start=done) as advance, _table(plan, folder, trainer.epoch) as write:
        while not trainer.finished:
            try:
                row = trainer.run_epoch(stop.check)
            except (Stopped, NumericalError, RuntimeError):
                if is_main and state["epoch"] > 0:
                    _save(plan, folder, state)
                raise
            if not is_main:
                continue
            write(row)
            state = _snapshot(trainer)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                _save(plan, folder, state)
                saved = time.monotonic()
            now = row.epoch if budget is None else min(round(row.seconds), total)
            advance(now - done, _note(row, trainer.best, plan.system.energy_unit))
            done = now
    if is_main:
        _save(plan, folder, state)


@contextlib.contextmanager
def _table(plan: Plan, folder: RunFolder, epoch: int) -> Iterator[Callable[[EpochRow], None]]:
    """Yield a function that adds one row to metrics.csv, and to the event files where they are asked for."""
    if plan.config.log == "csv" or not distributed.is_main():
        yield lambda row: folder.append_row(row, plan.tag)
        return
    with tensorboard(plan.folder.path, epoch) as add:

        def write(row: EpochRow) -> None:
            folder.append_row(row, plan.tag)
            add(row)

        yield write


def _snapshot(trainer: Trainer) -> dict[str, Any]:
    """Return a copy of the state; of several processes on the CPU, since a GPU may wait for a lost rank."""
    state = trainer.state()
    return copy.deepcopy(state) if distributed.world_size() == 1 else dict(tree.on_cpu(state))


def _save(plan: Plan, folder: RunFolder, state: dict[str, Any]) -> None:
    """Write last.h5, then best.h5: best.h5 alone could not be resumed."""
    best = {"weights": state["best_weights"], "epoch": state["best_epoch"], "val_rmse": state["best_val_rmse"]}
    checkpoint.write(folder.last_file, plan.stored, state)
    checkpoint.write(folder.best_file, plan.stored, best)


def _note(row: EpochRow, best: Best, unit: str) -> str:
    """Return the errors of an epoch and the best ones so far, for the progress bar."""
    now = f"RMSE train {number(row.train_rmse, 3)}, val {number(row.val_rmse, 3)}"
    if row.val_field_rmse is not None:
        now += f", fields {number(row.val_field_rmse, 3)}"
    return f"{now}, best val {number(best.val_rmse, 3)} at epoch {best.epoch} ({unit})"


def _fit_closed_form(plan: Plan, folder: RunFolder, device: torch.device) -> Fitted:
    """Fit the linear model to the training part by least squares; write one row and the weights."""
    start = time.perf_counter()
    model = initial_model(plan.config, plan.system).on(device)
    network = model.network
    assert isinstance(network, LinearModel)
    parts = [_resident(plan, source, torch.float64, device) for source in plan.sources]
    blocks = [(block, each.scale) for each in parts for block in torch.split(each.train.spins, CLOSED_FORM_BATCH)]
    features = torch.cat([network.features(block) / scale for block, scale in blocks])
    energies = [each.train.energies / each.scale for each in parts if each.train.energies is not None]
    network.fit(features, torch.cat(energies))
    seconds = time.perf_counter() - start
    errors = {part: errors_of(model, plan.sources[0], part, device) for part in ("train", "val")}
    train, val = (each["rmse"] for each in errors.values())
    assert train is not None  # a dataset without energies was refused
    assert val is not None
    row = EpochRow(
        epoch=1,
        step=1,
        lr=0.0,
        loss=train**2,
        train_rmse=train,
        val_rmse=val,
        val_relative_error=errors["val"]["relative_error"],
        val_rmse_over_std=errors["val"]["rmse_over_std"],
        seconds=seconds,
    )
    folder.keep_rows(0, plan.tag)
    folder.append_row(row, plan.tag)
    for path in (folder.last_file, folder.best_file):
        checkpoint.write(path, plan.stored, {"weights": model.state_dict(), "epoch": 1, "val_rmse": val})
    return Fitted(model, 1, 1, seconds, len(features) / max(seconds, 1e-9))


def errors_of(model: EnergyModel, source: Source, part: str, device: torch.device) -> dict[str, float | None]:
    """Return the errors of `model` on one part of a dataset by name: of energies, and of fields where there are any."""
    chosen, data = source.parts.part(part), source.data
    spins = data.spins[chosen]
    energies = None if data.known_energies is None else measure(predict(model, spins, device), data.energies[chosen])
    fields = None
    if data.fields is not None:
        fields = measure_fields(fields_of(model, spins, device), data.fields[chosen], spins)
    return brief(energies, fields)


def summarise(fitted: Fitted, plan: Plan, device: torch.device) -> dict[str, Any]:
    """Return the metrics of the best weights, as they stand in summary.json: on the first dataset, then on each."""
    every = [{part: errors_of(fitted.model, source, part, device) for part in PARTS} for source in plan.sources]
    sizes = [{"L": source.system.size, "samples": len(source.data)} for source in plan.sources]
    return {
        "parameters": parameter_count(fitted.model),
        "epochs": fitted.epochs,
        "seconds": fitted.seconds,
        "samples_per_second": fitted.samples_per_second,
        **every[0],
        **({"datasets": [size | errors for size, errors in zip(sizes, every, strict=True)]} if every[1:] else {}),
    }
