"""Errors of a network on the validation sets, of energies and of fields; of several processes each computes a part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from efnn_cli.training import distributed
from efnn_cli.training.fields import FieldErrors, field_errors, mean_squares
from efnn_cli.training.labelled import Labelled, OneSize
from efnn_cli.training.loss import Loss
from efnn_cli.training.metrics import Metrics, measure
from efnn_cli.training.predict import predict_fields, predict_tensor


@dataclass(frozen=True)
class Validation:
    """Errors on the validation set; None for labels that it does not have."""

    energies: Metrics | None
    fields: FieldErrors | None

    @property
    def error(self) -> float:
        """RMSE of the energies, or of the fields where there are no energies."""
        return self.energies.rmse if self.energies is not None else self.fields.rmse if self.fields else math.nan


def validate(model: nn.Module, sizes: Sequence[OneSize], loss: Loss) -> Validation:
    """Return the errors on the validation sets of all sizes; those of fields where `loss` uses them."""
    return Validation(_of_energies(model, sizes), _of_fields(model, sizes, loss))


def _of_energies(model: nn.Module, sizes: Sequence[OneSize]) -> Metrics | None:
    """Return the errors; of several sizes the RMSE is that per site, times the sites of the first one."""
    found = []
    for each in sizes:
        if each.val.energies is not None:
            predicted = distributed.mapped(lambda spins: predict_tensor(model, spins), each.val.spins)
            found.append((measure(predicted.numpy(), each.val.energies.cpu().numpy()), each.scale))
    if len(found) < 2:
        return found[0][0] if found else None
    square = sum(each.samples * (each.rmse / scale) ** 2 for each, scale in found)
    return replace(found[0][0], rmse=math.sqrt(square / sum(each.samples for each, _ in found)))


def _of_fields(model: nn.Module, sizes: Sequence[OneSize], loss: Loss) -> FieldErrors | None:
    found = [_squares(model, each.val) for each in sizes if loss.uses_fields(each.val)]
    return field_errors(*torch.cat(found, dim=1).mean(dim=1).tolist()) if found else None


def _squares(model: nn.Module, data: Labelled) -> Tensor:
    """Return the mean squares (2, B) of a transverse component of the error, and of the true fields."""
    assert data.fields is not None
    true = data.fields

    def of_error(index: Tensor) -> Tensor:
        return mean_squares(data.spins[index], predict_fields(model, data.spins[index]) - true[index])

    index = torch.arange(len(data), device=data.spins.device)
    return torch.stack([distributed.mapped(of_error, index), mean_squares(data.spins, true).cpu()])
