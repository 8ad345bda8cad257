"""Descriptions of datasets, checkpoints, predictions and run folders, as plain values."""

from __future__ import annotations

import dataclasses
import os
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.core.errors import InputError
from efnn_cli.core.numbers import UNDEFINED, number
from efnn_cli.datasets.hamiltonian import dataset_system
from efnn_cli.physics.system import Array
from efnn_cli.runs.folder import RunFolder, by_name
from efnn_cli.storage import checkpoint, dataset, hdf5, predictions, samples_file
from efnn_cli.training.metrics import measure
from efnn_cli.training.split import group_equal


def describe(path: Path) -> dict[str, Any]:
    """Return what is in the file or run folder `path`; its checksum is verified."""
    path = by_name(path)
    if os.path.isdir(path):
        return describe_run(path)
    form = hdf5.format_of(path)
    if form not in DESCRIBE:
        raise InputError(
            f"{path}: efnn inspects datasets, checkpoints, predictions, samples and run folders, found format {form}"
        )
    return DESCRIBE[form](path)


def describe_dataset(path: Path) -> dict[str, Any]:
    """Return statistics and metadata of a dataset."""
    data = dataset.read(path)
    dataset_system(data, path)
    return {
        "kind": "dataset",
        "samples": len(data),
        "shape": list(data.spins.shape[1:]),
        "duplicates": len(data) - int(group_equal(data.spins).max()) - 1,
        "energy": None if data.known_energies is None else _statistics(data.known_energies, data.spins),
        "couplings": None if data.couplings is None else len(data.couplings),
        "levels": None if data.levels is None else data.levels.shape[1],
        "temperatures": None if data.temperatures is None else _temperatures(data.temperatures),
        "chains": None if data.chain is None else len(set(data.chain.tolist())),
        "metadata": data.metadata,
    }


def _temperatures(temperatures: Array) -> dict[str, Any]:
    """Return range and number of the spin temperatures (B,), infinite ones apart."""
    finite = temperatures[np.isfinite(temperatures)]
    ends = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    return {"lowest": ends[0], "highest": ends[1], "infinite": len(temperatures) - len(finite)}


def describe_samples(path: Path) -> dict[str, Any]:
    """Return what is known of uncorrected Markov chains; corrected ones are a dataset."""
    found = samples_file.read(path)
    return {
        "kind": "uncorrected samples",
        "samples": len(found.arrays["spins"]),
        "shape": list(found.arrays["spins"].shape[1:]),
        "network_energy": _statistics(found.arrays["network_energies"], found.arrays["spins"]),
        "metadata": dict(found.metadata),
    }


def _statistics(energies: Array, spins: Array) -> dict[str, float]:
    """Return mean, spread and range of the energies (B,) of `spins`."""
    sites = spins[0].size // (3 if spins.ndim == 4 else 1)
    return {
        "mean": float(energies.mean()),
        "std": float(energies.std()),
        "min": float(energies.min()),
        "max": float(energies.max()),
        "mean_per_site": float(energies.mean() / sites),
    }


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Return configuration and state of a checkpoint."""
    stored = checkpoint.read(path)
    weights = stored.state.get("weights") or stored.state.get("model") or {}
    plain = {key: value for key, value in stored.state.items() if isinstance(value, (int, float))}
    return {
        "kind": "checkpoint",
        "tensors": {name: list(tensor.shape) for name, tensor in weights.items()},
        "state": {key: value if np.isfinite(value) else None for key, value in plain.items()},
        "config": stored.config,
    }


def describe_predictions(path: Path) -> dict[str, Any]:
    """Return statistics and metadata of predicted energies, and errors where the true ones are known."""
    arrays, metadata = predictions.read(path)
    energies, true = arrays["energies"], arrays.get("reference")
    return {
        "kind": "predictions",
        "samples": len(energies),
        "members": len(arrays["members"]) if "members" in arrays else 1,
        "energy": {"mean": float(energies.mean()), "std": float(energies.std())},
        "errors": None if true is None else dataclasses.asdict(measure(energies, true)),
        "metadata": metadata,
    }


def describe_run(path: Path) -> dict[str, Any]:
    """Return configuration, status and result of a run folder."""
    folder = RunFolder(path)
    if not folder.begun:
        raise InputError(f"{path} is not a run folder: it has no config.yaml")
    rows = folder.rows()
    return {
        "kind": "run",
        "status": "finished" if folder.finished else "begun",
        "epochs": int(rows[-1]["epoch"]) if rows else 0,
        "summary": folder.read_summary() if folder.finished else None,
        "config": folder.read_config(),
    }


DESCRIBE = {
    dataset.FORMAT: describe_dataset,
    checkpoint.FORMAT: describe_checkpoint,
    predictions.FORMAT: describe_predictions,
    samples_file.FORMAT: describe_samples,
}


SHORT = (
    "kind",
    "status",
    "epochs",
    "samples",
    "shape",
    "duplicates",
    "couplings",
    "levels",
    "chains",
    "members",
    "*energy.*",
    "errors.*",
    "temperatures.*",
    "state.epoch",
    "summary.metrics.parameters",
    "summary.metrics.seconds",
    "summary.metrics.test.*",
    "summary.best_epoch",
    "config.system.*",
    "config.model.name",
    "config.model.depth",
    "config.model.width",
    "config.training.name",
    "config.training.lr",
    "config.seed",
    "config.origin.run",
    "config.dataset.path",
    "config.dataset.samples",
    "metadata.system.*",
    "metadata.sampling",
    "metadata.thermal.*",
    "metadata.seed",
    "metadata.reference.method",
    "metadata.reference.density",
    "metadata.units.energies",
    "metadata.note",
    "metadata.run*",
    "metadata.dataset",
)
"""Rows that are shown without -v, where they have a value."""
SHAPES = ("shape", "tensors")  # first part of the names of lists that are shapes
FIRST = 6  # numbers of a list that are shown


def short(values: dict[str, Any]) -> dict[str, Any]:
    """Return what tells most of it, by dotted names; values that are missing are left out."""
    known = {key: each for key, each in values.items() if each is not None and each != []}
    return {key: each for key, each in known.items() if any(fnmatch(key, name) for name in SHORT)}


def flat(node: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted names; the mappings of a list are numbered."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            value = {str(index): each for index, each in enumerate(value)}
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def text(key: str, value: object) -> str:
    """Return a value for people: 3x10x10 for a shape, the first numbers of a long list."""
    if not isinstance(value, list):
        return number(value)
    if key.partition(".")[0] in SHAPES:
        return "x".join(map(str, value)) or number(1)
    words = ", ".join(map(number, value[:FIRST])) or UNDEFINED
    return words if len(value) <= FIRST else f"{words}, ... ({len(value)} in all)"
