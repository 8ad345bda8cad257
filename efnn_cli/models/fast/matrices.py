"""Periodic k x k convolutions of an L x L lattice as matrix products.

Three forms of one convolution; they differ by rounding only:

    plain       periodic padding and a convolution                               any L
    circulant   one matrix of (C L^2) x (C' L^2), which holds every weight L^2 times   k <= L, small lattices
    rows        k rows of spins at once times one matrix of (k L) x (N L)        k <= L, few channels

The last two do L^2 / k^2 and L / k times the arithmetic of the first, in matrix products that run near the peak of the
machine, where the convolution of a few channels does not. Beside `rows`
there are `patches`, one site at a time, for many channels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from efnn_cli.models.blocks import wrap


def patches(spins: Tensor, k: int) -> Tensor:
    """The k x k spins around every site, in the order of a cross-correlation: (B, 3, Lx, Ly) -> (3, B, Lx Ly, k^2)."""
    components = spins.transpose(0, 1)  # (3, B, L, L)
    padded = wrap(components, k // 2)
    return padded.unfold(2, k, 1).unfold(3, k, 1).reshape(3, len(spins), -1, k * k)


def rows(spins: Tensor, k: int) -> Tensor:
    """The k rows around every row of the lattice: (B, 3, L, L) -> (3, B, L, k L)."""
    size = spins.shape[-1]
    around = spins.transpose(0, 1).index_select(2, _kept(_rows_around, size, k, spins.device))
    return around.reshape(3, len(spins), size, k * size)


def row_matrix(weight: Tensor, size: int) -> Tensor:
    """Return the matrix (k L, L N) that convolves `rows` with weights (N, k, k) at L = `size`, channels last."""
    count, k = weight.shape[:2]
    padded = torch.cat([weight, weight.new_zeros(count, k, 1)], dim=2)  # the last tap stands for "not within reach"
    spread = padded.index_select(2, _kept(_taps_of_a_row, size, k, weight.device)).view(count, k, size, size)
    return spread.permute(1, 3, 2, 0).reshape(k * size, size * count)  # (row, x') x (x, N)


class Circulant(torch.autograd.Function):
    """The matrix (L^2 C_out, L^2 C_in) of a periodic convolution with weights (C_out, C_in, k, k), channels last.

    Its gradient gathers the elements that belong to each weight: much faster than scattering them, which is what
    differentiating the expansion would do.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, size: int) -> Tensor:
        """Expand the weights; needs k <= L."""
        outputs, inputs, k, _ = weight.shape
        ctx.shape, ctx.size = weight.shape, size
        flat = weight.reshape(outputs * inputs, k * k).t()
        padded = torch.cat([flat, flat.new_zeros(1, outputs * inputs)])
        sites = size * size
        spread = padded.index_select(0, _kept(_taps, size, k, weight.device)).view(sites, sites, outputs, inputs)
        return spread.transpose(1, 2).reshape(sites * outputs, sites * inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Sum over the L^2 places of every weight."""
        outputs, inputs, k, _ = ctx.shape
        sites = ctx.size**2
        spread = gradients[0].reshape(sites, outputs, sites, inputs).transpose(1, 2).reshape(sites**2, outputs * inputs)
        places = _kept(_places, ctx.size, k, spread.device)
        found = spread.index_select(0, places).view(k * k, sites, outputs * inputs).sum(dim=1)  # (K, C_out C_in)
        return found.t().reshape(ctx.shape), None


Indices = NDArray[np.int64]


@cache
def _kept(make: Callable[[int, int], Indices], size: int, k: int, device: torch.device) -> Tensor:
    """Return `make(size, k)` on `device`: copied there in every step it would cost more than some of the products.

    Made from an array and outside of inference mode, so that it is the same tensor whoever asks first.
    """
    with torch.inference_mode(mode=False):
        return torch.from_numpy(make(size, k)).to(device)


def _rows_around(size: int, k: int) -> Indices:
    """Numbers of the k rows around every row, (L k)."""
    return _neighbours(size, k).ravel()


def _taps_of_a_row(size: int, k: int) -> Indices:
    """For x and x' the one of the k taps that joins them, k where none does: (L L)."""
    taps = np.full((size, size), k)
    np.put_along_axis(taps, _neighbours(size, k), np.arange(k), axis=1)
    return taps.ravel()


def _taps(size: int, k: int) -> Indices:
    """For sites i and j the one of the k^2 taps that joins them, k^2 where none does: (L^2 L^2)."""
    row = _taps_of_a_row(size, k).reshape(size, size)
    y, x = row[:, None, :, None], row[None, :, None, :]  # (y, x, y', x')
    return np.where((y < k) & (x < k), y * k + x, k * k).ravel()


def _places(size: int, k: int) -> Indices:
    """Places in (L^2 L^2) where the weight of every tap stands, ordered by site: (k^2 L^2)."""
    return np.argsort(_taps(size, k), kind="stable")[: k * k * size * size]


def _neighbours(size: int, k: int) -> Indices:
    """Coordinates (L, k) within reach of every coordinate of a periodic axis."""
    return (np.arange(size)[:, None] + np.arange(k) - k // 2) % size
