"""The straightforward implementation of the lattice EFNN: what training and prediction are measured against.

As published: one small periodic convolution for every component and layer, a DataLoader over the dataset, Adam, the
mean squared error of the bare energies. Written plainly; nothing of the package is used.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def convolution(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> nn.Conv2d:
    """A periodic convolution that keeps the lattice."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="circular", bias=bias)


class InvariantLayer(nn.Module):
    """sum over x, y, z of (W0 * S^c)(W1 * S^c), (B, 3, L, L) -> (B, C, L, L)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.first = convolution(1, channels, kernel, bias=False)
        self.second = convolution(1, channels, kernel, bias=False)

    def forward(self, spins: Tensor) -> Tensor:
        """Component by component."""
        x, y, z = torch.split(spins, 1, dim=1)
        return self.first(x) * self.second(x) + self.first(y) * self.second(y) + self.first(z) * self.second(z)  # type: ignore[no-any-return]


class Block(nn.Module):
    """Convolution, tanh, convolution."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.inner = convolution(channels, channels, kernel)
        self.outer = convolution(channels, channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L, L) -> (B, C, L, L)."""
        return self.outer(torch.tanh(self.inner(x)))  # type: ignore[no-any-return]


class Network(nn.Module):
    """F_1 = f_1(Phi_0), S_1 = F_1 g_1(T_1), S_{i+1} = f_{i+1}(S_i) g_{i+1}(T_{i+1}), read out by a convolution."""

    def __init__(self, depth: int, channels: int, kernel: int = 5) -> None:
        super().__init__()
        self.invariants = nn.ModuleList(InvariantLayer(channels, kernel) for _ in range(depth + 1))
        self.fields = nn.ModuleList(Block(channels, kernel) for _ in range(depth))
        self.quasi_particles = nn.ModuleList(Block(channels, kernel) for _ in range(depth))
        self.readout = convolution(channels, 1, kernel)

    def forward(self, spins: Tensor) -> Tensor:
        """Energies (B,) of spins (B, 3, L, L)."""
        state = self.invariants[0](spins)
        for f, g, t in zip(self.fields, self.quasi_particles, self.invariants[1:], strict=True):
            state = f(state) * g(t(spins))
        return self.readout(state).sum(dim=(1, 2, 3))  # type: ignore[no-any-return]


def loader(spins: Tensor, energies: Tensor, batch: int) -> DataLoader[tuple[Tensor, ...]]:
    """Batches in a new order every time."""
    return DataLoader(TensorDataset(spins, energies), batch_size=batch, shuffle=True)


def train_epoch(
    network: Network, data: DataLoader[tuple[Tensor, ...]], optimizer: torch.optim.Optimizer, device: torch.device
) -> None:
    """One pass over the data."""
    for spins, energies in data:
        optimizer.zero_grad()
        loss = (network(spins.to(device)) - energies.to(device)).square().mean()
        loss.backward()
        optimizer.step()
        loss.item()  # scripts print it
