"""One of the processes of `test_distributed.py`: trains small networks and stores the results of its rank."""

import json
import os
import sys
import time
from pathlib import Path

from plain import OPERATIONS, dense_data, lattice_data, network, with_fields

from efnn_cli.training import distributed
from efnn_cli.training.labelled import Labelled
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.trainer import Trainer

NEUTRAL = {"epochs": 4, "batch_size": 7, "lr": 1e-2, "initial_spread": 0.3, "dtype": "float64"}
RICH = {"augment": True, "ema": 0.9, "schedule": "cosine", "warmup": 0.2, "weight_decay": 1e-3}
CASES = {  # changed options and number of validation configurations; 40 are trained on
    "adam": ({**RICH, "optimizer": "adam"}, 15),  # the last batches have 5, 5, 1, 40 and 7
    "soap": ({**RICH, "optimizer": "soap"}, 15),
    "one left over": ({"batch_size": 13}, 15),
    "fields": ({**RICH, "optimizer": "adam", "field_weight": 0.7}, 15),
    "one batch": ({"batch_size": 1000}, 15),
    "one to validate": ({"epochs": 2}, 1),
}
NETWORKS = [(name, geometry) for name in ("efnn", "dnn", "resnet", "densenet") for geometry in ("lattice", "dense")]


def case(name):
    """Network, options, training and validation data of a case by name."""
    if name in CASES:
        changes, validated = CASES[name]
        data = lattice_data(40, 0), lattice_data(validated, 1)
        if "field_weight" in changes:
            data = tuple(map(with_fields, data))
        return network(), TrainingOptions(**NEUTRAL | changes), *data
    model, geometry = name.split()
    data = lattice_data if geometry == "lattice" else dense_data
    return network(model, geometry), TrainingOptions(**NEUTRAL | {"epochs": 1}), data(40, 0), data(15, 1)


def trainer_of(model, options, train, val, seed=5):
    return Trainer(model, options, Labelled(*train), Labelled(*val), seed, OPERATIONS)


def outcome(trainer):
    """Rows and best weights of a training, as plain values."""
    rows = []
    while not trainer.finished:
        row = trainer.run_epoch()
        rows.append([row.loss, row.lr, row.val_rmse])
    return {"rows": rows, "weights": {key: value.tolist() for key, value in trainer.best.weights.items()}}


def by_the_clock():
    """Train for a second, with clocks that run at different speeds."""
    clock = time.perf_counter
    if not distributed.is_main():
        time.perf_counter = lambda: 7 * clock()
    start = time.monotonic()
    options = TrainingOptions(**NEUTRAL | {"budget": "1s", "schedule": "cosine"})
    found = outcome(trainer_of(network(), options, lattice_data(40, 0), lattice_data(15, 1)))
    time.perf_counter = clock
    return found | {"elapsed": time.monotonic() - start}


if __name__ == "__main__":
    with distributed.joined():
        names = [*CASES, *(" ".join(each) for each in NETWORKS)]
        result = {name: outcome(trainer_of(*case(name))) for name in names} | {"clock": by_the_clock()}
        Path(sys.argv[1], f"{os.environ['RANK']}.json").write_text(json.dumps(result))
