"""Cost of labels: configurations per shard, temporary memory and disk space in bytes.

Shard numbers name random streams, so that these sizes decide the spins: they never change.
"""

from __future__ import annotations

import numpy as np
import torch

from efnn_cli.core.resources import batch_bytes
from efnn_cli.physics.system import System


def shard_size(system: System) -> int:
    """Configurations per shard: about a second of diagonalisation (which grows as L^6), else about 10 MB of spins."""
    if "dense" in system.references:
        return max(1, min(256, int(256 * (100 / system.sites) ** 3)))
    if system.geometry == "lattice":
        return max(1, 409_600 // system.sites)
    return 4096


def energy_bytes(system: System, reference: str) -> int:
    """Bytes that the energy of one configuration takes by the method `reference`."""
    if reference == "dense":  # the matrix and LAPACK's copy of it
        return 2 * 16 * (2 * system.sites) ** 2
    if reference == "determinant":  # the factors and the powers of H, measured
        return 60_000 * system.sites
    if system.geometry == "lattice":  # a dozen scalar fields
        return 8 * 24 * system.sites
    return 16 * (system.sites if system.couplings is None else len(system.couplings))  # the products of all subsets


def field_bytes(system: System, reference: str) -> int:
    """Bytes that the fields of one configuration take; the memory of the energies is free by then."""
    if reference == "dense":  # H, eigenvectors, LAPACK's work space of twice their size, checks, occupations
        return 6 * 16 * (2 * system.sites) ** 2
    return 0


def label_batch(system: System, reference: str, device: torch.device, *, fields: bool) -> int:
    """Return the number of configurations that are labelled at once, so that their memory is bounded."""
    return max(1, batch_bytes(device) // label_bytes(system, reference, fields=fields))


def label_bytes(system: System, reference: str, *, fields: bool) -> int:
    """Bytes that all labels of one configuration take."""
    energy = energy_bytes(system, reference)
    return max(energy, field_bytes(system, reference)) if fields else energy


def file_bytes(system: System, samples: int, *, fields: bool, levels: bool = False) -> int:
    """Size of a dataset file without its metadata."""
    return 8 * samples * (2 + int(np.prod(system.spin_shape)) * (2 if fields else 1) + 2 * system.sites * levels)
