"""Training inside a run folder: resume, checkpoints, rows, and the result."""

from __future__ import annotations

import copy
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from efnn_cli.core import rng
from efnn_cli.core.console import Console, duration
from efnn_cli.core.errors import InputError, LostError, NumericalError, Stopped
from efnn_cli.core.signals import StopRequest
from efnn_cli.models import EnergyModel, build, parameter_count
from efnn_cli.models.fast import accelerate
from efnn_cli.models.linear_model import LinearModel
from efnn_cli.physics import System
from efnn_cli.runs.folder import RunFolder
from efnn_cli.runs.settings import TrainConfig
from efnn_cli.storage import checkpoint, tree
from efnn_cli.storage.dataset import Dataset
from efnn_cli.training.metrics import Metrics, measure
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.predict import predict
from efnn_cli.training.rows import EpochRow
from efnn_cli.training.split import Split
from efnn_cli.training.team import SOLO, Team
from efnn_cli.training.trainer import Labelled, Trainer

CHECKPOINT_SECONDS = 10.0
CALIBRATION_SAMPLES = 2000

LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class Fitted:
    """A trained network and what its training took."""

    model: EnergyModel
    epochs: int
    best_epoch: int
    seconds: float
    samples_per_second: float


def fit(
    folder: RunFolder,
    stored: dict[str, Any],
    config: TrainConfig,
    system: System,
    data: Dataset,
    parts: Split,
    device: torch.device,
    console: Console,
    stop: StopRequest,
    team: Team = SOLO,
) -> Fitted:
    """Train (or go on training) the network of `config` in `folder`; the result has the best weights.

    `stored` is the resolved configuration as it goes into the checkpoints. Only the first process of the team writes.
    """
    if config.training is None:
        return _fit_closed_form(folder, stored, config, system, data, parts, device)
    start = time.perf_counter()
    model = initial_model(config, system).to(device)
    train = _resident(data, parts, "train", model.dtype, device)
    val = _resident(data, parts, "val", model.dtype, device)
    if config.training.initial_spread is not None:
        few = slice(0, CALIBRATION_SAMPLES)
        model.calibrate(train.spins[few], train.energies[few], config.training.initial_spread)
    trainer = Trainer(model, config.training, train, val, config.seed, team)
    _resume(folder, stored["hash"], trainer)
    trainer.seconds += time.perf_counter() - start  # a budget is all the time it takes, this included
    team.agree("the epoch to go on from", str(trainer.epoch))
    _train(folder, stored, trainer, config.training, console, stop)
    model.load_state_dict(trainer.best.weights)
    rate = trainer.samples / max(trainer.seconds, 1e-9)
    return Fitted(model, trainer.epoch, trainer.best.epoch, trainer.seconds, rate)


def initial_model(config: TrainConfig, system: System) -> EnergyModel:
    """The network with its initial weights, from the stream "init" of the seed, on the CPU."""
    network = build(
        config.model,
        system.geometry,
        inputs=system.size,
        spin_range=system.spin_range,
        seed=rng.integer(config.seed, "init"),
        dtype=getattr(torch, config.training.dtype if config.training else "float64"),
    )
    return accelerate(network)


def _resident(data: Dataset, parts: Split, name: str, dtype: torch.dtype, device: torch.device) -> Labelled:
    """One part of the dataset, kept on the device: there is no loading during training."""
    chosen = parts.part(name)
    spins = torch.from_numpy(data.spins[chosen]).to(dtype).to(device)
    return Labelled(spins, torch.from_numpy(data.energies[chosen]).to(device))


def _resume(folder: RunFolder, tag: str, trainer: Trainer) -> None:
    """Go on from last.h5 where there is one, otherwise start clean; raises `InputError` where it is not of this run."""
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
    if trainer.team.leads:
        folder.keep_rows(trainer.epoch, tag)


def _read(path: Path, hint: str) -> checkpoint.Checkpoint:
    """A checkpoint; whatever is wrong with it, `hint` tells what to do."""
    try:
        return checkpoint.read(path)
    except InputError as error:
        raise InputError(error.message, error.hint or hint) from error


