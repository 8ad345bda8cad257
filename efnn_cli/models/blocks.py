"""The parts that all networks are made of.

A block is affine -> tanh -> affine. On a lattice "affine" is a periodic convolution with bias. Tensors
of lattice networks have their channels last, (B, L, L, C): a pointwise convolution is then one matrix
product. B configurations, C channels, k kernel side, K = k^2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


class InvariantLayers(nn.Module):
    """All invariant layers of a network in one pass: Phi = sum over x, y, z of (W0 * S^c)(W1 * S^c).

    W0 and W1 are bias-free k x k convolutions 1 -> C shared by the three components, so Phi is invariant
    under global rotations of the spins and under S -> -S. `channels` lists C of each layer; the layers share
    no weights, only the gathering of the spins around every site. Each is 2 k^2 C parameters.

    With `normalise` an invariant is shifted and scaled to zero mean and unit variance at infinite
    temperature. For independent uniform spins <S_a.S_b> = delta_ab and <(S_a.S_b)^2> = 1/3, hence

        mean = sum_a W0(a) W1(a),   variance = 1/3 sum_{a<b} (W0(a) W1(b) + W0(b) W1(a))^2

    which holds for every lattice size (exact size-consistency) and needs no batch statistics.
    """

    def __init__(self, channels: Sequence[int], kernel_size: int, normalise: bool) -> None:
        super().__init__()
        self.channels = list(channels)
        self.kernel_size = kernel_size
        self.normalise = normalise
        self.weight = nn.Parameter(torch.empty(2, sum(channels), kernel_size**2))  # (2, C, K)
        nn.init.uniform_(self.weight, -1.0 / kernel_size, 1.0 / kernel_size)  # Conv2d's default: fan-in is K

    def forward(self, spins: Tensor) -> tuple[Tensor, ...]:
        """Invariants (B, L, L, C) of each layer, for spins (B, 3, L, L); the normalisation is multiplied into W0."""
        w0, w1 = self.weight  # (C, K) each
        shift = None
        if self.normalise:
            mean, std = self.moments()
            w0, shift = w0 / std[:, None], mean / std
        layers = self.products(spins, w0, w1)
        if shift is None:
            return layers
        return tuple(phi - each for phi, each in zip(layers, torch.split(shift, self.channels), strict=True))

    def products(self, spins: Tensor, w0: Tensor, w1: Tensor) -> tuple[Tensor, ...]:
        """Sum over the components of the product of two convolutions, (B, L, L, C) for each layer."""
        k = self.kernel_size
        planes = wrap(spins, k // 2).unbind(dim=1)  # x, y, z
        first, second = (weights.view(-1, 1, k, k) for weights in (w0, w1))
        products = [F.conv2d(each[:, None], first) * F.conv2d(each[:, None], second) for each in planes]
        phi = torch.stack(products).sum(dim=0).permute(0, 2, 3, 1)  # (B, L, L, sum of C)
        return torch.split(phi, self.channels, dim=-1)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (C,) of every invariant for independent uniform spins."""
        w0, w1 = self.weight
        mean = (w0 * w1).sum(dim=1)
        # sum_{a<b} (x_a y_b + x_b y_a)^2 = x^2 y^2 + (x.y)^2 - 2 sum_a (x_a y_a)^2
        pairs = w0.square().sum(1) * w1.square().sum(1) + mean.square() - 2 * (w0 * w1).square().sum(1)
        tiny = torch.finfo(pairs.dtype).tiny
        return mean, (pairs.clamp(min=tiny) / 3).sqrt()


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
        sums = x.sum(dim=(1, 2), dtype=torch.float64)  # (B, C)
        kernel_sum = self.weight[0].sum(dim=(1, 2), dtype=torch.float64)  # (C,)
        return sums @ kernel_sum + math.prod(x.shape[1:3]) * self.bias.double()
