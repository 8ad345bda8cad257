"""Sizes L: a number of spins, the side of a square lattice, or a rectangle of Lx x Ly cells as text, such as 12x8.

A chain is Lx x 1. Squares are numbers, so that 12x12 is 12.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError

Size = int | str

LONGEST = 4096


def sides(size: Size) -> tuple[int, int]:
    """Return (Lx, Ly) of a checked size."""
    x, _, y = str(size).partition("x")
    return int(x), int(y or x)


def size_of(lengths: Sequence[int]) -> Size:
    """Return the size of a lattice of (Lx, Ly) cells."""
    x, y = lengths
    return int(x) if x == y else f"{x}x{y}"


def parse(name: str, value: object) -> Size:
    """Return the size in `value`, a number or text; raise `ConfigError` naming the key for anything else."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}(x\d{1,9})?", str(value)):
        raise ConfigError(f"{name}: wanted a size such as 12 or 12x8, found {value!r}")
    return size_of(sides(str(value)))


def lattice_size(name: str, value: object) -> Size:
    """Return the size of a lattice; raise `ConfigError` for sides below 3, where bonds merge, but for a chain."""
    size = parse(name, value)
    x, y = sides(size)
    for side in (x,) if y == 1 else (x, y):
        checks.within(name, side, 3, LONGEST)
    return size


def length(size: Size) -> float:
    """Return the side of the square with as many sites; an integer for squares."""
    x, y = sides(size)
    return x if x == y else math.sqrt(x * y)


def scaled(size: Size, factor: int) -> Size:
    """Return the size with both sides `factor` times as long; a chain stays one."""
    x, y = sides(size)
    return size_of((factor * x, y if y == 1 else factor * y))