def _train(
    folder: RunFolder,
    stored: dict[str, Any],
    trainer: Trainer,
    options: TrainingOptions,
    console: Console,
    stop: StopRequest,
) -> None:
    """All epochs; the state at the end of an epoch is stored about every ten seconds, and before any end."""
    saved = time.monotonic()
    state = _snapshot(trainer)
    leads = trainer.team.leads
    budget = options.budget_seconds
    total, unit = (options.epochs, "epochs") if budget is None else (round(budget), "s")
    done = trainer.epoch if budget is None else round(trainer.seconds)
    with console.meter("training", total, unit, start=done) as advance:
        while not trainer.finished:
            try:
                row = trainer.run_epoch(stop.check)
            except (Stopped, NumericalError, LostError):
                if leads and state["epoch"] > 0:
                    _save(folder, stored, state)
                raise
            if not leads:
                continue
            folder.append_row(row, stored["hash"])
            state = _snapshot(trainer)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                _save(folder, stored, state)
                saved = time.monotonic()
            now = row.epoch if budget is None else min(round(row.seconds), total)
            advance(now - done, _note(row))
            done = now
    if leads:
        _save(folder, stored, state)


def _snapshot(trainer: Trainer) -> dict[str, Any]:
    """The state as it is now; that of a team on the CPU, since a GPU may wait for ever for a process that has died."""
    state = trainer.state()
    return copy.deepcopy(state) if trainer.team.size == 1 else dict(tree.on_cpu(state))


def _save(folder: RunFolder, stored: dict[str, Any], state: dict[str, Any]) -> None:
    best = {"weights": state["best_weights"], "epoch": state["best_epoch"], "val_rmse": state["best_val_rmse"]}
    checkpoint.write(folder.last_file, stored, state)  # first: best.h5 without it is a training that cannot go on
    checkpoint.write(folder.best_file, stored, best)


def _note(row: EpochRow) -> str:
    relative = "" if row.val_relative_error is None else f" ({row.val_relative_error:.2e} relative)"
    return f"train rmse {row.train_rmse:.3e}, val rmse {row.val_rmse:.3e}{relative}"


def _fit_closed_form(
    folder: RunFolder,
    stored: dict[str, Any],
    config: TrainConfig,
    system: System,
    data: Dataset,
    parts: Split,
    device: torch.device,
) -> Fitted:
    """Least squares on the training part; one row and one epoch."""
    start = time.perf_counter()
    model = initial_model(config, system).to(device)
    network = model.network
    assert isinstance(network, LinearModel)
    spins = torch.from_numpy(data.spins[parts.train])
    features = torch.cat([network.features(block.to(device)) for block in torch.split(spins, 1000)])
    network.fit(features, torch.from_numpy(data.energies[parts.train]).to(device))
    seconds = time.perf_counter() - start
    train, val = (judge(model, data, parts, name, device) for name in ("train", "val"))
    folder.keep_rows(0, stored["hash"])
    folder.append_row(
        EpochRow(
            epoch=1,
            step=1,
            lr=0.0,
            loss=train.rmse**2,
            train_rmse=train.rmse,
            val_rmse=val.rmse,
            val_relative_error=val.relative_error,
            val_rmse_over_std=val.rmse_over_std,
            seconds=seconds,
        ),
        stored["hash"],
    )
    weights = model.state_dict()
    for path in (folder.last_file, folder.best_file):
        checkpoint.write(path, stored, {"weights": weights, "epoch": 1, "val_rmse": val.rmse})
    return Fitted(model, 1, 1, seconds, len(spins) / max(seconds, 1e-9))


def judge(model: EnergyModel, data: Dataset, parts: Split, name: str, device: torch.device) -> Metrics:
    """Metrics of `model` on one part of the dataset."""
    chosen = parts.part(name)
    return measure(predict(model, data.spins[chosen], device), data.energies[chosen])


def summarise(fitted: Fitted, data: Dataset, parts: Split, device: torch.device) -> dict[str, Any]:
    """The metrics of the result, by the best weights."""
    return {
        "parameters": parameter_count(fitted.model),
        "epochs": fitted.epochs,
        "seconds": fitted.seconds,
        "samples_per_second": fitted.samples_per_second,
        **{name: judge(fitted.model, data, parts, name, device).brief() for name in ("train", "val", "test")},
    }
