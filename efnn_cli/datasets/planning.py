"""What is to be labelled, and where it goes: settled from a command line before anything is done."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.config.compose import Composed, Request, compose
from efnn_cli.config.schema import fingerprint
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError, ConflictError, InputError
from efnn_cli.core.results import shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.datasets import find
from efnn_cli.datasets.crew import Crew
from efnn_cli.datasets.idle import refuse_idle_keys, refuse_idle_normalise, refuse_idle_tolerance
from efnn_cli.datasets.job import Job
from efnn_cli.datasets.produce import produce
from efnn_cli.datasets.settings import GenerateConfig, generate_config
from efnn_cli.physics import System
from efnn_cli.physics.system import Array
from efnn_cli.storage import atomic, dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.storage.output import refuse_folder, refuse_run_files, require_hdf5_name
from efnn_cli.storage.spins_file import read_spins

LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class Plan:
    """What to label and where it goes; `tag` identifies the job in its files."""

    config: GenerateConfig
    given: Array | None
    """The user's own configurations (samples, ...)."""
    path: Path
    tag: str
    usual: bool
    """Whether the path is the one that is named by the job, not the user's own."""

    def job(self, device_type: str) -> Job:
        """The job on a device of type "cpu" or "cuda", which may decide the reference method."""
        return self.config.job("train", device_type, self.given)

    def on_wait(self, owner: str) -> None:
        """Say that another process is at work."""
        LOGGER.info("%s is being made by %s: waiting", shown(self.path), owner)


def make_plan(request: Request, spins: Path | None, out: Path | None, *, normalise: bool = False) -> Plan:
    """Everything settled and checked, nothing done yet."""
    composed = compose("generate", request)
    config = generate_config(composed)
    refuse_idle_keys(config, composed, spins_given=spins is not None)
    refuse_idle_normalise(config.system, normalise=normalise, spins_given=spins is not None)
    given = given_hash = None
    if spins is not None:
        config, given = with_given_spins(config, composed, spins, normalise=normalise)
        refuse_idle_tolerance([config], composed)
        given_hash = hashlib.sha256(given.tobytes()).hexdigest()
    path = out or find.dataset_path(config, "train", given_hash)
    atomic.require_name(path)
    return Plan(config, given, path, fingerprint(config.identity(given_hash)), usual=out is None)


def with_given_spins(
    config: GenerateConfig, composed: Composed, path: Path, *, normalise: bool
) -> tuple[GenerateConfig, Array]:
    """The configuration for the user's own spins, which decide size and number; raises `InputError`."""
    spins = read_spins(path, normalise=normalise)
    found = {"system.L": (spins.shape[-1], config.system.size), "samples": (len(spins), config.samples)}
    for key, (value, asked) in found.items():
        if key in composed.said and asked != value:
            raise InputError(f"{path} has {key} = {value}, but {composed.said[key].origin!r} was asked for")
    system = _at_size_of(spins, config.system, path)
    system.check_spins(spins, str(path))
    return dataclasses.replace(config, system=system, samples=len(spins)), spins


def _at_size_of(spins: Array, system: System, path: Path) -> System:
    """The system at the size of `spins`; raises `InputError` for a size that it cannot have."""
    try:
        return system.at_size(spins.shape[-1])
    except ConfigError as error:
        if system.geometry == "lattice":
            system.check_spins(spins, str(path))  # says it by the shape, where that is no lattice at all
        raise InputError(f"{path} has spins of shape {spins.shape}: {error.message}", error.hint) from error


def refuse_other(plan: Plan, *, overwrite: bool) -> None:
    """Raise `ConflictError` where the path holds something else than this dataset; a folder cannot be overwritten.

    Raises `InputError` where the usual place holds something unreadable: that was this dataset.
    """
    path = plan.path
    refuse_folder(path)
    refuse_run_files(path)
    require_hdf5_name(path)
    if overwrite or not os.path.exists(path):
        return
    try:
        same = dataset.read_metadata(path).get("job") == plan.tag
    except InputError as error:
        if plan.usual:
            hint = error.hint or "label it again: the same efnn generate with --overwrite"
            raise InputError(error.message, hint) from error
        same = False
    if not same:
        raise ConflictError(f"{path} exists and is something else", "choose another --out, or --overwrite it")


def obtain_dataset(
    plan: Plan, job: Job, crew: Crew, console: Console, stop: StopRequest, *, overwrite: bool = False
) -> tuple[Dataset, bool]:
    """The dataset of `plan`, and whether it was there already; goes on with the shards that are there."""
    with console.meter("labelling", job.samples, "configurations") as advance:
        return produce(
            job,
            plan.path,
            plan.tag,
            crew,
            overwrite=overwrite,
            progress=advance,
            on_wait=plan.on_wait,
            pause=stop.check,
        )
