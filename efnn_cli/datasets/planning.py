"""Plan a dataset before any work: its configuration, its spins and its file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from efnn_cli.config.compose import Composed, compose
from efnn_cli.config.words import Request
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets import find
from efnn_cli.datasets.job import Job
from efnn_cli.datasets.labelling import label_dataset
from efnn_cli.datasets.settings import (
    GenerateConfig,
    generate_config,
    refuse_keys_without_effect,
    refuse_normalise_without_effect,
    refuse_tolerance_without_effect,
)
from efnn_cli.physics.stated_symmetry import check_symmetry
from efnn_cli.physics.system import Array, System, size_of_spins
from efnn_cli.storage import atomic
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.output import require_free
from efnn_cli.storage.spins_file import Configurations, read_configurations


@dataclass(frozen=True)
class DatasetPlan:
    """A dataset to label, and its file."""

    config: GenerateConfig
    path: Path
    purpose: str = "train"
    """Either "train" or "reference"."""
    given: Configurations | None = None
    """The user's own configurations."""
    usual: bool = True
    """False for a path that the user chose."""

    @property
    def spin_temperature(self) -> str:
        """The temperature of thermal configurations, LOW:HIGH of a ladder, empty without one."""
        return "" if self.config.thermal is None else self.config.thermal.text

    def job(self, device_type: str) -> Job:
        """Return the job on a device of type "cpu" or "cuda", which may decide the reference method."""
        return self.config.job(self.purpose, device_type, self.given)


def plan_dataset(
    request: Request, spins: Path | None = None, out: Path | None = None, *, normalise: bool = False
) -> DatasetPlan:
    """Plan the dataset of `efnn generate`, every setting checked."""
    composed = compose("generate", request)
    config = generate_config(composed)
    refuse_keys_without_effect(config, composed, spins_given=spins is not None)
    refuse_normalise_without_effect(config.system, normalise=normalise, spins_given=spins is not None)
    given = None
    if spins is not None:
        config, given = with_given_spins(config, composed, spins, normalise=normalise)
        refuse_tolerance_without_effect([config], composed)
    check_symmetry(config.system)
    system = config.system.prepared(None if given is None else torch.from_numpy(given.spins))
    config = dataclasses.replace(config, system=system)
    path = out or find.dataset_path(config, "train", given)
    atomic.require_name(path)
    return DatasetPlan(config, path, given=given, usual=out is None)


def with_given_spins(
    config: GenerateConfig, composed: Composed, path: Path, *, normalise: bool
) -> tuple[GenerateConfig, Configurations]:
    """Return `config` with size and number of the user's own configurations, and these; raises `InputError`."""
    given = read_configurations(path, normalise=normalise)
    spins = given.spins
    found = {"system.L": (size_of_spins(spins), config.system.size), "samples": (len(spins), config.samples)}
    for key, (value, asked) in found.items():
        if key in composed.settings and asked != value:
            raise InputError(f"{path} has {key} = {value}, but {composed.settings[key].origin!r} was asked for")
    system = _at_size_of(spins, config.system, path)
    system.check_spins(spins, str(path))
    return dataclasses.replace(config, system=system, samples=len(spins)), given


def _at_size_of(spins: Array, system: System, path: Path) -> System:
    """Return the system at the size of `spins`; raises `InputError` for a size that it cannot have."""
    try:
        return system.at_size(size_of_spins(spins))
    except ConfigError as error:
        if system.geometry == "lattice":
            system.check_spins(spins, str(path))  # its message names the shape
        raise InputError(f"{path} has spins of shape {spins.shape}: {error.message}", error.hint) from error


def require_free_path(plan: DatasetPlan, *, overwrite: bool) -> None:
    """Raise where the path holds something else than this dataset; see `storage.output.require_free`."""
    require_free(plan.path, plan.config.tag(plan.given), usual=plan.usual, overwrite=overwrite)


def obtain_dataset(
    plan: DatasetPlan,
    target: torch.device,
    console: Console,
    stop: StopRequest,
    *,
    overwrite: bool = False,
    title: str = "labelling",
) -> tuple[Dataset, bool]:
    """Return the dataset of `plan`, and whether it existed; label on the device `target` what is missing."""
    executor = plan.config.executor_on(target)
    with console.meter(title, plan.config.samples, "configurations") as progress:
        return label_dataset(plan.job(target.type), plan.path, executor, progress, stop.check, overwrite=overwrite)
