"""`efnn reproduce experiment=thermodynamics`: a scan of the temperature by Monte Carlo with networks.

From high to low temperature: label a ladder of spin temperatures about T, train on energies and fields from the
network before, and sample every size with exact accept/reject. Electrons and spins share T. Every step finds its
earlier result in the folder, so that the same command goes on where it was.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from efnn_cli.config import keys
from efnn_cli.config.schema import typed
from efnn_cli.config.simulation_options import SampledParameters, SampleKeys
from efnn_cli.config.words import Request
from efnn_cli.core import checks, device
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import Result, shown
from efnn_cli.core.signals import GO_ON, StopRequest
from efnn_cli.core.table import facts
from efnn_cli.datasets.planning import obtain_dataset, plan_dataset
from efnn_cli.runs import execute, planning
from efnn_cli.runs.folder import OUTPUTS
from efnn_cli.runs.loading import Run, load
from efnn_cli.simulation import sampling, settings
from efnn_cli.simulation.observables import measure
from efnn_cli.simulation.results import metrics_of
from efnn_cli.storage import documents
from efnn_cli.studies import thermodynamics_report

LOGGER = logging.getLogger("efnn")
NAME = "thermodynamics"
LADDER = (0.7, 4.0)  # spin temperatures of the labels, over T
LATER_RATE = 2e-3  # learning rate of networks that start from their neighbour
LEVELS_UP_TO = 24  # side of the lattice whose labels are levels, for the specific heat

Chains = list[int]
"""Chains and proposals of each."""


@dataclass
class Scan:
    """A scan at one scale, from high to low temperature."""

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

    def __post_init__(self) -> None:
        checks.within("temperatures", len(self.temperatures), 1, 1000)
        if sorted(self.temperatures, reverse=True) != list(self.temperatures):
            raise ConfigError(f"temperatures: wanted them from high to low, found {self.temperatures}")

    def at(self, temperature: float) -> dict[int, Chains]:
        """Return chains and proposals by size at one temperature."""
        return {int(size): list(each) for size, each in {**self.sizes, **self.large.get(temperature, {})}.items()}


def presets() -> Mapping[str, Any]:
    """Return the scales of `conf/scan/thermodynamics.yaml`, and the system."""
    return documents.read_yaml(keys.folder() / "scan" / f"{NAME}.yaml")


def run(
    scale: str, device_name: str, workers: int | None, console: Console, *, out: Path | None, dry_run: bool
) -> Result:
    """Do the scan of `scale` and report it."""
    known = presets()
    checks.one_of("scale", scale, [each for each in known if each != "system"])
    scan = typed(Scan, known[scale], f"{NAME}.")
    folder = out or OUTPUTS / f"{NAME}-{scale}"
    if dry_run:
        points = sum(len(scan.at(each)) for each in scan.temperatures)
        found = {"temperatures": len(scan.temperatures), "points": points, "labels": scan.labels}
        return Result("reproduce", found, {"report": shown(folder)}, "planned", tables=[facts(found)])
    target = device.resolve(device_name)
    rows: list[dict[str, Any]] = []
    previous: Path | None = None
    for temperature in scan.temperatures:
        LOGGER.info("T = %g", temperature)
        network = trained(scan, str(known["system"]), temperature, previous, folder, str(target), console)
        for size, chains in scan.at(temperature).items():
            rows.append(sampled(network, temperature, size, chains, workers, folder, console))
        previous = network.path
    return thermodynamics_report.report(rows, folder, network.system.energy_unit)


def trained(
    scan: Scan, system: str, temperature: float, previous: Path | None, folder: Path, target: str, console: Console
) -> Run:
    """Return the network of one temperature, labelled and trained or found."""
    low, high = (each * temperature for each in LADDER)
    place = folder / f"T{temperature:g}"
    words = [f"system={system}", f"system.T={temperature:g}", "sampling=ladder", "fields=true", "ladder.uniform=0.02"]
    words += [f"spin_temperature='{low:.4g}:{high:.4g}'", f"samples={scan.labels}"]
    made = plan_dataset(
        Request(tuple(words), {"system.L": scan.train_size, "device": target}), None, place / "labels.h5"
    )
    with StopRequest(GO_ON) as stop:
        obtain_dataset(made, device.resolve(target), console, stop)
    steps = scan.gradient_steps if previous is None else scan.later_steps
    epochs = max(1, math.ceil(steps * 20 / (0.72 * scan.labels)))  # batches of 20, as in the recipe
    training = ["model=efnn", f"epochs={epochs}", f"device={target}"]
    training += [] if previous is None else [f"lr={LATER_RATE}"]
    plan = planning.plan_new(Request(tuple(training)), [place / "labels.h5"], place / "network", previous)
    execute.obtain(plan, console, overwrite=False)
    return load(plan.folder.path, target)


def sampled(
    network: Run, temperature: float, size: int, chains: Chains, workers: int | None, folder: Path, console: Console
) -> dict[str, Any]:
    """Return T, L and the metrics of `efnn sample` at one point."""
    many, proposals = chains
    wanted = SampleKeys(
        chains=many,
        proposals=proposals,
        warmup=max(3, proposals // 10),
        reference="dense" if size <= LEVELS_UP_TO else "auto",
        system=SampledParameters(L=size),
        device=str(network.device),
        workers=workers,
    )
    plan = settings.plan(wanted, network, folder / f"T{temperature:g}" / f"chains-L{size}.h5")
    with StopRequest(sampling.RESUME) as stop, console.meter(f"L = {size}", many * proposals, "proposals") as meter:
        samples, _ = sampling.sample(plan, meter, stop.check)
    assert samples is not None
    return metrics_of(plan, samples, measure(samples, plan.system))
