"""Relabel a dataset: the energies of other system.T and system.mu from its one-particle levels, in seconds.

Fields need eigenvectors, which a dataset does not hold: they are left out, and a message says what they would cost.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from efnn_cli.config.compose import Composed
from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.config.options import RelabelKeys
from efnn_cli.config.schema import typed
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.results import shown
from efnn_cli.datasets import find
from efnn_cli.datasets.hamiltonian import dataset_system
from efnn_cli.physics import free_fermions
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.storage import atomic, dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.output import require_free

LOGGER = logging.getLogger("efnn")
FIELDS_COST = 3.2  # time of levels and eigenvectors over that of levels: 2.9 to 3.6 from L = 8 to 20


@dataclass(frozen=True)
class Relabelling:
    """A dataset with levels, and the system of the new labels."""

    data: Dataset
    system: DoubleExchange
    path: Path
    """Of the new dataset."""
    tag: str
    """Hash of the labels of the old dataset and of the new parameters."""


def plan(source: Path, composed: Composed, out: Path | None, *, overwrite: bool) -> Relabelling:
    """Return the work to do; raises `InputError` for a dataset without levels, `ConfigError` for nothing to change."""
    keys = typed(RelabelKeys, composed.values)
    given = {key: value for key, value in dataclasses.asdict(keys.system).items() if value is not None}
    if not given:
        raise ConfigError("relabel: wanted another system.T or system.mu", "for example system.T=0.05")
    data = dataset.read_labelled(source)
    system = dataset_system(data, source)
    if data.levels is None or not isinstance(system, DoubleExchange):
        hint = "efnn generate double_exchange levels=true stores them"
        raise InputError(f"{shown(source)} has no one-particle levels (/levels)", hint)
    changed = dataclasses.replace(system, **given)
    if changed == system:
        raise ConfigError(f"{shown(source)} has these parameters already", "give another system.T or system.mu")
    tag = fingerprint({"relabelled": data.content_hash, "T": changed.T, "mu": changed.mu})
    name = find.dataset_name(changed.name, changed.size, len(data), int(data.metadata.get("seed") or 0), tag)
    path = out or find.PURPOSES[data.metadata["purpose"]] / name
    require_free(path, tag, usual=out is None, overwrite=overwrite)
    return Relabelling(data, changed, path, tag)


def relabel(work: Relabelling, *, overwrite: bool) -> tuple[Dataset, bool]:
    """Return the relabelled dataset, and whether it existed."""
    if os.path.exists(work.path) and not overwrite:
        return dataset.read(work.path), True
    data, system = work.data, work.system
    if data.fields is not None:
        seconds = FIELDS_COST * len(data) * data.metadata["reference"]["seconds_per_configuration"]
        LOGGER.warning(
            "the fields are left out, they need eigenvectors: generate ... --spins %s fields=true takes about %.2g s",
            shown(work.path),
            seconds,
        )
    start = time.perf_counter()
    levels = torch.from_numpy(data.levels) - system.mu
    energies = free_fermions.grand_potential(levels, system.T) + system.superexchange(torch.from_numpy(data.spins))
    density = float(free_fermions.electrons(levels, system.T).mean()) / system.sites
    new = dataclasses.replace(data, known_energies=energies.numpy(), fields=None, errors=None)
    atomic.make_folder(work.path.parent)
    atomic.remove_leftovers(work.path)
    return dataset.write(work.path, new.arrays(), _metadata(work, density, time.perf_counter() - start)), False


def _metadata(work: Relabelling, density: float, seconds: float) -> dict[str, Any]:
    """Return the metadata of the old dataset with the new system, tag and time."""
    old = {key: each for key, each in work.data.metadata.items() if key not in dataset.OF_FILE}
    reference = old["reference"] | {
        "method": "dense",
        "seconds": seconds,
        "seconds_per_configuration": seconds / len(work.data),
        "density": density,
    }
    return old | {"system": work.system.described(), "job": work.tag, "reference": reference}
