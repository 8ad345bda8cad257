"""Gated residual network on lattices: S_i = S_{i-1} + sigmoid(h_i(S_{i-1})) f_i(S_{i-1}), with S_0 = Phi_0.

Highway networks (R. K. Srivastava, K. Greff and J. Schmidhuber, arXiv:1505.00387) with the gate on the change alone;
every gate h_i is an affine map of the channels of one site.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from efnn_cli.models.blocks import PeriodicConvolution, Readout, lattice_block
from efnn_cli.models.invariants import invariant_layers
from efnn_cli.models.options import NetworkOptions


@dataclass
class GatedOptions(NetworkOptions):
    """Gated residual network."""

    gate_bias: float = 0.0
    """Added to the initial bias of every gate: at -3 the layers start nearly closed."""


class Gated(nn.Module):
    """Gated residual network of unit vectors on a periodic lattice of any size."""

    def __init__(self, options: GatedOptions) -> None:
        super().__init__()
        c, kernels, depth = options.invariants, options.block_kernels, options.depth
        self.invariants = invariant_layers([c], options)
        self.blocks = nn.ModuleList(lattice_block(c, c, kernels, options.scale) for _ in range(depth))
        self.gates = nn.ModuleList(PeriodicConvolution(c, c, 1) for _ in range(depth))
        self.readout = Readout(c, options.kernel_size)
        for gate in self.gates:
            nn.init.constant_(gate.bias, options.gate_bias)

    def forward(self, spins: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, 3, Lx, Ly)."""
        (x,) = self.invariants(spins)  # Phi_0, (B, Lx, Ly, C)
        for block, gate in zip(self.blocks, self.gates, strict=True):
            x = x + torch.sigmoid(gate(x)) * block(x)
        return self.readout(x)
