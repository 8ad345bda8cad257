"""One of the processes of `test_team.py`: trains small networks as its environment tells, and keeps what came out."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from efnn_cli.models import MODELS, build
from efnn_cli.storage import checkpoint
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.team import joined
from efnn_cli.training.trainer import Labelled, Trainer

NEUTRAL = {"epochs": 4, "batch_size": 7, "lr": 1e-2, "initial_spread": 0.3, "dtype": "float64"}
RICH = {"augment": True, "ema": 0.9, "schedule": "cosine", "warmup": 0.2, "weight_decay": 1e-3}
CASES = {  # of 40 configurations; the last batches have 5, 5, 1, 40 and 7
    "adam": {**RICH, "optimizer": "adam"},
    "soap": {**RICH, "optimizer": "soap"},
    "one left over": {"batch_size": 13},
    "one batch": {"batch_size": 1000},
    "patience": {"lr": 1e-30, "epochs": 50, "patience": 2},
}
NETWORKS = [(name, geometry) for name in ("efnn", "dnn", "resnet", "densenet") for geometry in ("lattice", "dense")]


def lattice_data(count, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, 3, 4, 4))
    spins = torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return Labelled(spins, -(spins * spins.roll(1, dims=2)).sum((1, 2, 3)))


def dense_data(count, seed):
    spins = torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, size=(count, 6)))
    return Labelled(spins, spins.square().sum(1) + spins[:, 0] * spins[:, 1] * spins[:, 2])


def trainer_of(team, changes, name="efnn", geometry="lattice", validated=15):
    given = {"depth": 2, "width": 2, "kernel_size": 3} if geometry == "lattice" else {"depth": 2, "width": 4}
    chosen = MODELS[name].options(**given)
    model = build(chosen, geometry, inputs=6, spin_range=(-1, 1), seed=1, dtype=torch.float64)
    data = lattice_data if geometry == "lattice" else dense_data
    options = TrainingOptions(**{**NEUTRAL, **changes})
    return Trainer(model, options, data(40, 0), data(validated, 1), seed=5, team=team)


def outcome(trainer, rows):
    rows = [{**dataclasses.asdict(row), "seconds": 0.0} for row in rows]
    weights = {key: value.tolist() for key, value in trainer.best.weights.items()}
    return {"rows": rows, "weights": weights, "best": [trainer.best.epoch, trainer.best.val_rmse]}


def trained(trainer):
    rows = []
    while not trainer.finished:
        rows.append(trainer.run_epoch())
    return outcome(trainer, rows)


def resumed(team):
    first = trainer_of(team, CASES["soap"])
    rows = [first.run_epoch() for _ in range(2)]
    second = trainer_of(team, CASES["soap"])
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.write(Path(folder) / "last.h5", {}, first.state())
        second.resume(checkpoint.read(Path(folder) / "last.h5").state)
    while not second.finished:
        rows.append(second.run_epoch())
    return outcome(second, rows)


def everything(team):
    """What every process of `team` gets from all cases."""
    found = {name: trained(trainer_of(team, changes)) for name, changes in CASES.items()}
    for name, geometry in NETWORKS:
        found[f"{name} {geometry}"] = trained(trainer_of(team, {"epochs": 1}, name, geometry))
    found["one to validate"] = trained(trainer_of(team, {"epochs": 2}, validated=1))
    found["resumed"] = resumed(team)
    return found


def by_the_clock(team):
    """A second of training, with clocks that run at different speeds."""
    clock = time.perf_counter
    if team.rank == 1:
        time.perf_counter = lambda: 7 * clock()
    start = time.monotonic()
    found = trained(trainer_of(team, {"budget": "1s", "schedule": "cosine"}))
    time.perf_counter = clock
    return found | {"elapsed": time.monotonic() - start}


if __name__ == "__main__":
    with joined() as team:
        result = everything(team) | {"clock": by_the_clock(team)}
        Path(sys.argv[1], f"{os.environ['RANK']}.json").write_text(json.dumps(result))
