"""DNN: the two blocks of every EFNN layer in sequence instead of multiplied.

S_i = h_i(f_i(S_{i-1})); dense S_0 = s, lattice S_0 = Phi_0, an invariant layer.
"""

from __future__ import annotations

from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.models.blocks import Readout, dense_block, lattice_block
from efnn_cli.models.invariants import invariant_layers
from efnn_cli.models.options import DnnOptions


class DenseDNN(nn.Module):
    """DNN of n scalar spins; E = sum of the components of S_D."""

    def __init__(self, n: int, options: DnnOptions) -> None:
        super().__init__()
        m, eps = options.width, options.scale
        inputs = [n] + [m] * (2 * options.depth - 1)
        self.layers = nn.Sequential(*(dense_block(i, m, eps) for i in inputs))

    def forward(self, s: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, n)."""
        return doubles.sum_float64(self.layers(s), -1)


class LatticeDNN(nn.Module):
    """DNN of unit vectors on a periodic lattice of any side."""

    def __init__(self, options: DnnOptions) -> None:
        super().__init__()
        c, n, eps = options.width, options.invariants, options.scale
        self.invariants = invariant_layers([n], options)
        inputs = [n] + [c] * (2 * options.depth - 1)
        self.layers = nn.Sequential(*(lattice_block(i, c, options.block_kernels, eps) for i in inputs))
        self.readout = Readout(c, options.kernel_size)

    def forward(self, spins: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, 3, L, L)."""
        return self.readout(self.features(spins))  # type: ignore[no-any-return]

    def features(self, spins: Tensor) -> Tensor:
        """Features (B, L, L, C) of every site, whose sum is read out."""
        (phi,) = self.invariants(spins)
        return self.layers(phi)  # type: ignore[no-any-return]
