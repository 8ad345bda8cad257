"""Trust in a network: its domain and its error bars, made at the end of training and kept in summary.json.

Configurations outside the domain are counted and warned of.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from efnn_cli.core.numbers import number
from efnn_cli.models.energy import EnergyModel
from efnn_cli.physics.statistics import fluctuation, statistics
from efnn_cli.physics.system import Array
from efnn_cli.runs.loading import Run
from efnn_cli.runs.planning import Plan, Source
from efnn_cli.training.domain import Domain
from efnn_cli.training.intervals import Intervals
from efnn_cli.training.predict import predict
from efnn_cli.training.split import Indices, some

LOGGER = logging.getLogger("efnn")
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
    train = _errors(models, source, some(source.parts.train, SAMPLES, 0, "error scale"), device)
    val = _errors(models, source, source.parts.val, device)
    return Intervals.fit(train, val, source.system.sites, fluctuation(source.system))


def _errors(
    models: Sequence[EnergyModel], source: Source, chosen: Indices, device: torch.device
) -> tuple[Array, Array]:
    """Return the statistic of the error scale and the errors of the mean prediction, (B,) each."""
    spins = source.data.spins[chosen]
    mean = np.mean([predict(model, spins, device) for model in models], axis=0)
    return next(iter(statistics(spins, source.system).values())), mean - source.data.energies[chosen]


def outside(members: Sequence[Run], spins: Array, where: str = "") -> dict[str, Any] | None:
    """Return the number and share of configurations outside the domain of a member, and warn of them with figures.

    None where no member knows its domain, as of runs that are not finished.
    """
    found = np.zeros(len(spins), dtype=bool)
    known = [member for member in members if member.domain is not None]
    told = ""
    for member in known:
        assert member.domain is not None
        system = member.system_for(spins)
        values = statistics(spins, system)
        masks = member.domain.outside(values, system.sites)
        found |= np.any(list(masks.values()), axis=0)
        name = max(masks, key=lambda each: int(masks[each].sum()))
        if masks[name].any() and not told:
            low, high = member.domain.quantiles[name][0], member.domain.quantiles[name][-1]
            mean = number(float(values[name][masks[name]].mean()), 3)
            told = f"{name} {mean} on average, trained on {number(low, 3)} to {number(high, 3)}"
    if not known:
        return None
    if found.any():
        LOGGER.warning(
            "%d of %d configurations%s lie outside of what the network was trained on: %s; no error bar holds there",
            int(found.sum()),
            len(spins),
            where,
            told,
        )
    return {"configurations": int(found.sum()), "share": float(found.mean())}
