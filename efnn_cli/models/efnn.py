"""EFNN, the effective field neural network (arXiv:2502.17665): a many-body energy as a continued function.

    F_i = f_i(S_{i-1})         effective-field layer
    S_i = g_i(S_0) * F_i       quasi-particle layer: every layer sees the bare spins again

Dense: S_0 = s and E = sum of the components of S_D. Lattice: the bare spins enter through invariant layers,
F_1 = f_1(Phi_0), S_1 = F_1 g_1(T_1), S_{i+1} = f_{i+1}(S_i) g_{i+1}(T_{i+1}), and E is the readout of S_D.
"""

from __future__ import annotations

from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.models.blocks import Readout, dense_block, lattice_block
from efnn_cli.models.invariants import invariant_layers
from efnn_cli.models.options import EfnnOptions


class DenseEFNN(nn.Module):
    """EFNN of n scalar spins."""

    def __init__(self, n: int, options: EfnnOptions) -> None:
        super().__init__()
        m, eps = options.width, options.scale
        self.fields = nn.ModuleList(dense_block(n if i == 0 else m, m, eps) for i in range(options.depth))
        self.quasi_particles = nn.ModuleList(dense_block(n, m, eps) for _ in range(options.depth))
        for g in self.quasi_particles:
            g.shift_output(options.quasi_particle_bias)  # type: ignore[operator]

    def forward(self, s: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, n)."""
        x = s
        for f, g in zip(self.fields, self.quasi_particles, strict=True):
            x = g(s) * f(x)  # (B, m)
        return doubles.sum_float64(x, -1)


class LatticeEFNN(nn.Module):
    """EFNN of unit vectors on a periodic lattice of any side."""

    def __init__(self, options: EfnnOptions) -> None:
        super().__init__()
        c, n, eps = options.width, options.invariants, options.scale
        kernels, depth = options.block_kernels, options.depth
        self.invariants = invariant_layers([n] * (depth + 1), options)
        self.fields = nn.ModuleList(lattice_block(n if i == 0 else c, c, kernels, eps) for i in range(depth))
        self.quasi_particles = nn.ModuleList(lattice_block(n, c, kernels, eps) for _ in range(depth))
        for g in self.quasi_particles:
            g.shift_output(options.quasi_particle_bias)  # type: ignore[operator]
        self.readout = Readout(c, options.kernel_size)

    def forward(self, spins: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, 3, L, L)."""
        return self.readout(self.features(spins))  # type: ignore[no-any-return]

    def features(self, spins: Tensor) -> Tensor:
        """Features (B, L, L, C) of every site, whose sum is read out."""
        x, *bare = self.invariants(spins)  # Phi_0, T_1 .. T_D
        for f, g, t in zip(self.fields, self.quasi_particles, bare, strict=True):
            x = g(t) * f(x)  # (B, L, L, C)
        return x  # type: ignore[no-any-return]
