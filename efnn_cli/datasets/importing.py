"""Datasets from what others wrote: files read, labels checked and converted, one dataset a size."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.provenance import versions
from efnn_cli.core.results import shown
from efnn_cli.core.text import printable
from efnn_cli.datasets.importing_arrays import TAKEN, Given, Keys, read_arrays, read_energies
from efnn_cli.datasets.importing_columns import parse_columns, read_columns, read_numbers
from efnn_cli.physics.external import External, ExternalDense
from efnn_cli.physics.system import Array, System, size_of_spins
from efnn_cli.storage import hdf5
from efnn_cli.storage.arrays_file import holds_arrays
from efnn_cli.storage.dataset import EXTERNAL, MAX_ENERGY, Dataset
from efnn_cli.storage.reading import require_file
from efnn_cli.storage.spins_file import normalised

FIELD_KINDS = ("field", "gradient", "torque")
ALONG = 0.05  # of the largest torque: a part along the spin beyond rounding


@dataclass(frozen=True)
class ImportOptions:
    """Names of arrays or columns, kind of the fields, unit of the energies, and a note."""

    keys: Keys
    columns: str | None = None
    energies: Path | None = None
    """A file with one number a configuration."""
    field_kind: str | None = None
    """One of `FIELD_KINDS`; None: field."""
    normalise: bool = False
    unit: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if self.columns is not None:
            parse_columns(self.columns)
            if self.keys != Keys():
                raise ConfigError("names of arrays have no effect with --columns, which are text", "leave them out")
        if self.energies is not None and self.keys.energies is not None:
            raise ConfigError("--energies and --energies-key both say where energies are", "keep one of them")
        if self.field_kind is not None:
            checks.one_of("--field-kind", self.field_kind, FIELD_KINDS)


def read_datasets(files: Sequence[Path], options: ImportOptions) -> list[Dataset]:
    """Return one dataset for every size of the configurations in `files`, the largest first.

    Files are taken in the natural order of their names. Raises `InputError` naming file and configuration.
    """
    ordered = sorted(files, key=lambda path: [int(each) if each.isdecimal() else each for each in _parts(path)])
    given = [_read(path, options) for path in ordered]
    if options.energies is not None:
        given = _with_energies(given, options.energies)
    if options.field_kind is not None and all(each.fields is None for each in given):
        raise InputError(f"--field-kind={options.field_kind} has no effect: no fields were found", "--fields-key NAME")
    sizes: dict[tuple[int, ...], list[Given]] = {}
    for each in given:
        sizes.setdefault(each.spins.shape[1:], []).append(_checked(each, options))
    largest = sorted(sizes, key=lambda shape: -int(np.prod(shape)))
    return [_dataset(sizes[shape], options) for shape in largest]


def _parts(path: Path) -> list[str]:
    """Return words and numbers of a name in turn."""
    return re.split(r"(\d+)", str(path))


def _read(path: Path, options: ImportOptions) -> Given:
    """Return the content of one file, spins scaled where asked for."""
    require_file(path)
    if options.columns is not None:
        found = read_columns(path, parse_columns(options.columns))
    elif holds_arrays(path):
        found = read_arrays(path, options.keys, labels_elsewhere=options.energies is not None)
    else:
        raise InputError(f"{path} holds no arrays", f"wanted {TAKEN}")
    return replace(found, spins=normalised(found.spins)) if options.normalise else found


def _with_energies(given: Sequence[Given], path: Path) -> list[Given]:
    """Return the configurations with the energies in the file `path`, in order."""
    energies = read_energies(path) if holds_arrays(path) else read_numbers(path).ravel()
    counts = [len(each.spins) for each in given]
    if len(energies) != sum(counts):
        raise InputError(f"{path} has {len(energies)} energies, found {sum(counts)} configurations")
    parts = np.split(energies, np.cumsum(counts)[:-1])
    return [replace(each, energies=part) for each, part in zip(given, parts, strict=True)]


def _require_equal_labels(given: Sequence[Given]) -> None:
    """Raise `InputError` where a file has other labels than the first."""
    first = given[0]
    for each in given:
        for kind in ("energies", "fields"):
            if (getattr(each, kind) is None) != (getattr(first, kind) is None):
                having, lacking = (each, first) if getattr(first, kind) is None else (first, each)
                raise InputError(f"{having.path} has {kind}, but {lacking.path} has none", "import them apart")


def _checked(given: Given, options: ImportOptions) -> Given:
    """Return physical content of one file, fields as -dE/dS; raises `InputError` naming the configuration."""
    source, spins = str(given.path), given.spins
    if given.energies is None and given.fields is None:
        raise InputError(f"{source} has neither energies nor fields", "--energies FILE, or columns fx,fy,fz")
    system_of(spins, options.unit, source).check_spins(spins, source)
    if given.energies is not None:
        if len(given.energies) != len(spins):
            raise InputError(f"{source} has {len(given.energies)} energies of {len(spins)} configurations")
        good = np.abs(given.energies) <= MAX_ENERGY
        if not good.all():
            raise InputError(f"{source}: the energy of configuration {int(good.argmin())} is not finite")
    if given.fields is None:
        return given
    if given.fields.shape != spins.shape:
        raise InputError(f"{source}: wanted fields of shape {spins.shape} like the spins, found {given.fields.shape}")
    finite = np.isfinite(given.fields).all(axis=tuple(range(1, spins.ndim)))
    if not finite.all():
        raise InputError(f"{source}: configuration {int(finite.argmin())} has a field that is not finite")
    return replace(given, fields=_as_fields(spins, given.fields, options.field_kind or "field", source))


def _as_fields(spins: Array, given: Array, kind: str, source: str) -> Array:
    """Return h = -dE/dS of a field h, a gradient dE/dS, or a torque S x h, which has only the part across S."""
    if kind == "field":
        return given
    if kind == "gradient":
        return -given
    if spins.ndim != 4:
        raise InputError(f"{source}: a torque belongs to vectors, and these spins are scalars", "--field-kind gradient")
    along = np.abs((spins * given).sum(axis=1)).max(axis=(1, 2))  # (B,)
    bad = along > ALONG * np.abs(given).max()
    if bad.any():
        raise InputError(
            f"{source}: the torques of configuration {int(bad.argmax())} are not perpendicular to its spins",
            "fields are not torques: --field-kind field or gradient",
        )
    return np.cross(given, spins, axis=1)  # (S x h) x S = h - (h.S) S


def system_of(spins: Array, unit: str | None, source: str) -> System:
    """Return the external system of spins (B, 3, L, L) or (B, n); raises `InputError` for another shape."""
    cls = External if spins.ndim == 4 else ExternalDense
    try:
        return cls(L=size_of_spins(spins), unit=unit)
    except ConfigError as error:
        raise InputError(f"{source} has spins of shape {spins.shape}: {error.message}") from error


def _dataset(given: Sequence[Given], options: ImportOptions) -> Dataset:
    """Return the dataset of configurations of one size, described."""
    _require_equal_labels(given)
    spins = np.concatenate([each.spins for each in given])
    energies, fields = (
        None if getattr(given[0], kind) is None else np.concatenate([getattr(each, kind) for each in given])
        for kind in ("energies", "fields")
    )
    data = Dataset(spins, energies, fields=fields)
    return replace(data, metadata=_metadata(data, given, options))


def _metadata(data: Dataset, given: Sequence[Given], options: ImportOptions) -> dict[str, Any]:
    system = system_of(data.spins, options.unit, str(given[0].path))
    described = {
        "purpose": "train",
        "system": system.described(),
        "samples": len(data),
        "sampling": "given",
        "seed": 0,
        "thermal": None,
        "note": options.note,
        "imported": {
            "files": len(given),
            "first_file": printable(shown(given[0].path)),
            "field_kind": None if data.fields is None else options.field_kind or "field",
            "normalised": options.normalise,
        },
        "reference": {"method": EXTERNAL, "seconds": None, "seconds_per_configuration": None},
        "units": {"energies": options.unit or "unknown", "spins": "dimensionless"},
    }
    identity = json.dumps([described["system"], options.note, options.field_kind], sort_keys=True)
    return {**described, "job": fingerprint({"content": hdf5.digest(data.arrays(), identity)}), "versions": versions()}
