"""The k x k sites around every site of a periodic lattice, as tables of indices.

Tensors have the batch innermost, (C, sites, B) with site = x Ly + y: what is gathered are runs of B numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Indices = NDArray[np.int64]

BLOCK_BYTES = 2**19  # of intermediates at a time on a CPU: half of the second cache of one core


class Window(NamedTuple):
    """The K = k^2 sites around every site of Lx x Ly sites; k may exceed the lattice."""

    Lx: int
    Ly: int
    k: int

    @property
    def taps(self) -> int:
        """Number of sites in a window."""
        return self.k**2

    @property
    def sites(self) -> int:
        """Number of sites of the lattice."""
        return self.Lx * self.Ly


def neighbours(window: Window) -> Indices:
    """Return the site that every tap of every site falls on, (K, sites); tap = dx k + dy."""
    step = np.arange(window.k) - window.k // 2
    x = (np.arange(window.Lx) + step[:, None]) % window.Lx  # (k, Lx)
    y = (np.arange(window.Ly) + step[:, None]) % window.Ly
    return (x[:, None, :, None] * window.Ly + y[None, :, None, :]).reshape(-1, window.sites)


@cache
def kept(make: Callable[[Window], Indices], window: Window, device: torch.device) -> Tensor:
    """Return `make(window)` on `device`: copied there in every step it would cost more than some of the products.

    Made from an array and outside of inference mode, so that it is the same tensor whoever asks first.
    """
    with torch.inference_mode(mode=False):
        return torch.from_numpy(make(window)).to(device)


class Block(NamedTuple):
    """Some sites, one after the other, and what stands in their windows."""

    sites: slice
    places: Tensor
    """Of the windows of these sites, in one row."""


def blocks(table: Callable[[Window], Indices], window: Window, floats: int, like: Tensor) -> list[Block]:
    """Return all sites in blocks whose intermediates stay in a cache; on a GPU one block of all sites.

    `table` makes indices (..., sites); intermediates are `floats` numbers a site in the type of `like`.
    """
    step = window.sites
    if like.device.type == "cpu":
        step = min(step, max(1, BLOCK_BYTES // max(1, floats * like.element_size())))
    return _blocks(table, window, step, like.device)


@cache
def _blocks(table: Callable[[Window], Indices], window: Window, step: int, device: torch.device) -> list[Block]:
    index = kept(table, window, device)
    parts = [slice(first, first + step) for first in range(0, window.sites, step)]
    with torch.inference_mode(mode=False):
        return [Block(sites, index[..., sites].reshape(-1)) for sites in parts]
