"""Configurations and labels of others in arrays: `.npz`, `.npy`, HDF5 of any layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.core.errors import InputError
from efnn_cli.physics.system import Array
from efnn_cli.storage.arrays_file import UNNAMED, listed, numbers, opened_arrays
from efnn_cli.storage.spins_file import SHAPES, name_of_spins

TAKEN = ".npz, .npy or HDF5 with spins, energies or fields; columns of text need --columns x,y,sx,sy,sz"

DIMENSIONS = {"spins": (2, 4), "fields": (2, 4), "energies": (1, 2)}
WANTED = {"spins": SHAPES, "fields": "real numbers of the shape of the spins", "energies": "one number a configuration"}


@dataclass(frozen=True)
class Keys:
    """Names of the arrays in a file; None: `spins`, `energies` and `fields`, where they are there."""

    spins: str | None = None
    energies: str | None = None
    fields: str | None = None


@dataclass(frozen=True)
class Given:
    """The content of one file: spins (B, n) or (B, 3, Lx, Ly) and their labels, as they were written."""

    path: Path
    spins: Array
    energies: Array | None = None
    """(B,)"""
    fields: Array | None = None
    """Shaped like `spins`; the kind is the user's to say."""


def read_arrays(path: Path, keys: Keys, *, labels_elsewhere: bool) -> Given:
    """Return the content of a file of arrays.

    Raises `InputError` for a name that is not there, and for spins without labels unless these are `labels_elsewhere`.
    """
    with opened_arrays(path, TAKEN) as arrays:
        names = {
            "spins": _named(path, arrays, "spins", keys.spins) or name_of_spins(path, arrays, "--spins-key NAME"),
            "energies": _named(path, arrays, "energies", keys.energies),
            "fields": _named(path, arrays, "fields", keys.fields),
        }
        if names["energies"] is None and names["fields"] is None and not labels_elsewhere:
            raise InputError(
                f"{path} has neither energies nor fields, found {listed(arrays)}",
                "name them: --energies-key NAME or --fields-key NAME, or give --energies FILE",
            )
        found = {
            kind: numbers(path, arrays[name], DIMENSIONS[kind], f"{kind}: {WANTED[kind]}")
            for kind, name in names.items()
            if name is not None
        }
    energies = found.get("energies")
    return Given(path, found["spins"], None if energies is None else np.ravel(energies), found.get("fields"))


def read_energies(path: Path) -> Array:
    """Return the numbers (B,) of a file with one array, or one named energies."""
    with opened_arrays(path, "one number a configuration") as arrays:
        name = "energies" if "energies" in arrays else next(iter(arrays), "")
        if name not in arrays or (name != "energies" and len(arrays) > 1):
            raise InputError(f"{path}: wanted one array, or one named energies, found {listed(arrays)}")
        return np.ravel(numbers(path, arrays[name], DIMENSIONS["energies"], WANTED["energies"]))


def _named(path: Path, arrays: Mapping[str, Any], kind: str, key: str | None) -> str | None:
    """Return the name that the user gave, or `kind` itself where it is there, else None."""
    name = None if key is None else key.lstrip("/")
    if name is None:
        return kind if kind in arrays else None
    if name in arrays:
        return name
    what = "one array without a name" if UNNAMED in arrays else listed(arrays)
    raise InputError(f"{path} has no array {name!r}, found {what}", f"--{kind}-key NAME")
