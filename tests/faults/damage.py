"""Damaged files, and whether what is read from them is right."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from efnn_cli.core.errors import InputError
from efnn_cli.evaluation import size_table
from efnn_cli.runs.folder import RunFolder
from efnn_cli.storage import checkpoint, dataset

READERS: dict[str, Callable[[Path], Any]] = {
    "dataset": dataset.read,
    "best.h5": checkpoint.read,
    "last.h5": checkpoint.read,
    "config.yaml": lambda path: RunFolder(path.parent).read_config(),
    "summary.json": lambda path: RunFolder(path.parent).read_summary(),
    "metrics.csv": lambda path: RunFolder(path.parent).rows(),
    "extrapolation.csv": size_table.read_table,
}
TABLES = ("metrics.csv", "extrapolation.csv")


def flipped(image: bytes, amount: int, seed: int) -> Iterator[bytes]:
    """`image` with one bit flipped, `amount` times: spread evenly over the file, every bit of a byte as likely."""
    chance = random.Random(seed)
    for index in range(amount):
        damaged = bytearray(image)
        damaged[len(image) * index // amount] ^= 1 << chance.randrange(8)
        yield bytes(damaged)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal to the last bit, and of the same types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, (dataset.Dataset, checkpoint.Checkpoint)):
        return same(vars(one), vars(other))
    return bool(one == other)


def detected_or_harmless(name: str, path: Path, whole: Any) -> bool:
    """Whether the file is refused in one sentence that names it, or still says what it said.

    A table may lose its last row: so it looks when a process is killed while it writes one. Where the flipped bit is in
    the name of the checksum itself, that stands there as one word more.
    """
    try:
        found = READERS[name](path)
    except InputError as error:
        return path.name in error.message and "\n" not in error.message
    if isinstance(whole, dict):
        more = set(found) - set(whole)
        return same({key: found.get(key) for key in whole}, whole) and len(more) <= (path.suffix in (".yaml", ".json"))
    return same(found, whole) or (name in TABLES and found == whole[: len(found)] and name == path.name)
