"""Fast forms of the lattice layers: `accelerate` swaps the modules of a network for equal ones.

They differ from the plain forms of `blocks.py` by rounding only, have the same parameters, and can be differentiated
twice, for the training on fields. Tensors have the shapes of the plain forms, (B, Lx, Ly, C), and are stored with the
channels outermost and the batch innermost, (C, Lx, Ly, B): every layer is then one matrix product.

On a CPU, convolutions in single precision are faster by PyTorch (oneDNN), but for those of few channels on small
lattices: they take the plain form, with the channels innermost, and so do pointwise convolutions of what they return.

neighbours.py   the sites around every site     products.py   the invariants without their intermediates
convolution.py  periodic convolutions           columns.py    those of few channels on small lattices
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from efnn_cli.models.blocks import Gain, PeriodicConvolution, times
from efnn_cli.models.fast.convolution import convolved, is_narrow
from efnn_cli.models.fast.neighbours import Window
from efnn_cli.models.fast.products import sum_of_products
from efnn_cli.models.invariants import O3Invariants

Network = TypeVar("Network", bound=nn.Module)

LIBRARY = 50  # C Lx beyond which PyTorch's own convolutions are the faster form, in single precision on a CPU
ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def accelerate(network: Network) -> Network:
    """Return `network` itself, from now on evaluated by the fast forms."""
    for module in network.modules():
        if type(module) in FAST_FORMS:
            module.__class__ = FAST_FORMS[type(module)]
    return network


def is_eager(x: Tensor) -> bool:
    """Return False where `x` is traced, exported, compiled, transformed (vmap, grad) or no plain tensor.

    The fast forms are functions of autograd and keep indices, which fit none of these: the plain form is taken.
    """
    traced = torch.compiler.is_compiling() or torch._C._is_tracing() or torch._C._are_functorch_transforms_active()
    return not traced and type(x) is Tensor


class FastConvolution(PeriodicConvolution):
    """Matrix products of the weights and the sites around every site, where PyTorch is not faster."""

    def forward(self, x: Tensor, weight_gain: Gain = 1.0, bias_gain: Gain = 1.0) -> Tensor:
        """Convolve x (B, Lx, Ly, C_in) -> (B, Lx, Ly, C_out)."""
        if not is_eager(x):
            return super().forward(x, weight_gain, bias_gain)
        window = Window(x.shape[1], x.shape[2], self.kernel_size)
        if self.is_for_library(x, window):
            return super().forward(x.contiguous(), weight_gain, bias_gain)
        weight, bias = times(self.weight, weight_gain), times(self.bias, bias_gain)
        planes = x.permute(3, 1, 2, 0).reshape(x.shape[3], window.sites, len(x))  # (C_in, sites, B)
        if window.k == 1:
            found = torch.addmm(bias[:, None], weight[:, :, 0, 0], planes.flatten(1))
        else:
            found = convolved(planes, weight.flatten(2), window) + bias[:, None, None]
        return found.view(len(bias), *x.shape[1:3], len(x)).permute(3, 1, 2, 0)

    def is_for_library(self, x: Tensor, window: Window) -> bool:
        """Return True where PyTorch's own convolution of x, by oneDNN, is faster."""
        if x.device.type != "cpu" or x.dtype != torch.float32 or not ONEDNN:
            return False
        return x.is_contiguous() if window.k == 1 else not is_narrow(self.weight.shape, window, LIBRARY)


class FastInvariants(O3Invariants):
    """All components and layers as one matrix product."""

    def products(self, spins: Tensor, w0: Tensor, w1: Tensor) -> tuple[Tensor, ...]:
        """Return what the plain form does."""
        if not is_eager(spins):
            return super().products(spins, w0, w1)
        count, _, *sides = spins.shape
        window = Window(sides[0], sides[1], self.kernel_size)
        planes = spins.permute(1, 2, 3, 0).reshape(3, window.sites, count)
        phi = sum_of_products(planes, torch.cat([w0, w1]), window)  # (sum of C, sites, B)
        return tuple(each.view(-1, *sides, count).permute(3, 1, 2, 0) for each in torch.split(phi, self.channels))


FAST_FORMS: dict[type[nn.Module], type[nn.Module]] = {
    PeriodicConvolution: FastConvolution,
    O3Invariants: FastInvariants,
}
