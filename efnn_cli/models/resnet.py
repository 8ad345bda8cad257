"""ResNet: S_i = S_{i-1} + f_i(S_{i-1}) after a first layer that lifts the spins.

Dense: S_1 = P s + f_1(s), P affine (the identity if m = n). Lattice: S_1 = T_1 + f_1(Phi_0).
"""

from __future__ import annotations

from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.models.blocks import Readout, dense_block, lattice_block
from efnn_cli.models.invariants import invariant_layers
from efnn_cli.models.options import ResnetOptions


class DenseResNet(nn.Module):
    """ResNet of n scalar spins; E = sum of the components of S_D."""

    def __init__(self, n: int, options: ResnetOptions) -> None:
        super().__init__()
        m, eps = options.width, options.scale
        self.lift = nn.Identity() if m == n else nn.Linear(n, m)
        self.blocks = nn.ModuleList(dense_block(n if i == 0 else m, m, eps) for i in range(options.depth))

    def forward(self, s: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, n)."""
        x = self.lift(s) + self.blocks[0](s)  # (B, m)
        for block in self.blocks[1:]:
            x = x + block(x)
        return doubles.sum_float64(x, -1)


class LatticeResNet(nn.Module):
    """ResNet of unit vectors on a periodic lattice of any side."""

    def __init__(self, options: ResnetOptions) -> None:
        super().__init__()
        c, n, eps = options.width, options.invariants, options.scale
        kernels = options.block_kernels
        self.invariants = invariant_layers([n, c], options)
        self.blocks = nn.ModuleList(lattice_block(n if i == 0 else c, c, kernels, eps) for i in range(options.depth))
        self.readout = Readout(c, options.kernel_size)

    def forward(self, spins: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, 3, L, L)."""
        return self.readout(self.features(spins))  # type: ignore[no-any-return]

    def features(self, spins: Tensor) -> Tensor:
        """Features (B, L, L, C) of every site, whose sum is read out."""
        phi, lifted = self.invariants(spins)  # Phi_0, T_1
        x = lifted + self.blocks[0](phi)  # (B, L, L, C)
        for block in self.blocks[1:]:
            x = x + block(x)
        return x  # type: ignore[no-any-return]
