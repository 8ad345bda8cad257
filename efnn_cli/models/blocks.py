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
from efnn_cli.models.periodic import Circulant, is_data, patches, row_matrix, rows, wrap
from efnn_cli.models.products import SumOfProducts

CIRCULANT_WIDTH = 600  # C L^2 up to which a circulant matrix beats a convolution (at L = 10: 6 channels)
ROW_OUTPUTS = 96  # convolutions at once up to which rows beat patches, which take less arithmetic
ROW_KERNELS = 2  # L / k up to which they do
BLOCK_BYTES = 2**20  # of intermediates at a time on a CPU: about one core's share of its second cache

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
        return F.linear(x, _times(self.weight, weight_gain), _times(self.bias, bias_gain))


def _times(weights: Tensor, gain: Gain) -> Tensor:
    return weights if isinstance(gain, float) and gain == 1.0 else weights * gain


def dense_block(inputs: int, outputs: int, scale: ActivationScale) -> Block:
    """A block of two fully connected layers, (inputs + 1) m + (m + 1) m parameters for m = outputs."""
    return Block(Linear(inputs, outputs), Linear(outputs, outputs), scale)


class PeriodicConvolution(nn.Module):
    """k x k convolution with periodic padding and bias, (B, L, L, C_in) -> (B, L, L, C_out).

    Weights and biases may be multiplied by numbers, as in `Linear`. The form of the convolution is the fastest one for
    the lattice at hand, unless `plain` is set (see `plain_form`) or x is traced.
    """

    plain = False

    def __init__(self, inputs: int, outputs: int, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        initial = nn.Conv2d(inputs, outputs, kernel_size)  # for PyTorch's default initial values
        self.weight = nn.Parameter(initial.weight.detach())  # (C_out, C_in, k, k)
        self.bias = nn.Parameter(initial.bias.detach())  # type: ignore[union-attr]

    def forward(self, x: Tensor, weight_gain: Gain = 1.0, bias_gain: Gain = 1.0) -> Tensor:
        """Convolve x."""
        weight, bias = _times(self.weight, weight_gain), _times(self.bias, bias_gain)
        size, k = x.shape[1], self.kernel_size
        fast = is_data(x) and not self.plain
        if fast and k == 1:
            return F.linear(x, weight[:, :, 0, 0], bias)
        if fast and k <= size and max(weight.shape[:2]) * size**2 <= CIRCULANT_WIDTH:
            matrix = Circulant.apply(weight, size)  # type: ignore[no-untyped-call]
            return F.linear(x.flatten(1), matrix, bias.repeat(size**2)).view(*x.shape[:3], len(bias))
        planes = wrap(x, k // 2, axes=(1, 2)).permute(0, 3, 1, 2)  # channels last in memory
        if fast:
            weight = weight.contiguous(memory_format=torch.channels_last)
        return F.conv2d(planes, weight, bias).permute(0, 2, 3, 1)


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

    plain = False

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
        # The fast forms are differentiable in the weights only.
        if self.plain or spins.requires_grad or not is_data(spins):
            layers = torch.split(self._convolved(spins, w0, w1), self.channels, dim=-1)
        else:
            layers = self._fast(spins, w0, w1)
        if shift is None:
            return layers
        return tuple(phi - each for phi, each in zip(layers, torch.split(shift, self.channels), strict=True))

    def _convolved(self, spins: Tensor, w0: Tensor, w1: Tensor) -> Tensor:
        """The plain form: for every component two convolutions, multiplied."""
        k = self.kernel_size
        planes = wrap(spins, k // 2).unbind(dim=1)  # x, y, z
        first, second = (weights.view(-1, 1, k, k) for weights in (w0, w1))
        products = [F.conv2d(each[:, None], first) * F.conv2d(each[:, None], second) for each in planes]
        return torch.stack(products).sum(dim=0).permute(0, 2, 3, 1)

    def _fast(self, spins: Tensor, w0: Tensor, w1: Tensor) -> tuple[Tensor, ...]:
        """Both convolutions of all components and layers as one matrix product, by rows or by patches of spins."""
        size, k, count = spins.shape[-1], self.kernel_size, len(w0)
        if k <= size <= ROW_KERNELS * k and 2 * count <= ROW_OUTPUTS:
            gather, columns = rows, [size * each for each in self.channels]
            layers = [each.view(-1, k, k) for half in (w0, w1) for each in torch.split(half, self.channels)]
            matrix = torch.cat([row_matrix(each, size) for each in layers], dim=1)
        else:
            gather, columns = patches, self.channels
            matrix = torch.cat([w0, w1]).t()
        bytes_each = 6 * count * size**2 * spins.element_size()  # of the intermediates of one configuration
        block = BLOCK_BYTES // bytes_each if spins.device.type == "cpu" else len(spins)
        phi = SumOfProducts.apply(spins, matrix, gather, k, max(1, block))  # type: ignore[no-untyped-call]
        split = zip(torch.split(phi, columns, dim=-1), self.channels, strict=True)
        return tuple(each.view(len(spins), size, size, channels) for each, channels in split)

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


def plain_form(network: nn.Module) -> nn.Module:
    """`network` itself, from now on evaluated convolution by convolution: the reference of the fast forms."""
    for module in network.modules():
        if isinstance(module, (PeriodicConvolution, InvariantLayers)):
            module.plain = True
    return network
