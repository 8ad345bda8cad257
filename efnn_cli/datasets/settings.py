"""Settings of `efnn generate`: composed keys, checked and typed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from efnn_cli.config.compose import Composed
from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.config.options import GenerateKeys
from efnn_cli.config.schema import build_system, typed
from efnn_cli.config.shared_options import ExecutorOptions, check_published
from efnn_cli.core import checks, doubles, resources
from efnn_cli.core.errors import ConfigError
from efnn_cli.datasets.baths import Thermal, thermal_config
from efnn_cli.datasets.dask_cluster import DaskCluster
from efnn_cli.datasets.executors import Executor, Threads
from efnn_cli.datasets.job import Job
from efnn_cli.physics.system import TOLERANCE, System
from efnn_cli.storage.spins_file import Configurations

DRAWING_KEYS = ("seed", "sampling")
THERMAL_KEYS = ("spin_temperature", "spin_coupling", "spin_sweeps", "ladder.uniform")


@dataclass(frozen=True)
class GenerateConfig:
    """Configurations to label, the method, and the workers."""

    system: System
    samples: int
    seed: int
    sampling: str
    reference: str
    """Either "auto" or a method of the system."""
    tolerance: float
    fields: bool
    levels: bool
    thermal: Thermal | None
    executor: ExecutorOptions
    device: str
    workers: int

    def executor_on(self, target: torch.device) -> Executor:
        """Return the executor that labels on the device `target`, or on the CPU where that has no float64."""
        return executor_of(self.executor, doubles.float64_device(target), self.workers, self.device)

    def method(self, device_type: str) -> str:
        """Return the reference method on a type of device, such as "cuda", which may decide what "auto" is."""
        if self.reference != "auto":
            return self.reference
        if self.levels:
            return self.system.level_references[0]
        where = "cpu" if device_type in doubles.WITHOUT else device_type
        return self.system.fastest_reference(where, fields=self.fields)

    @property
    def has_tolerance(self) -> bool:
        """True where the method on some device has a tolerance."""
        return any(self.method(each) in self.system.estimated_references for each in ("cpu", "cuda"))

    def job(self, purpose: str, device_type: str, given: Configurations | None = None) -> Job:
        """Return the labelling job on a device of type "cpu" or "cuda", for `given` or drawn spins."""
        return Job(
            self.system,
            self.sampling,
            self.seed,
            purpose,
            self.samples,
            self.method(device_type),
            self.tolerance,
            self.fields,
            self.levels,
            None if self.thermal is None else self.thermal.bath(self.system),
            given,
            self.tag(given),
        )

    def tag(self, given: Configurations | None = None) -> str:
        """Return the hash of `identity`, which marks the dataset and its shards."""
        return fingerprint(self.identity(given))

    def identity(self, given: Configurations | None = None) -> dict[str, Any]:
        """Return all settings that the content of the dataset depends on: neither device nor workers.

        A key without effect has its default here, so that it cannot change the name.
        """
        plug_in = self.system.plug_in
        source = {} if plug_in is None else {"source": plug_in["sha256"]}
        return {
            "system": {"name": self.system.name, **self.system.parameters(), **source},
            "samples": self.samples,
            "seed": self.seed if given is None else 0,
            "sampling": self.sampling if given is None else given.digest(),
            "reference": self.reference,
            "tolerance": self.tolerance if self.has_tolerance else TOLERANCE,
            "fields": self.fields,
            "thermal": None if self.thermal is None else dataclasses.asdict(self.thermal),
            **({"levels": True} if self.levels else {}),
        }


def executor_of(options: ExecutorOptions, target: torch.device, workers: int, device: str) -> Executor:
    """Return the executor that was chosen, for the device `target`, which the workers of a cluster know as `device`."""
    if options.name == "threads":
        return Threads(target, workers)
    return DaskCluster(target, workers, device, options.address)


def generate_config(composed: Composed) -> GenerateConfig:
    """Check and type the configuration of `efnn generate`."""
    values = dict(composed.values)
    system = build_system(values.pop("system"))
    keys = typed(GenerateKeys, values)
    if not system.samplings:
        raise ConfigError(f"system={system.name} has no Hamiltonian to draw and label with", "efnn import FILE")
    chosen = system.samplings[0] if keys.sampling == "auto" else keys.sampling
    checks.one_of("sampling", chosen, system.samplings)
    check_published(chosen, keys.seed, keys.samples)
    return GenerateConfig(
        system=system,
        samples=keys.samples,
        seed=keys.seed,
        sampling=chosen,
        reference=check_reference(system, keys.reference, levels=keys.levels),
        tolerance=keys.tolerance,
        fields=keys.fields,
        levels=keys.levels,
        thermal=thermal_config(
            chosen, keys.spin_temperature, keys.spin_coupling, keys.spin_sweeps, keys.ladder.uniform
        ),
        executor=keys.executor,
        device=keys.device,
        workers=keys.workers or resources.cores(),
    )


def check_reference(system: System, reference: str, *, levels: bool = False) -> str:
    """Return `reference`; raises `ConfigError` where the system does not have it, or it gives no levels."""
    checks.one_of("reference", reference, ("auto", *system.references))
    if levels and not system.level_references:
        hint = "leave it out; double_exchange with system.twists=1 has them"
        raise ConfigError(f"levels=true: {system.kind} has no single set of one-particle levels", hint)
    if levels and reference not in ("auto", *system.level_references):
        raise ConfigError(f"levels=true needs reference={system.level_references[0]}, found {reference}")
    return reference


def refuse_keys_without_effect(config: GenerateConfig, composed: Composed, *, spins_given: bool = False) -> None:
    """Raise `ConfigError` for a key that the user gave and that has no effect.

    The size of given spins is known only when they are read: call `refuse_tolerance_without_effect` then.
    """
    if spins_given:
        _refuse(composed, (*DRAWING_KEYS, *THERMAL_KEYS), "--spins, which are labelled as they are")
    elif config.thermal is None:
        _refuse(composed, THERMAL_KEYS, f"sampling={config.sampling}", "add sampling=thermal or sampling=ladder")
    elif config.sampling == "thermal":
        _refuse(composed, ("ladder.uniform",), "sampling=thermal", "add sampling=ladder")
    if not (spins_given and config.reference == "auto"):
        refuse_tolerance_without_effect([config], composed)


def refuse_tolerance_without_effect(configs: Sequence[GenerateConfig], composed: Composed) -> None:
    """Raise `ConfigError` for a tolerance where every method is exact to rounding."""
    if any(config.has_tolerance for config in configs):
        return
    config = configs[-1]
    estimated = " or ".join(config.system.estimated_references)
    method = f"reference={config.method('cpu')}" if config.reference == "auto" else f"reference={config.reference}"
    hint = f"it belongs to reference={estimated}" if estimated else ""
    _refuse(composed, ("tolerance",), f"{method} at L = {config.system.size}, which is exact to rounding", hint)


def refuse_normalise_without_effect(system: System, *, normalise: bool, spins_given: bool = True) -> None:
    """Raise `ConfigError` for --normalise without spins to scale."""
    if normalise and not spins_given:
        raise ConfigError("--normalise belongs to --spins: drawn spins are unit vectors", "leave it out")
    if normalise and system.geometry != "lattice":
        raise ConfigError(f"--normalise makes unit vectors, but the spins of {system.kind} are scalars", "leave it out")


def _refuse(composed: Composed, keys: Sequence[str], beside: str, hint: str = "") -> None:
    for key in keys:
        if key in composed.settings:
            raise ConfigError(f"{key} has no effect with {beside}", hint or f"leave {key} out")
