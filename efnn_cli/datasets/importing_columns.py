"""Configurations of others in columns of text: one configuration a file, one site a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.datasets.importing_arrays import Given
from efnn_cli.physics.system import Array
from efnn_cli.storage.reading import read_text

SITE, SPIN, FIELD, UNUSED = ("x", "y"), ("sx", "sy", "sz"), ("fx", "fy", "fz"), "_"
ON_GRID = 1e-4  # of the distance between neighbours, by which a coordinate may be off


def parse_columns(text: str) -> list[str]:
    """Return the names of columns such as x,y,_,sx,sy,sz; raise `ConfigError` for wrong or missing ones."""
    names = [each.strip() for each in text.split(",")]
    known = (*SITE, *SPIN, *FIELD)
    used = [name for name in names if name != UNUSED]
    wanted = (*SITE, *SPIN, *(FIELD if set(FIELD) & set(used) else ()))
    if sorted(used) != sorted(wanted):
        raise ConfigError(
            f"--columns: wanted each of {', '.join((*SITE, *SPIN))} once, all of {', '.join(FIELD)} or none, "
            f"and {UNUSED} for a column to pass over, found {text!r}",
            f"for example --columns {','.join(known)}",
        )
    return names


def read_columns(path: Path, names: Sequence[str]) -> Given:
    """Return the one configuration (1, 3, Lx, Ly) of a text file, its sites sorted by x and y."""
    table = read_numbers(path)
    if table.shape[1] != len(names):
        raise InputError(f"{path} has {table.shape[1]} columns, --columns names {len(names)}: {','.join(names)}")
    columns = {name: table[:, i] for i, name in enumerate(names)}
    x, y = (_grid(path, name, columns[name]) for name in SITE)
    order = _order(path, x, y, table[:, [names.index(name) for name in SITE]])
    shape = (1, 3, x.max() + 1, y.max() + 1)
    spins, fields = (
        np.stack([columns[each][order] for each in part]).reshape(shape) if part[0] in columns else None
        for part in (SPIN, FIELD)
    )
    assert spins is not None
    return Given(path, spins, fields=fields)


def read_numbers(path: Path) -> Array:
    """Return the numbers (lines, columns) of a text file, columns apart by blanks or commas, # begins a comment.

    A first line of words is passed over.
    """
    lines = read_text(path).replace(",", " ").splitlines()
    while lines and not lines[0].partition("#")[0].strip():
        lines.pop(0)
    if lines and re.match(r"\s*[A-Za-z_]", lines[0]) and not re.match(r"\s*(nan|inf)\b", lines[0], re.IGNORECASE):
        lines.pop(0)
    if not lines:
        raise InputError(f"{path} holds no numbers")
    try:
        return np.loadtxt(lines, dtype=np.float64, ndmin=2)
    except ValueError as error:
        raise InputError(f"{path} is no table of numbers: {str(error).splitlines()[0]}") from error


def _grid(path: Path, name: str, values: Array) -> NDArray[np.int64]:
    """Return coordinates as 0, 1, ...; raise `InputError` unless they are equally spaced."""
    if not np.isfinite(values).all():
        raise InputError(f"{path}: {name} of line {int(np.isfinite(values).argmin()) + 1} is not finite")
    places = np.unique(values)
    gaps = np.diff(places)
    gaps = gaps[gaps > ON_GRID * (np.ptp(values) or 1.0) / len(values)]  # equal but for rounding
    step = float(gaps.min()) if len(gaps) else 1.0
    index = (values - values.min()) / step
    off = np.abs(index - index.round()) > ON_GRID * max(1.0, index.max())
    if off.any():
        raise InputError(
            f"{path}: {name} = {values[off][0]:g} is no site of a lattice that begins at {values.min():g} in "
            f"steps of {step:g}",
            "give the coordinates of the cells, equally spaced along both axes",
        )
    return np.asarray(index.round(), dtype=np.int64)


def _order(path: Path, x: NDArray[np.int64], y: NDArray[np.int64], places: Array) -> NDArray[np.int64]:
    """Return the line of every site, by x, then y; raise `InputError` naming a missing site or one given twice."""
    rows, columns = int(x.max()) + 1, int(y.max()) + 1
    site = x * columns + y
    count = np.bincount(site, minlength=rows * columns)
    if (count > 1).any():
        first = places[site == count.argmax()][0]
        raise InputError(f"{path}: site x = {first[0]:g}, y = {first[1]:g} is given {count.max()} times")
    if (count == 0).any():
        i, j = divmod(int(count.argmin()), columns)
        steps = [np.ptp(places[:, axis]) / max(1, most) for axis, most in ((0, rows - 1), (1, columns - 1))]
        missing = places.min(axis=0) + np.array([i, j]) * steps
        raise InputError(
            f"{path}: site x = {missing[0]:g}, y = {missing[1]:g} is missing, "
            f"found {len(site)} of {rows} x {columns} sites"
        )
    return np.argsort(site)
