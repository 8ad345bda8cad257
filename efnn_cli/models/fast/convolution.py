"""Periodic convolutions as matrix products, a few sites at a time, differentiable any number of times.

For W (C', C, K) and the windows X (C K, P) of P = sites x B places the convolution is Z = W X. Its derivatives are
convolutions again: that of x convolves the gradient with the weights turned by 180 degrees and transposed, that of
the weights is G X^T, whose own derivatives are both of these. Few channels take the form of `columns.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from efnn_cli.models.fast import columns
from efnn_cli.models.fast.neighbours import Window, blocks, neighbours

COLUMN = 60  # C Lx up to which columns are the faster form (at L = 10: 6 channels)


def convolved(x: Tensor, weight: Tensor, window: Window) -> Tensor:
    """Return the convolution (C', sites, B) of x (C, sites, B) with weights (C', C, K)."""
    return _Convolved.apply(x.contiguous(), weight, window)  # type: ignore[no-any-return, no-untyped-call]


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, window: Window) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.window = window
        if is_narrow(weight.shape, window):
            return columns.convolve(x, weight, window)
        found = x.new_empty(len(weight), *x.shape[1:])
        for sites, around in _windows(x, window):
            found[:, sites] = (weight.flatten(1) @ around).view(len(weight), -1, x.shape[2])
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        pull, (of_x, of_weight, _) = gradients[0].contiguous(), ctx.needs_input_grad
        return (
            convolved(pull, _turned(weight), ctx.window) if of_x else None,
            _GradientOfWeights.apply(x, pull, ctx.window) if of_weight else None,  # type: ignore[no-untyped-call]
            None,
        )


class _GradientOfWeights(torch.autograd.Function):
    """Return G X^T (C', C, K) of x (C, sites, B) and G (C', sites, B)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pull: Tensor, window: Window) -> Tensor:
        ctx.save_for_backward(x, pull)
        ctx.window = window
        shape = torch.Size((len(pull), len(x), window.taps))
        if is_narrow(shape, window):
            return columns.gradient_of_weights(x, pull, window)
        total = x.new_zeros(len(pull), len(x) * window.taps)
        for sites, around in _windows(x, window):
            total.addmm_(pull[:, sites].flatten(1), around.t())
        return total.view(shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, pull = ctx.saved_tensors
        of_x, of_pull, _ = ctx.needs_input_grad
        return (
            convolved(pull, _turned(gradients[0]), ctx.window) if of_x else None,
            convolved(x, gradients[0], ctx.window) if of_pull else None,
            None,
        )


def is_narrow(shape: torch.Size, window: Window, limit: int | None = None) -> bool:
    """Return True where weights (C', C, K) have so few channels that columns are the faster form: C Lx <= `limit`."""
    return 1 < window.k <= window.Lx and max(shape[:2]) * window.Lx <= (COLUMN if limit is None else limit)


def _turned(weight: Tensor) -> Tensor:
    """Return weights (C', C, K) turned by 180 degrees, as a map the other way, (C, C', K)."""
    return weight.transpose(0, 1).flip(2)


def _windows(x: Tensor, window: Window) -> Iterator[tuple[slice, Tensor]]:
    """Yield blocks of sites with their windows (C K, P) in x (C, sites, B)."""
    for block in blocks(neighbours, window, len(x) * window.taps * x.shape[2], x):
        yield block.sites, x.index_select(1, block.places).view(len(x) * window.taps, -1)
