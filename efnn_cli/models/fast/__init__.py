"""Fast forms of the lattice layers: `accelerate` swaps the modules of a network for equal ones.

They differ from the plain forms of `blocks.py` by rounding only, and have the same parameters.

matrices.py   convolutions as matrix products     products.py   the invariants without their intermediates
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from efnn_cli.models.blocks import Gain, PeriodicConvolution, times, wrap
from efnn_cli.models.fast.matrices import Circulant, patches, row_matrix, rows
from efnn_cli.models.fast.products import SumOfProducts
from efnn_cli.models.invariants import O3Invariants

CIRCULANT_WIDTH = 600  # C L^2 up to which a circulant matrix beats a convolution (at L = 10: 6 channels)
ROW_OUTPUTS = 96  # convolutions at once up to which rows beat patches, which take less arithmetic
ROW_KERNELS = 2  # L / k up to which they do
BLOCK_BYTES = 2**20  # of intermediates at a time on a CPU: about one core's share of its second cache

Network = TypeVar("Network", bound=nn.Module)


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
    """A matrix product for pointwise kernels; a circulant matrix for few channels on a small lattice."""

    def forward(self, x: Tensor, weight_gain: Gain = 1.0, bias_gain: Gain = 1.0) -> Tensor:
        """Convolve x (B, L, L, C_in) -> (B, L, L, C_out)."""
        if not is_eager(x):
            return super().forward(x, weight_gain, bias_gain)
        weight, bias = times(self.weight, weight_gain), times(self.bias, bias_gain)
        size, k = x.shape[1], self.kernel_size
        square = x.shape[2] == size
        if k == 1:
            return F.linear(x, weight[:, :, 0, 0], bias)
        if square and k <= size and max(weight.shape[:2]) * size**2 <= CIRCULANT_WIDTH:
            matrix = Circulant.apply(weight, size)  # type: ignore[no-untyped-call]
            return F.linear(x.flatten(1), matrix, bias.repeat(size**2)).view(*x.shape[:3], len(bias))
        planes = wrap(x, k // 2, axes=(1, 2)).permute(0, 3, 1, 2)  # channels last in memory
        weight = weight.contiguous(memory_format=torch.channels_last)
        return F.conv2d(planes, weight, bias).permute(0, 2, 3, 1)


class FastInvariants(O3Invariants):
    """All components and layers as one matrix product, by rows or by patches of spins."""

    def products(self, spins: Tensor, w0: Tensor, w1: Tensor) -> tuple[Tensor, ...]:
        """Return what the plain form does; it takes over where the spins are differentiated."""
        if spins.requires_grad or not is_eager(spins):
            return super().products(spins, w0, w1)
        size, k, count = spins.shape[-1], self.kernel_size, len(w0)
        square = spins.shape[-2] == size
        if square and k <= size <= ROW_KERNELS * k and 2 * count <= ROW_OUTPUTS:
            gather, columns = rows, [size * each for each in self.channels]
            layers = [each.view(-1, k, k) for half in (w0, w1) for each in torch.split(half, self.channels)]
            matrix = torch.cat([row_matrix(each, size) for each in layers], dim=1)
        else:
            gather, columns = patches, self.channels
            matrix = torch.cat([w0, w1]).t()
        sites = math.prod(spins.shape[-2:])
        bytes_each = 6 * count * sites * spins.element_size()  # of the intermediates of one configuration
        block = BLOCK_BYTES // bytes_each if spins.device.type == "cpu" else len(spins)
        phi = SumOfProducts.apply(spins, matrix, gather, k, max(1, block))  # type: ignore[no-untyped-call]
        split = zip(torch.split(phi, columns, dim=-1), self.channels, strict=True)
        return tuple(each.view(len(spins), *spins.shape[-2:], channels) for each, channels in split)


FAST_FORMS: dict[type[nn.Module], type[nn.Module]] = {
    PeriodicConvolution: FastConvolution,
    O3Invariants: FastInvariants,
}
