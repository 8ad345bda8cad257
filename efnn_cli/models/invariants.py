"""Invariant layers: what a network sees of the bare spins, by the symmetry of the energy in spin space.

    o3      S.S'                                             rotations, and S -> -S
    axial   S_z, S_z S_z', S_x S_x' + S_y S_y', (S x S')_z   rotations about z
    none    S_a, S_a S_b'

Every invariant is a quadratic form of the spins around a site, Phi = u.s + sum_r (x_r.s)(y_r.s), where s (3 K) holds
the spins of the kernel, K = k^2; the symmetry says which u, x_r, y_r there are. Terms linear in S can be left out: Phi
is then even under S -> -S. All layers of a network are evaluated in one pass: `channels` lists C of each layer; they
share no weights, only the gathering of the spins around every site.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from efnn_cli.models.blocks import wrap
from efnn_cli.models.options import NetworkOptions


def invariant_layers(channels: Sequence[int], options: NetworkOptions) -> O3Invariants | QuadraticInvariants:
    """Return the invariant layers with the symmetry of `options`; with none given, o3."""
    k, normalise = options.kernel_size, options.normalise_invariants
    if options.symmetry in (None, "o3"):
        return O3Invariants(channels, k, normalise)
    form = AxialInvariants if options.symmetry == "axial" else GeneralInvariants
    return form(channels, k, normalise, bool(options.linear_terms))


class O3Invariants(nn.Module):
    """`symmetry=o3`, as published: Phi = sum over x, y, z of (W0 * S^c)(W1 * S^c).

    W0 and W1 are bias-free k x k convolutions 1 -> C shared by the three components, so Phi is invariant
    under global rotations of the spins and under S -> -S. Each layer has 2 k^2 C parameters.

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


class QuadraticInvariants(nn.Module):
    """Invariants given by their quadratic forms, which a subclass makes from its weights.

    With `normalise` they have zero mean and unit variance at infinite temperature. For independent uniform spins, with
    B the symmetric part of sum_r x_r y_r^T (3 K x 3 K), B_ij its 3 x 3 blocks and tr the trace,

        mean = tr B / 3,   variance = u^2 / 3 + 2/9 sum_{i != j} |B_ij|^2 + 2/15 sum_i (|B_ii|^2 - (tr B_ii)^2 / 3)
    """

    def __init__(self, channels: Sequence[int], kernel_size: int, normalise: bool, linear_terms: bool) -> None:
        super().__init__()
        self.channels = list(channels)
        self.kernel_size = kernel_size
        self.normalise = normalise
        self.linear_terms = linear_terms

    def forms(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return x and y (R, C, 3, K), and u (C, 3, K) where there are linear terms."""
        raise NotImplementedError

    def forward(self, spins: Tensor) -> tuple[Tensor, ...]:
        """Invariants (B, Lx, Ly, C) of each layer, for spins (B, 3, Lx, Ly)."""
        x, y, u = self.forms()
        k, (pieces, count) = self.kernel_size, x.shape[:2]
        weights = torch.cat([x.flatten(0, 1), y.flatten(0, 1), *([] if u is None else [u])])
        found = F.conv2d(wrap(spins, k // 2), weights.view(-1, 3, k, k)).permute(0, 2, 3, 1)
        left, right, linear = torch.split(
            found, [pieces * count, pieces * count, found.shape[-1] - 2 * pieces * count], -1
        )
        phi = (left * right).view(*found.shape[:3], pieces, count).sum(dim=-2)  # (B, Lx, Ly, C)
        phi = phi if u is None else phi + linear
        if self.normalise:
            mean, std = self.moments()
            phi = (phi - mean) / std
        return torch.split(phi, self.channels, dim=-1)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (C,) of every invariant for independent uniform spins."""
        x, y, u = self.forms()
        form = torch.einsum("rcai,rcbj->caibj", x, y)  # (C, 3, K, 3, K)
        form = (form + form.permute(0, 3, 4, 1, 2)) / 2
        onsite = form.diagonal(dim1=2, dim2=4)  # (C, 3, 3, K)
        trace = onsite.diagonal(dim1=1, dim2=2).sum(dim=-1)  # (C, K)
        square = onsite.square().sum(dim=(1, 2, 3))
        variance = 2 / 9 * (form.square().sum(dim=(1, 2, 3, 4)) - square)
        variance = variance + 2 / 15 * (square - trace.square().sum(dim=1) / 3)
        if u is not None:
            variance = variance + u.square().sum(dim=(1, 2)) / 3
        return trace.sum(dim=1) / 3, variance.clamp(min=torch.finfo(variance.dtype).tiny).sqrt()


class AxialInvariants(QuadraticInvariants):
    """`symmetry=axial`: invariant under rotations of all spins about z. Up to 7 k^2 C parameters a layer."""

    def __init__(self, channels: Sequence[int], kernel_size: int, normalise: bool, linear_terms: bool) -> None:
        super().__init__(channels, kernel_size, normalise, linear_terms)
        self.weight = nn.Parameter(torch.empty(6 + linear_terms, sum(channels), kernel_size**2))
        nn.init.uniform_(self.weight, -1.0 / kernel_size, 1.0 / kernel_size)

    def forms(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the forms S_z S_z', S_x S_x' + S_y S_y', (S x S')_z and S_z, each with weights of its own."""
        along0, along1, plane0, plane1, cross0, cross1, *linear = self.weight  # (C, K) each
        x, y, z = range(3)
        pieces = [(along0, z, along1, z), (plane0, x, plane1, x), (plane0, y, plane1, y)]
        pieces += [(cross0, x, cross1, y), (-cross0, y, cross1, x)]
        left = torch.stack([_component(a, i) for a, i, _, _ in pieces])
        right = torch.stack([_component(b, j) for _, _, b, j in pieces])
        return left, right, _component(linear[0], z) if linear else None


class GeneralInvariants(QuadraticInvariants):
    """`symmetry=none`: products of two linear forms of all components. Up to 9 k^2 C parameters a layer."""

    def __init__(self, channels: Sequence[int], kernel_size: int, normalise: bool, linear_terms: bool) -> None:
        super().__init__(channels, kernel_size, normalise, linear_terms)
        self.weight = nn.Parameter(torch.empty(2 + linear_terms, sum(channels), 3, kernel_size**2))
        nn.init.uniform_(self.weight, -1.0 / kernel_size, 1.0 / kernel_size)

    def forms(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return one product, and the linear form."""
        left, right, *linear = self.weight
        return left[None], right[None], linear[0] if linear else None


def _component(weights: Tensor, component: int) -> Tensor:
    """Return weights (C, K) of one component among zeros, (C, 3, K)."""
    zero = torch.zeros_like(weights)
    return torch.stack([weights if each == component else zero for each in range(3)], dim=1)
