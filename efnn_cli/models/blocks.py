"""The parts that all networks are made of.

A block is affine -> tanh -> affine. On a lattice "affine" is a periodic convolution with bias. Tensors
of lattice networks have their channels last, (B, L, L, C): a pointwise convolution is then one matrix
product. B configurations, C channels, k kernel side, K = k^2.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.models.options import ActivationScale

Gain = float | Tensor


class Block(nn.Module):
    """f(x) = W2 tanh(eps (W1 x + b1)) / eps + b2, with eps = `activation_scale`.

    For eps = 1 the published block. Any eps spans the same functions (it can be folded into the
    weights); a small one makes the optimizer start where tanh is nearly a polynomial. Where it is learned, its
    logarithm is the parameter: it stays positive, and steps are relative.
    """

    def __init__(self, inner: nn.Module, outer: nn.Module, scale: ActivationScale) -> None:
        super().__init__()
        self.inner = inner
        self.outer = outer
        self.activation_scale = scale.value
        if scale.learned:
            self.log_scale = nn.Parameter(torch.tensor(math.log(scale.value)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to x (..., channels in) -> (..., channels out).

        eps is multiplied into the weights, which are far fewer numbers than the activations.
        """
        eps: Gain = self.log_scale.exp() if hasattr(self, "log_scale") else self.activation_scale
        return self.outer(torch.tanh(self.inner(x, eps, eps)), 1.0 / eps)  # type: ignore[no-any-return]

    def shift_output(self, value: float) -> None:
        """Add `value` to the output bias."""
        with torch.no_grad():
            self.outer.bias.add_(value)  # type: ignore[operator]


class Linear(nn.Linear):
    """A fully connected layer whose weights and biases may be multiplied by numbers."""

    def forward(self, x: Tensor, weight_gain: Gain = 1.0, bias_gain: Gain = 1.0) -> Tensor:
        """Apply the layer to x (B, inputs) -> (B, outputs)."""
        return F.linear(x, times(self.weight, weight_gain), times(self.bias, bias_gain))


def times(weights: Tensor, gain: Gain) -> Tensor:
    """Return `weights` times `gain`; the weights themselves for a gain of one."""
    return weights if isinstance(gain, float) and gain == 1.0 else weights * gain


def dense_block(inputs: int, outputs: int, scale: ActivationScale) -> Block:
    """A block of two fully connected layers, (inputs + 1) m + (m + 1) m parameters for m = outputs."""
    return Block(Linear(inputs, outputs), Linear(outputs, outputs), scale)


class PeriodicConvolution(nn.Module):
    """k x k convolution with periodic padding and bias, (B, L, L, C_in) -> (B, L, L, C_out).

    Weights and biases may be multiplied by numbers, as in `Linear`.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        initial = nn.Conv2d(inputs, outputs, kernel_size)  # for PyTorch's default initial values
        self.weight = nn.Parameter(initial.weight.detach())  # (C_out, C_in, k, k)
        self.bias = nn.Parameter(initial.bias.detach())  # type: ignore[union-attr]

    def forward(self, x: Tensor, weight_gain: Gain = 1.0, bias_gain: Gain = 1.0) -> Tensor:
        """Convolve x."""
        weight, bias = times(self.weight, weight_gain), times(self.bias, bias_gain)
        planes = wrap(x, self.kernel_size // 2, axes=(1, 2)).permute(0, 3, 1, 2)  # (B, C_in, L + k - 1, L + k - 1)
        return F.conv2d(planes, weight, bias).permute(0, 2, 3, 1)


def wrap(planes: Tensor, margin: int, axes: tuple[int, int] = (2, 3)) -> Tensor:
    """Periodic padding of the two `axes` of a lattice by `margin` on every side, for any margin (also beyond L)."""
    for axis in axes:
        size = planes.shape[axis]
        pieces = [planes] * (2 * (margin // size) + 1)
        if rest := int(margin % size):  # a number also where an export leaves L open: sums of symbols would grow
            pieces = [planes.narrow(axis, size - rest, rest), *pieces, planes.narrow(axis, 0, rest)]
        planes = torch.cat(pieces, dim=axis) if len(pieces) > 1 else planes
    return planes


def lattice_block(inputs: int, outputs: int, kernels: tuple[int, int], scale: ActivationScale) -> Block:
    """A block of two periodic convolutions with kernel sides `kernels`."""
    inner = PeriodicConvolution(inputs, outputs, kernels[0])
    outer = PeriodicConvolution(outputs, outputs, kernels[1])
    return Block(inner, outer, scale)


class Readout(nn.Module):
    """Energy of a lattice network: a periodic convolution C -> 1 with bias, summed over the sites.

    The sum over sites of a periodic convolution is the kernel sum times the site sum, so the convolution is
    never carried out. Site sums are accumulated in float64.
    """

    def __init__(self, inputs: int, kernel_size: int) -> None:
        super().__init__()
        initial = nn.Conv2d(inputs, 1, kernel_size)
        self.weight = nn.Parameter(initial.weight.detach())  # (1, C, k, k)
        self.bias = nn.Parameter(initial.bias.detach())  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        """Energies (B,), float64, of features (B, L, L, C)."""
        if not doubles.has_float64(x.device):
            return self.density(x).sum(dim=(1, 2))
        sums = x.sum(dim=(1, 2), dtype=torch.float64)  # (B, C)
        kernel_sum = self.weight[0].sum(dim=(1, 2), dtype=torch.float64)  # (C,)
        return sums @ kernel_sum + math.prod(x.shape[1:3]) * self.bias.double()

    def density(self, x: Tensor) -> Tensor:
        """Energies (B, L, L), float64, of every site, which sum to `forward`."""
        if not doubles.has_float64(x.device):
            return doubles.as_float64(x @ self.weight[0].sum(dim=(1, 2))) + doubles.as_float64(self.bias)
        kernel_sum = self.weight[0].sum(dim=(1, 2), dtype=torch.float64)  # (C,)
        return x.double() @ kernel_sum + self.bias.double()
