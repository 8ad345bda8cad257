"""The Hamiltonian of a dataset."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from efnn_cli.config.schema import build_system
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.physics.system import Array, System
from efnn_cli.storage.dataset import Dataset


def dataset_system(data: Dataset, path: Path) -> System:
    """Return the system of a dataset with its stored couplings; raises `InputError` where file and physics disagree."""
    try:
        system = build_system(data.metadata["system"])
    except ConfigError as error:
        raise InputError(f"{path} describes no system of this efnn: {error.message}") from error
    if data.couplings is not None:
        system = system.with_couplings(data.couplings)
    system.check_spins(data.spins, str(path))
    return system


def couplings_hash(couplings: Array | None) -> str | None:
    """Return the SHA-256 of the couplings (K,), hexadecimal; None for a Hamiltonian without."""
    return None if couplings is None else hashlib.sha256(np.ascontiguousarray(couplings).tobytes()).hexdigest()
