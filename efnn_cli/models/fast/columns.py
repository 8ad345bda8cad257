"""Periodic convolutions of few channels: the columns of a lattice as vectors, one small matrix a tap along y.

The matrix M_dy (C' Lx, C Lx) is circulant in x and holds every weight Lx times:

    Z[., y] = sum_dy M_dy X[., y + dy],   X[., y] of shape (C Lx, B)

It does Lx / k times the arithmetic of the convolution, in products that run near the peak of the machine, where a
product with 3 rows does not. Nothing is copied. On a GPU, where launching many small products takes longer than they
do, the M_dy of small lattices are spread over y too: one product with a circulant matrix (C' sites, C sites).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from torch import Tensor

from efnn_cli.models.fast.neighbours import Indices, Window, kept

Pieces = list[tuple[int, slice, slice]]

ONE_PRODUCT = {"cpu": 0, "cuda": 1500, "mps": 1500}  # C sites up to which one product is the faster form


def convolve(x: Tensor, weight: Tensor, window: Window) -> Tensor:
    """Return the convolution (C', sites, B) of x (C, sites, B) with weights (C', C, K); k <= Lx."""
    matrices = _spread(weight, window)
    if _is_one_product(x, len(weight), window):
        return (_circulant(matrices, window) @ x.flatten(0, 1)).view(len(weight), window.sites, -1)
    found = x.new_zeros(matrices.shape[1], window.Ly, x.shape[2])
    for tap, there, here in _columns(found, x, window):
        there.addmm_(matrices[tap], here)
    return found.view(len(weight), window.sites, -1)


def gradient_of_weights(x: Tensor, pull: Tensor, window: Window) -> Tensor:
    """Return the gradient (C', C, K) of the weights for x (C, sites, B) and that of the result (C', sites, B)."""
    shape = (window.k, len(pull) * window.Lx, len(x) * window.Lx)
    if _is_one_product(x, len(pull), window):
        whole = pull.flatten(0, 1) @ x.flatten(0, 1).t()
        return _gathered(_sums_over_y(whole, window), len(pull), len(x), window)
    matrices = x.new_zeros(shape)
    for tap, there, here in _columns(pull, x, window):
        matrices[tap].addmm_(there, here.t())
    return _gathered(matrices, len(pull), len(x), window)


def _is_one_product(x: Tensor, outputs: int, window: Window) -> bool:
    """Return True where one product with a circulant matrix is the faster form."""
    return ONE_PRODUCT[x.device.type] >= max(outputs, len(x)) * window.sites and window.k <= window.Ly


def _circulant(matrices: Tensor, window: Window) -> Tensor:
    """Return the matrix (C' sites, C sites) of M_dy (k, C' Lx, C Lx)."""
    padded = torch.cat([matrices, torch.zeros_like(matrices[:1])])
    spread = padded.index_select(0, kept(_tap_of_pair, _turned(window), matrices.device))
    spread = spread.view(window.Ly, window.Ly, *matrices.shape[1:]).permute(2, 0, 3, 1)
    return spread.reshape(matrices.shape[1] * window.Ly, -1)


def _sums_over_y(whole: Tensor, window: Window) -> Tensor:
    """Return the sums (k, C' Lx, C Lx) over all places of M_dy in a matrix (C' sites, C sites)."""
    outputs, inputs = (each // window.Ly for each in whole.shape)
    spread = whole.view(outputs, window.Ly, inputs, window.Ly).permute(1, 3, 0, 2).flatten(0, 1)
    taps = spread.index_select(0, kept(_pairs_of_tap, _turned(window), whole.device))
    return taps.view(window.k, window.Ly, outputs, inputs).sum(dim=1)


def _turned(window: Window) -> Window:
    """Return the window with y in the place of x."""
    return Window(window.Ly, window.Lx, window.k)


def _spread(weight: Tensor, window: Window) -> Tensor:
    """Return the matrices M_dy (k, C' Lx, C Lx) of weights (C', C, K)."""
    outputs, inputs, _ = weight.shape
    taps = weight.view(outputs, inputs, window.k, window.k).permute(3, 0, 1, 2)  # (dy, C', C, dx)
    padded = torch.cat([taps, taps.new_zeros(*taps.shape[:3], 1)], dim=3)
    spread = padded.index_select(3, kept(_tap_of_pair, window, weight.device))
    spread = spread.view(window.k, outputs, inputs, window.Lx, window.Lx).transpose(2, 3)
    return spread.reshape(window.k, outputs * window.Lx, inputs * window.Lx)


def _gathered(matrices: Tensor, outputs: int, inputs: int, window: Window) -> Tensor:
    """Return the sums (C', C, K) over all elements that hold the same weight."""
    spread = matrices.view(window.k, outputs, window.Lx, inputs, window.Lx).transpose(2, 3).flatten(3)
    taps = spread.index_select(3, kept(_pairs_of_tap, window, matrices.device))
    taps = taps.view(*spread.shape[:3], window.k, window.Lx).sum(dim=4)  # (dy, C', C, dx)
    return taps.permute(1, 2, 3, 0).reshape(outputs, inputs, -1)


def _columns(there: Tensor, here: Tensor, window: Window) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield every tap with the columns (C' Lx, P) of one array and their neighbours (C Lx, P) in the other."""
    wide = (each.view(-1, window.Ly, here.shape[-1]) for each in (there, here))
    one, other = wide
    for tap, to, at in _pieces(window.Ly, window.k, whole=here.is_cuda):
        yield tap, one[:, to].flatten(1), other[:, at].flatten(1)


@cache
def _pieces(length: int, k: int, *, whole: bool) -> Pieces:
    """Return tap, columns and neighbours: one column at a time, or `whole`, in as few pieces as wrapping needs."""
    if not whole:
        return [
            (tap, slice(y, y + 1), slice(at, at + 1))
            for y in range(length)
            for tap, at in ((tap, (y + tap - k // 2) % length) for tap in range(k))
        ]
    found = []
    for tap in range(k):
        shift = (tap - k // 2) % length
        found += [(tap, slice(0, length - shift), slice(shift, length))]
        found += [(tap, slice(length - shift, length), slice(0, shift))] if shift else []
    return found


def _tap_of_pair(window: Window) -> Indices:
    """Return for x and x' the tap that joins them, k where none does: (Lx Lx)."""
    x = np.arange(window.Lx)
    tap: Indices = (x - x[:, None] + window.k // 2) % window.Lx
    return tap.clip(max=window.k).ravel()


def _pairs_of_tap(window: Window) -> Indices:
    """Return the pairs x Lx + x' that every tap joins, (k Lx)."""
    x, step = np.arange(window.Lx), np.arange(window.k)[:, None] - window.k // 2
    return (x * window.Lx + (x + step) % window.Lx).ravel()
