"""A dataset on disk whose arrays are read when they are looked at."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import Array


class DatasetFile:
    """The dataset in the file at `path`. Its attributes raise `InputError` where the file is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Hamiltonian, sampling, seed, reference method and versions."""
        return dataset.read_metadata(self.path)

    @cached_property
    def _read(self) -> dataset.Dataset:
        return dataset.read(self.path)

    @property
    def spins(self) -> Array:
        """(B, 3, Lx, Ly) or (B, n)."""
        return self._read.spins

    @property
    def energies(self) -> Array | None:
        """(B,); None where only fields are known."""
        return self._read.known_energies

    @property
    def fields(self) -> Array | None:
        """Fields -dE/dS, shaped like `spins`; None where they are not known."""
        return self._read.fields

    @property
    def couplings(self) -> Array | None:
        """(K,), of a Hamiltonian with random couplings."""
        return self._read.couplings

    def __len__(self) -> int:
        return int(self.metadata["samples"])

    def __repr__(self) -> str:
        return f"DatasetFile({str(self.path)!r}, samples={len(self)})"
