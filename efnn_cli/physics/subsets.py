"""Infinite-range r-spin energy: every r-subset of the spins is coupled exactly once.

    E(s) = - sum over i1 < ... < ir of J[i1..ir] s_i1 ... s_ir                  (physics of arXiv:2502.17665)

with K = C(L, r) couplings J ~ Normal(1, 2). The energy is linear in J and in every single spin.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from efnn_cli.core import rng
from efnn_cli.core.errors import ConfigError
from efnn_cli.physics.system import Array

COUPLING_MEAN = 1.0
COUPLING_STD = 2.0
MAX_COUPLINGS = 5_000_000
CHUNK_BYTES = 32 * 2**20  # products of one chunk of configurations stay in cache reach


def count(size: int, order: int) -> int:
    """Number of r-subsets of L spins; raises `ConfigError` where there are too many to store."""
    found = math.comb(size, order)
    if found > MAX_COUPLINGS:
        raise ConfigError(
            f"system.L={size} with system.r={order} has {found} couplings, more than {MAX_COUPLINGS}",
            "take a smaller system.L or system.r",
        )
    return found


@lru_cache(maxsize=4)
def indices(size: int, order: int) -> NDArray[np.int64]:
    """The r-subsets in lexicographic order, int64 (r, K)."""
    flat = itertools.chain.from_iterable(itertools.combinations(range(size), order))
    table = np.fromiter(flat, dtype=np.int64, count=count(size, order) * order)
    return table.reshape(-1, order).T.copy()


def draw_couplings(size: int, order: int, seed: int) -> Array:
    """Couplings J (K,) in the order of `indices`, from the stream "couplings" of `seed`."""
    return rng.stream(seed, "couplings", size, order).normal(COUPLING_MEAN, COUPLING_STD, count(size, order))


def energy(spins: Tensor, couplings: Tensor, order: int) -> Tensor:
    """E (B,) of spins (B, L) with couplings (K,), all float64 on one device."""
    subsets = torch.from_numpy(indices(spins.shape[1], order)).to(spins.device)  # (r, K)
    chunk = max(1, CHUNK_BYTES // (8 * max(1, subsets.shape[1])))
    parts = []
    for block in torch.split(spins, chunk):
        columns = block.T.contiguous()  # (L, b): rows are contiguous in memory, and gathered whole
        products = columns[subsets[0]]  # (K, b)
        for row in subsets[1:]:
            products = products * columns[row]
        parts.append(-(couplings @ products))
    return torch.cat(parts) if parts else spins.new_empty(0)
