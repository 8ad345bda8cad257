"""Fields -dE/dS of networks, and their errors in the plane perpendicular to each spin.

The component of a field along its spin is no torque and often the largest by far, so that it does not count. Scalar
spins have no such plane: their fields count as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.training.metrics import BRIEF, Metrics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FieldErrors:
    """Errors of fields over a set of configurations."""

    rmse: float
    """sqrt(mean |P dh|^2 / 2) over configurations and sites; sqrt(mean dh^2) of scalar spins."""
    relative_error: float | None
    """The same over that of the true fields; None where these are zero."""

    def brief(self) -> dict[str, float | None]:
        """Return the errors by their names in results."""
        return {"field_rmse": self.rmse, "field_relative_error": self.relative_error}


def energies_and_fields(model: nn.Module, spins: Tensor) -> tuple[Tensor, Tensor]:
    """Return energies (B,) and fields -dE/dS (B, ...) of a network, both differentiable in its weights."""
    free = spins.detach().requires_grad_()
    energies = model(free)
    (slopes,) = torch.autograd.grad(energies.sum(), free, create_graph=True)
    return energies, -slopes


def transverse(spins: Tensor, fields: Tensor) -> Tensor:
    """Return the part of `fields` (B, 3, Lx, Ly) perpendicular to the unit vectors `spins`; (B, n) as they are."""
    if spins.ndim == 2:
        return fields
    return fields - spins * (spins * fields).sum(dim=1, keepdim=True)


def mean_squares(spins: Tensor, fields: Tensor) -> Tensor:
    """Return the mean square of a transverse component over the sites of each configuration, (B,), float64."""
    components = fields[0].numel() * (2 / 3 if spins.ndim == 4 else 1)
    return doubles.sum_float64(transverse(spins, fields).square().flatten(1), 1) / components


def measure_fields(predicted: Array, true: Array, spins: Array) -> FieldErrors:
    """Return the errors of predicted fields (B, ...) against true ones, both float64 and shaped like `spins`."""
    there = torch.from_numpy(spins)
    error, size = (mean_squares(there, torch.from_numpy(each)).mean() for each in (predicted - true, true))
    return field_errors(float(error), float(size))


def field_errors(square: float, true_square: float) -> FieldErrors:
    """Return the errors for the mean squares of a transverse component of the error and of the true field."""
    return FieldErrors(math.sqrt(square), math.sqrt(square / true_square) if true_square > 0 else None)


def brief(energies: Metrics | None, fields: FieldErrors | None) -> dict[str, float | None]:
    """Return the errors that are stored for every part of a dataset; those of energies are None without energies."""
    found: dict[str, float | None] = dict.fromkeys(BRIEF) if energies is None else energies.brief()
    return found if fields is None else found | fields.brief()
