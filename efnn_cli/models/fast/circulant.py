"""Periodic convolutions of few channels on a small lattice as one matrix product.

The circulant matrix (C' L^2) x (C L^2) holds every weight L^2 times. It does L^2 / k^2 times the arithmetic of the
convolution, in products that run near the peak of the machine, where the convolution of a few channels does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from efnn_cli.models.fast.neighbours import Indices, Window, kept, neighbours


class Circulant(torch.autograd.Function):
    """The matrix (C_out sites, C_in sites) of a periodic convolution with weights (C_out, C_in, k, k); k <= Lx, Ly.

    Its gradient gathers the elements that belong to each weight: much faster than scattering them, which is what
    differentiating the expansion would do.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, window: Window) -> Tensor:
        """Expand the weights."""
        outputs, inputs, k, _ = weight.shape
        ctx.shape, ctx.window = weight.shape, window
        flat = weight.reshape(outputs * inputs, k * k)
        padded = torch.cat([flat, flat.new_zeros(len(flat), 1)], dim=1)
        spread = padded.index_select(1, kept(_tap_of_pair, window, weight.device))
        spread = spread.view(outputs, inputs, window.sites, window.sites)
        return spread.transpose(1, 2).reshape(outputs * window.sites, inputs * window.sites)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Sum over the places of every weight."""
        outputs, inputs, k, _ = ctx.shape
        sites = ctx.window.sites
        spread = gradients[0].reshape(outputs, sites, inputs, sites).transpose(1, 2).reshape(outputs * inputs, -1)
        places = kept(_pairs_of_tap, ctx.window, spread.device)
        return spread.index_select(1, places).view(-1, k * k, sites).sum(dim=2).view(ctx.shape), None


def _tap_of_pair(window: Window) -> Indices:
    """For sites i and j the tap that joins them, k^2 where none does: (sites sites)."""
    to = neighbours(window)  # (K, sites)
    found = np.full((window.sites, window.sites), len(to))
    np.put_along_axis(found, to.T, np.arange(len(to)), axis=1)
    return found.ravel()


def _pairs_of_tap(window: Window) -> Indices:
    """Return the pairs i sites + j that every tap joins, (K sites)."""
    return (np.arange(window.sites) * window.sites + neighbours(window)).ravel()
