"""DenseNet: every block sees all features so far, F_i = f_i(concat(...)), growth m (or C).

Dense: features s, F_1 .. F_D and E = the sum over all of them. Lattice: features T_1, F_1 .. F_D with
F_1 = f_1(Phi_0), and a readout over all features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.models.blocks import Readout, dense_block, lattice_block
from efnn_cli.models.invariants import invariant_layers
from efnn_cli.models.options import DensenetOptions


class DenseDenseNet(nn.Module):
    """DenseNet of n scalar spins."""

    def __init__(self, n: int, options: DensenetOptions) -> None:
        super().__init__()
        m, eps = options.width, options.scale
        self.blocks = nn.ModuleList(dense_block(n + i * m, m, eps) for i in range(options.depth))

    def forward(self, s: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, n)."""
        features = s
        for block in self.blocks:
            features = torch.cat([features, block(features)], dim=-1)
        return doubles.sum_float64(features, -1)


class LatticeDenseNet(nn.Module):
    """DenseNet of unit vectors on a periodic lattice of any side."""

    def __init__(self, options: DensenetOptions) -> None:
        super().__init__()
        c, n, eps = options.width, options.invariants, options.scale
        kernels, depth = options.block_kernels, options.depth
        self.invariants = invariant_layers([n, c], options)
        inputs = [n] + [c * (i + 1) for i in range(1, depth)]
        self.blocks = nn.ModuleList(lattice_block(i, c, kernels, eps) for i in inputs)
        self.readout = Readout(c * (depth + 1), options.kernel_size)

    def forward(self, spins: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, 3, L, L)."""
        return self.readout(self.features(spins))  # type: ignore[no-any-return]

    def features(self, spins: Tensor) -> Tensor:
        """Features (B, L, L, C) of every site, whose sum is read out."""
        phi, lifted = self.invariants(spins)  # Phi_0, T_1
        features = torch.cat([lifted, self.blocks[0](phi)], dim=-1)
        for block in self.blocks[1:]:
            features = torch.cat([features, block(features)], dim=-1)
        return features
