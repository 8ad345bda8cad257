"""Datasets as physics: the system of a dataset, and whether a network may be judged by it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from efnn_cli.configuration.schema import build_system
from efnn_cli.errors import ConfigError, InputError
from efnn_cli.loading import Run
from efnn_cli.physics import System
from efnn_cli.physics.system import Array
from efnn_cli.storage.dataset import Dataset


def dataset_system(data: Dataset, path: Path) -> System:
    """The system of a dataset, with the stored couplings; raises `InputError` where file and physics disagree."""
    try:
        system = build_system(data.metadata["system"])
    except ConfigError as error:
        raise InputError(f"{path} describes no system of this efnn: {error.message}") from error
    if data.couplings is not None:
        system = system.with_couplings(data.couplings)
    system.check_spins(data.spins, str(path))
    return system


def couplings_hash(couplings: Array | None) -> str | None:
    """SHA-256 of the couplings, which tells two random Hamiltonians apart."""
    return None if couplings is None else hashlib.sha256(np.ascontiguousarray(couplings).tobytes()).hexdigest()


def require_same_hamiltonian(run: Run, system: System, source: str) -> None:
    """Raise `InputError` naming the difference unless `system` has the Hamiltonian that `run` was trained on."""
    ours, theirs = run.system, system
    if ours.name != theirs.name:
        raise InputError(f"{source} is of {theirs.name}, but {run.path} was trained on {ours.name}")
    wanted, found = ours.hamiltonian(), theirs.hamiltonian()
    if ours.geometry == "dense" and ours.size != theirs.size:
        raise InputError(
            f"{source} has {theirs.size} spins, but {run.path} is a dense network of {ours.size}",
            "only lattice networks fit other sizes",
        )
    for key, value in wanted.items():
        if found.get(key) != value and key != "coupling_seed":
            raise InputError(
                f"{source} is of another Hamiltonian: system.{key} = {found.get(key)}, trained with {value}"
            )
    if run.config["couplings_sha256"] != couplings_hash(theirs.couplings):
        raise InputError(
            f"{source} has other couplings (system.coupling_seed = {found.get('coupling_seed')}) than {run.path} "
            f"(system.coupling_seed = {wanted.get('coupling_seed')})"
        )
