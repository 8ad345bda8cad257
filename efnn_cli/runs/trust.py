"""Trust in a network: its domain and its error bars, made at the end of training and kept in summary.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from efnn_cli.models.energy import EnergyModel
from efnn_cli.physics.statistics import fluctuation, statistics
from efnn_cli.physics.system import Array
from efnn_cli.runs.planning import Plan, Source
from efnn_cli.training.domain import Domain
from efnn_cli.training.intervals import Intervals
from efnn_cli.training.predict import predict
from efnn_cli.training.split import Indices

SAMPLES = 2000  # training configurations that the scale of errors is fitted to


def as_stored(model: EnergyModel, plan: Plan, device: torch.device) -> dict[str, Any]:
    """Return domain and error bars of a trained network as they stand in summary.json, from its first dataset."""
    source = plan.sources[0]
    bars = intervals_of([model], source, device)
    return {"domain": domain_of(source), "intervals": None if bars is None else bars.as_json()}


def domain_of(source: Source) -> dict[str, Any]:
    """Return the domain of a network trained on `source`, as it is stored."""
    spins = source.data.spins[source.parts.train]
    return Domain.of(statistics(spins, source.system), source.system.sites).as_json()


def intervals_of(models: Sequence[EnergyModel], source: Source, device: torch.device) -> Intervals | None:
    """Return the error bars of the mean of `models`, all trained on `source`; None for data without energies."""
    if source.data.known_energies is None:
        return None
    train = _errors(models, source, source.parts.train[:SAMPLES], device)
    val = _errors(models, source, source.parts.val, device)
    return Intervals.fit(train, val, source.system.sites, fluctuation(source.system))


def _errors(
    models: Sequence[EnergyModel], source: Source, chosen: Indices, device: torch.device
) -> tuple[Array, Array]:
    """Return the statistic of the error scale and the errors of the mean prediction, (B,) each."""
    spins = source.data.spins[chosen]
    mean = np.mean([predict(model, spins, device) for model in models], axis=0)
    return next(iter(statistics(spins, source.system).values())), mean - source.data.energies[chosen]
