"""A scan of the temperature by Monte Carlo with networks: `efnn reproduce experiment=thermodynamics`.

From high to low temperature: label a ladder of spin temperatures about T, train on energies and fields from the
network before, and sample every size with exact accept/reject. Electrons and spins share T.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from efnn_cli.config.simulation_options import SampledParameters, SampleKeys
from efnn_cli.core import checks
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result
from efnn_cli.runs.loading import Run
from efnn_cli.simulation.observables import measure, warnings_of
from efnn_cli.simulation.results import metrics_of
from efnn_cli.studies import steps, thermodynamics_report

LOGGER = logging.getLogger("efnn")
LEVELS_UP_TO = 24  # side of the lattice whose labels are levels, for the specific heat
WARMUP = 3  # proposals before those that count, at least

Chains = list[int]
"""Chains and proposals of each."""


@dataclass
class Scan:
    """A scan at one scale, from high to low temperature."""

    system: str
    temperatures: list[float]
    train_size: int
    """Side of the lattices that the networks are trained on."""
    labels: int
    gradient_steps: int
    """Steps of the first training; the others take `later_steps`."""
    later_steps: int
    sizes: dict[int, Any]
    """Chains and proposals by side of the lattice."""
    large: dict[float, Any] = field(default_factory=dict)
    """Further sizes by temperature."""
    network: list[str] = field(default_factory=list)
    """Words of `efnn train`."""

    def __post_init__(self) -> None:
        checks.within("temperatures", len(self.temperatures), 1, 1000)
        if sorted(self.temperatures, reverse=True) != list(self.temperatures):
            raise ConfigError(f"temperatures: wanted them from high to low, found {self.temperatures}")

    def at(self, temperature: float) -> dict[int, Chains]:
        """Return chains and proposals by size at one temperature."""
        return {int(size): list(each) for size, each in {**self.sizes, **self.large.get(temperature, {})}.items()}

    def size(self) -> dict[str, int]:
        """Return the numbers of temperatures, of points (T, L), and of labels at each temperature."""
        points = sum(len(self.at(each)) for each in self.temperatures)
        return {"temperatures": len(self.temperatures), "points": points, "labels": self.labels}

    def run(self, folder: Path, target: torch.device, workers: int | None, console: Console) -> Result:
        """Do what is not done yet in `folder`, and report it there."""
        rows: list[dict[str, Any]] = []
        previous: Path | None = None
        for temperature in self.temperatures:
            LOGGER.info("T = %g", temperature)
            place = folder / f"T{temperature:g}"
            network = self.trained(temperature, previous, place, target, workers, console)
            for size, chains in self.at(temperature).items():
                rows.append(sampled(network, size, chains, workers, place, console))
            previous = network.path
        return thermodynamics_report.report(rows, folder, network.system.energy_unit)

    def trained(
        self,
        temperature: float,
        previous: Path | None,
        place: Path,
        target: torch.device,
        workers: int | None,
        console: Console,
    ) -> Run:
        """Return the network of one temperature, labelled and trained or found."""
        system = (f"system={self.system}", f"system.L={self.train_size}", f"system.T={temperature:g}")
        words = (*system, *steps.ladder_words(temperature, self.labels), "fields=true")
        data = place / "labels.h5"
        steps.labelled(words, data, target, workers, console)
        training = ["model=efnn", *self.network]
        epochs = steps.epochs_for(self.gradient_steps if previous is None else self.later_steps, training, data)
        training.append(f"epochs={epochs}")
        training += [] if previous is None else [f"lr={steps.LATER_RATE}"]
        return steps.trained(training, data, place / "network", previous, target, console)


def sampled(
    network: Run, size: int, chains: Chains, workers: int | None, place: Path, console: Console
) -> dict[str, Any]:
    """Return the metrics of `efnn sample` at one point."""
    many, proposals = chains
    keys = SampleKeys(
        chains=many,
        proposals=proposals,
        warmup=max(WARMUP, proposals // 10),
        reference="dense" if size <= LEVELS_UP_TO else "auto",
        system=SampledParameters(L=size),
        device=str(network.device),
        workers=workers,
    )
    plan, samples = steps.sampled(keys, network, place / f"chains-L{size}.h5", console, f"L = {size}")
    measured = measure(samples, plan.system)
    for text in warnings_of(measured, proposals):
        LOGGER.warning("T = %g, L = %d: %s", plan.temperature, size, text)
    return metrics_of(plan, samples, measured)
