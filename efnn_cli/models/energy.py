"""Energies from a bare network: units, centring of scalar spins, receptive field."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.core.errors import InputError
from efnn_cli.models.options import NetworkOptions


class EnergyModel(nn.Module):
    """A network in the units of the labels: E = shift * sites + scale * network(spins), float64.

    `scale` is set once from training data (`calibrate`), `shift` again before every validation; they are neutral
    otherwise. On a lattice the shift is per site and the scale is a constant, so that E(tiled 2 x 2) = 4 E(x) holds
    exactly.
    """

    shift: Tensor
    scale: Tensor
    centre: Tensor
    half_range: Tensor

    def __init__(self, network: nn.Module, geometry: str, spin_range: tuple[float, float] | None = None) -> None:
        super().__init__()
        self.network = network
        self.geometry = geometry
        low, high = spin_range or (-1.0, 1.0)
        for name, value in (("shift", 0.0), ("scale", 1.0)):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))
        for name, value in (("centre", (low + high) / 2), ("half_range", (high - low) / 2)):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))

    def on(self, device: torch.device) -> EnergyModel:
        """Return this model, moved to `device`; the units, which are float64, where there is float64."""
        self.network.to(device)
        for name, unit in self.named_buffers(recurse=False):
            setattr(self, name, unit.to(doubles.float64_device(device)))
        return self

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.network.parameters()).dtype

    def forward(self, spins: Tensor) -> Tensor:
        """Energies (B,), float64, of spins of any floating type."""
        output = self.bare(spins)
        return self.shift * self.sites(spins) + self.scale * output

    def bare(self, spins: Tensor) -> Tensor:
        """The network's own output (B,), float64. Raises `InputError` for spins of no lattice."""
        shape = spins.shape
        if self.geometry == "lattice" and not (len(shape) == 4 and shape[1] == 3 and shape[2] >= 3):
            raise InputError(
                f"the network: wanted spins of shape (samples, 3, Lx, Ly) with Lx >= 3, found {tuple(shape)}",
                "components come before sites: spins.movedim(-1, 1)",
            )
        if self.geometry == "dense":
            spins = (spins - self.centre) / self.half_range
        return self.network(spins.to(self.dtype))  # type: ignore[no-any-return]

    def density(self, spins: Tensor) -> Tensor:
        """Energies (B, Lx, Ly), float64, of every site of a lattice network: it depends on the receptive field around.

        They sum to `forward`. Raises `AttributeError` for a network without features of sites.
        """
        features = self.network.features(spins.to(self.dtype))  # type: ignore[operator]
        return self.shift + self.scale * self.network.readout.density(features)  # type: ignore[operator, union-attr, no-any-return]

    def sites(self, spins: Tensor) -> int:
        """Number of sites of a lattice, which the shift is multiplied by; one for a dense network."""
        return spins.shape[-1] * spins.shape[-2] if self.geometry == "lattice" else 1

    @torch.no_grad()
    def calibrate(self, spins: Tensor, energies: Tensor, spread: float) -> None:
        """Set shift and scale so that E starts with the mean of `energies` and `spread` times their std.

        `spins` (B, ...) and `energies` (B,) are training configurations; the initial output of the network
        on them is standardised with them.
        """
        output = self.bare(spins)
        width, target = output.std(), energies.std()
        if width > 0 and target > 0:
            self.scale.copy_(spread * target / width)
        self.shift.copy_((energies.mean() - self.scale * output.mean()) / self.sites(spins))

    @torch.no_grad()
    def calibrate_fields(self, initial: Tensor, fields: Tensor, spread: float) -> None:
        """Set the scale so that fields start with `spread` times the root mean square of `fields`; no energy is known.

        `initial` are the fields of this network, on the configurations that `fields` (B, ...) belong to.
        """
        size, target = initial.square().mean().sqrt(), fields.square().mean().sqrt()
        if size > 0 and target > 0:
            self.scale.mul_((spread * target / size).to(self.scale.device))


def receptive_field(options: NetworkOptions, blocks: int) -> int:
    """Side of the square of spins that one site of a lattice network sees.

    k for the invariants, and k - 1 more for every convolution of the `blocks` blocks in sequence; the readout, a
    sum over sites, adds nothing. The published form has 13, 21, 29 for D = 1, 2, 3.
    """
    return options.kernel_size + blocks * sum(k - 1 for k in options.block_kernels)
