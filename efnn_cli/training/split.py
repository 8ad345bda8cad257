"""Train, validation and test configurations: 72 / 8 / 20, no configuration on two sides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from efnn_cli.core import rng

FRACTIONS = {"train": 0.72, "val": 0.08, "test": 0.20}
DIGITS = 5  # decimals of spins; later ones may differ by the rounding of another processor

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Indices of the three parts, each ascending."""

    train: Indices
    val: Indices
    test: Indices

    def part(self, name: str) -> Indices:
        """Indices of "train", "val" or "test"."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]


def split(spins: NDArray[np.float64], chain: Indices | None = None) -> Split:
    """Return a split that depends on the configurations alone: the same for every training seed and machine.

    Groups of equal configurations, or those of one Markov `chain` (B,), are assigned as a whole, in the order of their
    digests, so that the fractions are met to within one group. Raises `ValueError` with fewer than 3 groups.
    """
    group = group_equal(spins) if chain is None else np.unique(chain, return_inverse=True)[1].ravel()
    _, first, sizes = np.unique(group, return_index=True, return_counts=True)
    if len(sizes) < len(FRACTIONS):
        what = "distinct configurations" if chain is None else "chains"
        raise ValueError(f"a split needs at least 3 {what}, found {len(sizes)}")
    drawn = np.frombuffer(b"".join(digests(spins)), dtype=">u8")[::2][first]  # (groups,)
    order = np.lexsort((first, drawn))
    middle = np.cumsum(sizes[order]) - 0.5 * sizes[order]  # of each group, in samples
    bounds = np.cumsum(list(FRACTIONS.values()))[:-1] * len(spins)
    part = np.empty(len(sizes), dtype=np.int64)
    part[order] = np.searchsorted(bounds, middle)
    for index in range(len(FRACTIONS)):  # tiny datasets: no part stays empty
        if not (part == index).any():
            crowded = np.bincount(part, minlength=len(FRACTIONS)).argmax()
            part[order[np.flatnonzero(part[order] == crowded)[-1]]] = index
    member = part[group]
    train, val, test = (np.flatnonzero(member == index) for index in range(len(FRACTIONS)))
    return Split(train, val, test)


def group_equal(spins: NDArray[np.float64]) -> Indices:
    """Group number (B,) of every configuration; equal configurations share one."""
    rows = np.ascontiguousarray(spins.reshape(len(spins), -1)) + 0.0  # -0.0 equals 0.0
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    return np.unique(keys, return_inverse=True)[1].astype(np.int64).ravel()


def digests(spins: NDArray[np.float64]) -> list[bytes]:
    """Return 16 bytes for every configuration; those equal to `DIGITS` decimals have equal digests."""
    rows = spins.reshape(len(spins), -1)
    return [hashlib.blake2b((row.round(DIGITS) + 0.0).data, digest_size=16).digest() for row in rows]  # -0.0 equals 0.0


def some(chosen: Indices, count: int, seed: int, purpose: str) -> Indices:
    """Return `count` of the rows `chosen`, or all of fewer, at random: rows may be sorted or come chain by chain."""
    if len(chosen) <= count:
        return chosen
    return np.sort(rng.stream(seed, purpose).choice(chosen, count, replace=False))
