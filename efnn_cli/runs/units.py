"""Units of a network from its labels, at the start, and removal of its mean error, before every validation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from efnn_cli.models.energy import EnergyModel
from efnn_cli.training import distributed
from efnn_cli.training.fields import transverse
from efnn_cli.training.labelled import Labelled
from efnn_cli.training.predict import predict_fields, predict_tensor
from efnn_cli.training.split import some

CALIBRATION_SAMPLES = 2000
CENTRED_SAMPLES, CENTRED_SHARE = 400, 0.1  # training configurations that centre a network: whichever are more


def calibrate(model: EnergyModel, train: Labelled, spread: float, seed: int) -> None:
    """Give the network the units of a few configurations: of their energies, or of their fields alone."""
    few = train.part(torch.from_numpy(some(np.arange(len(train)), CALIBRATION_SAMPLES, seed, "calibrate")))
    if few.energies is not None:
        model.calibrate(few.spins, few.energies, spread)
    elif few.fields is not None:
        initial = transverse(few.spins, predict_fields(model, few.spins))
        model.calibrate_fields(initial, transverse(few.spins, few.fields), spread)


def few_of(sizes: Sequence[Labelled], seed: int) -> list[Labelled]:
    """Return a random tenth of the configurations of every dataset that has energies, at least 400 in all.

    The same share of each.
    """
    known = [each for each in sizes if each.energies is not None]
    total = sum(map(len, known))
    share = min(1.0, max(CENTRED_SHARE, CENTRED_SAMPLES / max(total, 1)))
    found = []
    for place, each in enumerate(known):
        chosen = some(np.arange(len(each)), math.ceil(share * len(each)), seed, f"centre {place}")
        found.append(each.part(torch.from_numpy(chosen)))
    return found


def centre(model: nn.Module, few: Sequence[Labelled]) -> None:
    """Move the shift of a network so that it has no mean error per site on these configurations.

    A bias per site would not average out on larger lattices as errors of single sites do.
    """
    assert isinstance(model, EnergyModel)
    errors = []
    for each in few:
        assert each.energies is not None
        predicted = distributed.mapped(lambda spins: predict_tensor(model, spins), each.spins)
        errors.append((each.energies.cpu() - predicted) / model.sites(each.spins))
    if errors:
        model.shift += float(torch.cat(errors).mean())
