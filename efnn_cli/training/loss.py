"""Loss of a network on labelled configurations: of its energies, of its fields, or of both.

    loss = mean ((E - E*) / unit)^2  +  field_weight  mean |P (h - h*)|^2 / (2 field_unit^2)

over the configurations, and over the sites of the fields h = -dE/dS. P projects on the plane perpendicular to a spin;
scalar spins have neither P nor the 2. The units are the standard deviation of the energies and the root mean square of
a transverse component of the true fields over the training set, so that both terms begin at about one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from efnn_cli.training.fields import energies_and_fields, mean_squares
from efnn_cli.training.labelled import Labelled


@dataclass(frozen=True)
class Loss:
    """Units and weight of the two terms."""

    unit: float = 1.0
    field_unit: float = 1.0
    field_weight: float = 0.0

    @classmethod
    def on(cls, train: Labelled, field_weight: float, *, standardised: bool) -> Loss:
        """Return the loss for a training set, in its units where `standardised`, bare where not."""
        unit = field_unit = 1.0
        if standardised and train.energies is not None:
            unit = float(train.energies.std(unbiased=False)) or 1.0
        if standardised and train.fields is not None:
            field_unit = float(mean_squares(train.spins, train.fields).mean().sqrt()) or 1.0
        return cls(unit, field_unit, field_weight)

    def per_site(self, scale: float) -> Loss:
        """Return the loss for lattices of `scale` times as many sites: it counts errors of the energy per site."""
        return replace(self, unit=self.unit * scale)

    def uses_fields(self, data: Labelled) -> bool:
        """Return True where the fields of `data` count."""
        return data.fields is not None and (self.field_weight > 0 or data.energies is None)

    def terms(self, model: nn.Module, data: Labelled) -> Tensor:
        """Return the mean squared errors of energies and fields (2,), float64, in their units; zero for no labels."""
        if self.uses_fields(data):
            assert data.fields is not None
            energies, fields = energies_and_fields(model, data.spins)
            of_fields = mean_squares(data.spins, fields - data.fields).mean() / self.field_unit**2
        else:
            energies = model(data.spins)
            of_fields = energies.new_zeros((), dtype=torch.float64)
        wanted = energies.detach() if data.energies is None else data.energies
        return torch.stack([((energies - wanted) / self.unit).square().mean(), of_fields])

    def total(self, terms: Tensor, data: Labelled) -> Tensor:
        """Return the loss () of the two terms; of fields alone without a weight."""
        return terms[0] + (self.field_weight if data.energies is not None else 1.0) * terms[1]
