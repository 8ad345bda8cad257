"""Sums of products of two linear forms of the spins around every site: invariants without their intermediates.

With X (K, 3 P) the spins in the windows of P = sites x B places, O = W X the forms (U above V), and a the component,

    Phi = sum_a U_a V_a         dPhi, pulled back by G:  dO = [G V, G U],  dW = dO X^T,  dX = W^T dO

The derivative of that again, for gradients of fields with respect to the weights, pulled back by Y = window of h
(cotangent of dX) and by H (that of dW), is the same with the forms R = W Y + H X:

    dG = sum_a U_a R^V_a + V_a R^U_a,   dW = [G R^V, G R^U] X^T + [G V, G U] Y^T
    dX = W^T [G R^V, G R^U] + H^T [G V, G U]

Written as functions of autograd since O is 2 x 3 times as large as Phi: it is computed again where it is needed, a few
sites at a time, and stays in the caches of a CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from efnn_cli.models.fast.neighbours import Block, Indices, Window, blocks, kept, neighbours


def sum_of_products(spins: Tensor, weight: Tensor, window: Window) -> Tensor:
    """Return Phi (N, sites, B) of spins (3, sites, B) and weights (2 N, K); differentiable twice in both."""
    return _Phi.apply(spins.reshape(-1, spins.shape[-1]), weight, window)  # type: ignore[no-any-return, no-untyped-call]


class _Phi(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, spins: Tensor, weight: Tensor, window: Window) -> Tensor:
        ctx.save_for_backward(spins, weight)
        ctx.window = window
        phi = spins.new_empty(len(weight) // 2, window.sites, spins.shape[1])
        for block in _blocks(spins, weight, window):
            forms = _forms(weight @ _windows(block, spins, window))
            _sum_products(_part(phi, block), (forms[0], forms[1]))
        return phi

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        spins, weight = ctx.saved_tensors
        needed = ctx.needs_input_grad[:2]
        found = _PulledBack.apply(spins, weight, gradients[0].contiguous(), ctx.window, needed)  # type: ignore[no-untyped-call]
        return (*found, None)


class _PulledBack(torch.autograd.Function):
    """Gradients of spins (3 sites, B) and weights (2 N, K) for the gradient G (N, sites, B) of Phi."""

    @staticmethod
    def forward(
        ctx: Any, spins: Tensor, weight: Tensor, pull: Tensor, window: Window, needed: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(spins, weight, pull)
        ctx.window = window
        of_windows = _Windows(spins, window) if needed[0] else None
        of_weight = torch.zeros_like(weight) if needed[1] else None
        for block in _blocks(spins, weight, window):
            around = _windows(block, spins, window)
            forms = _forms(weight @ around)
            crossed = _crossed(forms, _part(pull, block))
            if of_weight is not None:
                of_weight.addmm_(crossed, around.t())
            if of_windows is not None:
                of_windows.put(block, weight.t() @ crossed)
        return None if of_windows is None else of_windows.scattered(), of_weight

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, Tensor, Tensor, None, None]:
        spins, weight, pull = ctx.saved_tensors
        of_spins, of_weight = (None if each is None else each.contiguous() for each in cotangents)
        window = ctx.window
        gradient, of_pull = torch.zeros_like(weight), torch.empty_like(pull)
        of_windows = _Windows(spins, window) if ctx.needs_input_grad[0] else None
        for block in _blocks(spins, weight, window):
            around = _windows(block, spins, window)
            forms = _forms(weight @ around)
            crossed = _crossed(forms, _part(pull, block))
            turned = torch.zeros_like(crossed)  # R
            if of_spins is not None:
                along = _windows(block, of_spins, window)
                torch.mm(weight, along, out=turned)
                gradient.addmm_(crossed, along.t())
            if of_weight is not None:
                turned.addmm_(of_weight, around)
            (u, v), (ru, rv) = forms, _forms(turned)
            _sum_products(_part(of_pull, block), (u, rv), (v, ru))
            again = _crossed(_forms(turned), _part(pull, block))
            gradient.addmm_(again, around.t())
            if of_windows is not None:
                found = weight.t() @ again
                of_windows.put(block, found if of_weight is None else found.addmm_(of_weight.t(), crossed))
        return None if of_windows is None else of_windows.scattered(), gradient, of_pull, None, None


def _forms(product: Tensor) -> Tensor:
    """Return U and V, (2, N, 3, P), of W X (2 N, 3 P)."""
    return product.view(2, len(product) // 2, 3, -1)


def _sum_products(out: Tensor, *pairs: tuple[Tensor, Tensor]) -> None:
    """Write the sum over components and pairs of the products of forms (N, 3, P) into `out` (N, P)."""
    out.zero_()
    for left, right in pairs:
        for component in range(3):
            out.addcmul_(left[:, component], right[:, component])


def _crossed(forms: Tensor, pull: Tensor) -> Tensor:
    """Return [G V, G U] (2 N, 3 P) of forms (2, N, 3, P) and G (N, P)."""
    found = torch.empty_like(forms)
    torch.mul(forms[1], pull[:, None], out=found[0])
    torch.mul(forms[0], pull[:, None], out=found[1])
    return found.view(-1, forms.shape[2] * forms.shape[3])


def _windows(block: Block, spins: Tensor, window: Window) -> Tensor:
    """Return the windows (K, 3 P) of the sites of a block in spins (3 sites, B)."""
    return spins.index_select(0, block.places).view(window.taps, -1)


def _part(array: Tensor, block: Block) -> Tensor:
    """Return the sites of a block in an array (N, sites, B), (N, P)."""
    return array[:, block.sites].flatten(1)


class _Windows:
    """Gradients of the windows of all sites, (K, 3, sites, B), filled block by block."""

    def __init__(self, spins: Tensor, window: Window) -> None:
        self.window = window
        self.array = spins.new_empty(window.taps, 3, window.sites, spins.shape[1])

    def put(self, block: Block, found: Tensor) -> None:
        """Take (K, 3 P) of one block."""
        self.array[:, :, block.sites] = found.view(len(self.array), 3, -1, self.array.shape[3])

    def scattered(self) -> Tensor:
        """Return the sum over the windows that a spin stands in, (3 sites, B)."""
        flat = self.array.view(-1, self.array.shape[3])
        return (
            flat.index_select(0, kept(_standing_in, self.window, flat.device))
            .view(len(self.array), -1, flat.shape[1])
            .sum(dim=0)
        )


def _blocks(spins: Tensor, weight: Tensor, window: Window) -> list[Block]:
    """Return the sites in blocks by the size of their forms."""
    return blocks(_windows_of_spins, window, 3 * len(weight) * spins.shape[1], spins)


def _windows_of_spins(window: Window) -> Indices:
    """Return the places in spins (3 sites) of all windows, (K, 3, sites)."""
    return neighbours(window)[:, None] + np.arange(3)[:, None] * window.sites


def _standing_in(window: Window) -> Indices:
    """Return for every tap, component and site the place in windows (K 3 sites) where that spin stands, in one row."""
    order = np.argsort(neighbours(window), axis=1)[:, None]  # (K, 1, sites)
    components = np.arange(len(order) * 3).reshape(len(order), 3, 1)
    return (order + components * window.sites).ravel()
