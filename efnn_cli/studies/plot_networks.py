"""Figures for which networks are asked: their predictions, and the effective fields on one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from efnn_cli import figures
from efnn_cli.core import checks
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets.find import find_dataset
from efnn_cli.datasets.hamiltonian import dataset_system
from efnn_cli.evaluation.evaluation_set import evaluation_set
from efnn_cli.runs.loading import load
from efnn_cli.runs.rows import RunRow
from efnn_cli.storage import dataset
from efnn_cli.studies.plot_selection import Drawing, hashes, limit, names
from efnn_cli.training.metrics import measure
from efnn_cli.training.predict import predict_fields
from efnn_cli.training.split import split

PANELS = 6
INDEX = "index"


def parity(rows: Sequence[RunRow], data: Path | None) -> Drawing:
    """Predicted against true energies per site, with residuals: on the test split, or on `data` as `efnn evaluate`."""
    limit(rows, PANELS)
    members = [load(row.folder.path, "cpu") for row in rows]
    task = evaluation_set(members, data, "test", drop_seen=False)
    with StopRequest("nothing was written; the same command starts again") as stop:
        found = task.predictions(stop.check)
        stop.check()
    sites = members[0].system_for(task.data.spins).sites
    panels = {name: energies / sites for name, energies in zip(names(rows), found, strict=True)}
    errors = {name: measure(each, task.true).rmse for name, each in zip(names(rows), found, strict=True)}
    return Drawing(
        {"runs": hashes(rows), "dataset": task.data.content_hash},
        lambda stem: figures.parity(panels, task.true / sites, stem),
        {"samples": len(task.true), "rmse": errors},
    )


def spins(row: RunRow, index: int) -> Drawing:
    """Configuration `index` of the test split, with exact effective fields and those of the network."""
    run = load(row.folder.path, "cpu")
    stored = run.config["dataset"]
    path = find_dataset(stored["content_sha256"], stored["path"], run.path, "put it back into data/, or beside the run")
    data = dataset.read(path)
    system = dataset_system(data, path)
    chosen = split(data.spins).test
    checks.within(INDEX, index, 0, len(chosen) - 1)
    one = data.spins[chosen[index : index + 1]]  # (1, ...)
    fields = {
        "exact": system.fields(torch.from_numpy(one)).numpy()[0],
        "network": predict_fields(run.model, torch.from_numpy(one).to(run.device)).cpu().numpy()[0],
    }
    return Drawing(
        {"runs": hashes([row]), INDEX: index},
        lambda stem: figures.spins(one[0], fields, stem),
        {INDEX: index, "configuration": int(chosen[index])},
    )
