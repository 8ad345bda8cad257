"""Periodic k x k convolutions of an L x L lattice as matrix products, and what they gather.

Three forms of one convolution; they differ by rounding only:

    plain       periodic padding and a convolution                               any L
    circulant   one matrix of (C L^2) x (C' L^2), which holds every weight L^2 times   k <= L, small lattices
    rows        k rows of spins at once times one matrix of (k L) x (N L)        k <= L, few channels

The last two do L^2 / k^2 and L / k times the arithmetic of the first, in matrix products that run near the peak of the
machine, where the convolution of a few channels does not. Beside `rows`
there are `patches`, one site at a time, for many channels.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor


def wrap(planes: Tensor, margin: int, axes: tuple[int, int] = (2, 3)) -> Tensor:
    """Periodic padding of the two `axes` of a lattice by `margin` on every side, for any margin (also beyond L)."""
    for axis in axes:
        size = planes.shape[axis]
        pieces = [planes] * (2 * (margin // size) + 1)
        if rest := margin % size:
            pieces = [planes.narrow(axis, size - rest, rest), *pieces, planes.narrow(axis, 0, rest)]
        planes = torch.cat(pieces, dim=axis) if len(pieces) > 1 else planes
    return planes


def patches(spins: Tensor, k: int) -> Tensor:
    """The k x k spins around every site, in the order of a cross-correlation: (B, 3, L, L) -> (3, B, L^2, k^2)."""
    components = spins.transpose(0, 1)  # (3, B, L, L)
    padded = wrap(components, k // 2)
    return padded.unfold(2, k, 1).unfold(3, k, 1).reshape(*components.shape[:2], -1, k * k)


def rows(spins: Tensor, k: int) -> Tensor:
    """The k rows around every row of the lattice: (B, 3, L, L) -> (3, B, L, k L)."""
    size = spins.shape[-1]
    return spins.transpose(0, 1).index_select(2, _rows_around(size, k, spins.device)).reshape(3, -1, size, k * size)


def row_matrix(weight: Tensor, size: int) -> Tensor:
    """What `rows` are multiplied by to be convolved with weights (N, k, k) at L = `size`: (k L, L N), channels last."""
    count, k = weight.shape[:2]
    padded = torch.cat([weight, weight.new_zeros(count, k, 1)], dim=2)  # the last tap stands for "not within reach"
    spread = padded.index_select(2, _taps_of_a_row(size, k, weight.device)).view(count, k, size, size)
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
        spread = padded.index_select(0, _taps(size, k, weight.device)).view(sites, sites, outputs, inputs)
        return spread.transpose(1, 2).reshape(sites * outputs, sites * inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Sum over the L^2 places of every weight."""
        outputs, inputs, k, _ = ctx.shape
        sites = ctx.size**2
        spread = gradients[0].reshape(sites, outputs, sites, inputs).transpose(1, 2).reshape(sites**2, outputs * inputs)
        places = _places(ctx.size, k, spread.device)
        found = spread.index_select(0, places).view(k * k, sites, outputs * inputs).sum(dim=1)  # (K, C_out C_in)
        return found.t().reshape(ctx.shape), None


# Indices are made once for a size and device: within a step they would cost more than some of the products.


@cache
def _rows_around(size: int, k: int, device: torch.device) -> Tensor:
    """Numbers of the k rows around every row, (L k)."""
    return _neighbours(size, k).flatten().to(device)


@cache
def _taps_of_a_row(size: int, k: int, device: torch.device) -> Tensor:
    """Which of the k taps joins x with x', k where none does: (L L)."""
    taps = torch.full((size, size), k)
    taps.scatter_(1, _neighbours(size, k), torch.arange(k).expand(size, k))
    return taps.flatten().to(device)


@cache
def _taps(size: int, k: int, device: torch.device) -> Tensor:
    """Which of the k^2 taps joins site i with site j, k^2 where none does: (L^2 L^2)."""
    row = _taps_of_a_row(size, k, torch.device("cpu")).view(size, size)
    both = row[:, None, :, None] * k + row[None, :, None, :]  # (y, x, y', x')
    reached = (row < k)[:, None, :, None] & (row < k)[None, :, None, :]
    return torch.where(reached, both, k * k).flatten().to(device)


@cache
def _places(size: int, k: int, device: torch.device) -> Tensor:
    """Where in (L^2 L^2) the weight of every tap stands, ordered by site: (k^2 L^2)."""
    taps = _taps(size, k, torch.device("cpu"))
    return torch.argsort(taps, stable=True)[: k * k * size * size].to(device)


def _neighbours(size: int, k: int) -> Tensor:
    """Coordinates (L, k) within reach of every coordinate of a periodic axis."""
    return (torch.arange(size)[:, None] + torch.arange(k) - k // 2) % size
