"""The units of a network: those of the labels at the start, and no mean error before every validation."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from efnn_cli.models.energy import EnergyModel
from efnn_cli.training import distributed
from efnn_cli.training.fields import transverse
from efnn_cli.training.labelled import Labelled
from efnn_cli.training.predict import predict_fields, predict_tensor

CALIBRATION_SAMPLES = 2000
CENTRED_SAMPLES, CENTRED_SHARE = 400, 0.1  # of the training configurations that centre a network: the more of both


def calibrate(model: EnergyModel, train: Labelled, spread: float) -> None:
    """Give the network the units of a few configurations: of their energies, or of their fields alone."""
    few = train.part(slice(0, CALIBRATION_SAMPLES))
    if few.energies is not None:
        model.calibrate(few.spins, few.energies, spread)
    elif few.fields is not None:
        initial = transverse(few.spins, predict_fields(model, few.spins))
        model.calibrate_fields(initial, transverse(few.spins, few.fields), spread)


def centre(model: nn.Module, sizes: Sequence[Labelled]) -> None:
    """Move the shift of a network so that it has no mean error on some of the configurations that train it.

    A bias per site would not average out on larger lattices as errors of single sites do. Of several sizes, the sum of
    the squared errors is least.
    """
    assert isinstance(model, EnergyModel)

    def needed() -> float:
        total, square = 0.0, 0
        for each in sizes:
            if each.energies is not None:
                count = max(CENTRED_SAMPLES, int(CENTRED_SHARE * len(each)))
                some = each.part(slice(None, None, max(1, len(each) // count)))
                assert some.energies is not None
                sites = model.sites(some.spins)
                total += float((some.energies - predict_tensor(model, some.spins)).sum()) * sites
                square += len(some) * sites**2
        return total / max(square, 1)

    model.shift += distributed.broadcast(needed)
