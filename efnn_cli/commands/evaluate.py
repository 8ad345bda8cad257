"""`efnn evaluate [RUN...]`: errors of trained networks on a dataset; several runs are an ensemble."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli import catalogue, device
from efnn_cli.compatibility import dataset_system, require_same_hamiltonian
from efnn_cli.config import Request, compose
from efnn_cli.console import Console
from efnn_cli.errors import ConflictError, NumericalError
from efnn_cli.loading import Run, load
from efnn_cli.physics.system import Array
from efnn_cli.results import Result, number, shown
from efnn_cli.schema import typed
from efnn_cli.settings import EvaluateConfig
from efnn_cli.storage import atomic, dataset, hdf5
from efnn_cli.storage.dataset import Dataset
from efnn_cli.training.metrics import Metrics, measure
from efnn_cli.training.predict import predict
from efnn_cli.training.split import split

LOGGER = logging.getLogger("efnn")

PREDICTIONS = {"format": "efnn-predictions", "schema_version": 1}


def run(
    request: Request,
    console: Console,
    *,
    runs: Sequence[Path] = (),
    data: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
) -> Result:
    """Errors of the runs (the best weights) on `data`, or on their own test split."""
    config = typed(EvaluateConfig, compose("evaluate", request).values)
    device.resolve(config.device)
    refuse_existing(out, overwrite)
    members = [load(path, config.device) for path in runs or picked()]
    judged, path = choose_data(members, data)
    for member in members:
        require_same_hamiltonian(member, dataset_system(judged, path), shown(path))
    chosen = part_of(members, judged, config.split)
    true = judged.energies[chosen]
    predictions = np.stack([predict(member.model, judged.spins[chosen], member.device) for member in members])
    if not np.isfinite(predictions).all():
        raise NumericalError("a prediction is not finite", "the weights are of no use; train again with a smaller lr")
    outputs = {} if out is None else {"predictions": write(out, predictions, true, members, path)}
    return report(predictions, true, outputs)


def picked() -> list[Path]:
    """The most recent finished run."""
    path = catalogue.latest_run()
    LOGGER.info("run: %s", shown(path))
    return [path]


def choose_data(members: Sequence[Run], data: Path | None) -> tuple[Dataset, Path]:
    """The dataset given, or that of the first run."""
    if data is None:
        stored = members[0].config["dataset"]
        data = catalogue.find_dataset(stored["content_sha256"], stored["path"])
    return dataset.read(data), data


def part_of(members: Sequence[Run], judged: Dataset, name: str) -> Any:
    """Indices of the part to judge: nothing that a member was trained on, unless asked for by name."""
    trained = {member.config["dataset"]["content_sha256"] for member in members}
    if judged.content_hash in trained:
        LOGGER.info("the runs were trained on this dataset: taking its %s split", name)
        return split(judged.spins, judged.content_hash).part(name)
    return slice(None)


def refuse_existing(out: Path | None, overwrite: bool) -> None:
    """Raise `ConflictError` rather than overwrite; prove the folder writable otherwise."""
    if out is None:
        return
    if os.path.exists(out) and (not overwrite or os.path.isdir(out)):
        raise ConflictError(f"{out} exists", "choose another --out, or --overwrite it")
    atomic.make_folder(out.parent)


def write(out: Path, predictions: Array, true: Array, members: Sequence[Run], data: Path) -> str:
    """Predicted and true energies, in the order of the dataset."""
    arrays = {"energies": predictions.mean(axis=0), "members": predictions, "reference": true}
    names = [shown(member.path) for member in members]
    hdf5.write(out, arrays, {**PREDICTIONS, "runs": names, "dataset": shown(data)})
    return shown(out)


def report(predictions: Array, true: Array, outputs: dict[str, str]) -> Result:
    """Errors of the mean prediction; for an ensemble also of its members, and their spread."""
    metrics: dict[str, Any] = full(measure(predictions.mean(axis=0), true))
    rows = [[key, number(value)] for key, value in metrics.items()]
    if len(predictions) > 1:
        metrics["members"] = [full(measure(each, true)) for each in predictions]
        metrics["spread"] = float(predictions.std(axis=0, ddof=1).mean())
        rows += [[f"member {i} rmse", number(each["rmse"])] for i, each in enumerate(metrics["members"])]
        rows.append(["spread", number(metrics["spread"])])
    return Result("evaluate", metrics, outputs, rows=rows)


def full(metrics: Metrics) -> dict[str, Any]:
    """Every figure, and whose weights they are of."""
    return {**dataclasses.asdict(metrics), "weights": "best"}
