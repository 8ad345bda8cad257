"""The checked settings of each command, from its composed configuration."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch

from efnn_cli.config.compose import Composed
from efnn_cli.config.schema import build_system, typed
from efnn_cli.core import checks, device, limits
from efnn_cli.core.errors import ConfigError
from efnn_cli.datasets.crew import Cluster, Crew
from efnn_cli.datasets.job import Job
from efnn_cli.physics import System, sampling
from efnn_cli.physics.system import TOLERANCE, Array
from efnn_cli.physics.thermal import Bath

MAX_SAMPLES = 1_000_000_000
MAX_WORKERS = 1024
TOLERANCES = (1e-13, 1e-2)


@dataclass
class ExecutorOptions:
    """Configuration keys `executor.*`: who labels."""

    name: str = "threads"
    address: str | None = None
    """Of a running Dask scheduler."""

    def __post_init__(self) -> None:
        checks.one_of("executor", self.name, ("threads", "dask"))
        if self.address is not None and self.name != "dask":
            raise ConfigError("executor.address belongs to a Dask cluster", "add executor=dask")


@dataclass
class _GenerateKeys:
    seed: int
    samples: int
    sampling: str
    spin_temperature: float | None
    spin_coupling: float | None
    spin_sweeps: int
    reference: str
    tolerance: float
    fields: bool
    executor: ExecutorOptions
    device: str
    workers: int | None

    def __post_init__(self) -> None:
        check_common(self.seed, self.device, self.workers)
        checks.within("samples", self.samples, 1, MAX_SAMPLES)
        checks.within("tolerance", self.tolerance, *TOLERANCES)


@dataclass(frozen=True)
class Thermal:
    """Of sampling=thermal: temperature, coupling (None: that of the system, fitted if need be), sweeps."""

    temperature: float
    coupling: float | None
    sweeps: int

    def bath(self, system: System) -> Bath:
        """With the coupling settled."""
        coupling = system.effective_coupling() if self.coupling is None else self.coupling
        return Bath(self.temperature, coupling, self.sweeps)


def thermal_config(sampling: str, temperature: float | None, coupling: float | None, sweeps: int) -> Thermal | None:
    """The thermal keys; raises `ConfigError` where they are missing."""
    if sampling != "thermal":
        return None
    if temperature is None:
        raise ConfigError("sampling=thermal needs spin_temperature=...", "for example spin_temperature=0.5")
    Bath(temperature, 1.0 if coupling is None else coupling, sweeps)  # checks the bounds
    return Thermal(temperature, coupling, sweeps)


@dataclass(frozen=True)
class GenerateConfig:
    """What to label, how, and where to compute it."""

    system: System
    samples: int
    seed: int
    sampling: str
    reference: str
    """Either "auto" or a method of the system."""
    tolerance: float
    fields: bool
    thermal: Thermal | None
    executor: ExecutorOptions
    device: str
    workers: int

    def crew(self, target: torch.device) -> Crew:
        """Who labels on the device `target`."""
        if self.executor.name == "threads":
            return Crew(target, self.workers)
        return Crew(target, self.workers, Cluster(self.executor.address, self.device))

    def method(self, device_type: str) -> str:
        """The reference method on a device of type "cpu" or "cuda", which decides what "auto" means."""
        if self.reference != "auto":
            return self.reference
        if self.fields and "dense" in self.system.references:
            return "dense"
        return self.system.fastest_reference(device_type)

    @property
    def may_estimate(self) -> bool:
        """Whether the method has a tolerance, on some device."""
        return any(self.method(each) in self.system.estimated_references for each in ("cpu", "cuda"))

    def job(self, purpose: str, device_type: str, given: Array | None = None) -> Job:
        """The labelling job on a device of type "cpu" or "cuda"."""
        bath = None if self.thermal is None else self.thermal.bath(self.system)
        return Job(
            self.system,
            self.sampling,
            self.seed,
            purpose,
            self.samples,
            self.method(device_type),
            self.tolerance,
            self.fields,
            bath,
            given,
        )

    def identity(self, given_hash: str | None = None) -> dict[str, Any]:
        """What names the dataset: all that its content depends on, and so no device, no workers.

        Where a key has no effect its default stands, so that it cannot change the name.
        """
        return {
            "system": {"name": self.system.name, **self.system.parameters()},
            "samples": self.samples,
            "seed": self.seed if given_hash is None else 0,
            "sampling": self.sampling if given_hash is None else given_hash,
            "reference": self.reference,
            "tolerance": self.tolerance if self.may_estimate else TOLERANCE,
            "fields": self.fields,
            "thermal": None if self.thermal is None else dataclasses.asdict(self.thermal),
        }


def generate_config(composed: Composed) -> GenerateConfig:
    """Check and type the configuration of `efnn generate`."""
    values = dict(composed.values)
    system = build_system(values.pop("system"))
    keys = typed(_GenerateKeys, values)
    chosen = system.samplings[0] if keys.sampling == "auto" else keys.sampling
    checks.one_of("sampling", chosen, system.samplings)
    check_published(chosen, keys.seed, keys.samples)
    return GenerateConfig(
        system=system,
        samples=keys.samples,
        seed=keys.seed,
        sampling=chosen,
        reference=check_reference(system, keys.reference, keys.fields),
        tolerance=keys.tolerance,
        fields=keys.fields,
        thermal=thermal_config(chosen, keys.spin_temperature, keys.spin_coupling, keys.spin_sweeps),
        executor=keys.executor,
        device=keys.device,
        workers=keys.workers or limits.cores(),
    )


def check_published(chosen: str, seed: int, samples: int) -> None:
    """Raise `ConfigError` for seeds and numbers of samples that the documented draw has no room for."""
    if chosen == "published":
        checks.within("seed (with sampling=published)", seed, 0, sampling.PUBLISHED_MAX_SEED)
        checks.within("samples (with sampling=published)", samples, 1, sampling.PUBLISHED_BLOCK)


def check_reference(system: System, reference: str, fields: bool) -> str:
    """`reference`; raises `ConfigError` where the system does not offer it, or it gives no fields."""
    checks.one_of("reference", reference, ("auto", *system.references))
    if fields and reference == "determinant":
        raise ConfigError("fields=true needs eigenvectors, which reference=determinant has none of", "reference=dense")
    return reference


def check_common(seed: int, device_name: str, workers: int | None) -> None:
    """Raise `ConfigError` for what no command takes."""
    checks.seed("seed", seed)
    device.check_name(device_name)
    if workers is not None:
        checks.within("workers", workers, 1, MAX_WORKERS)
