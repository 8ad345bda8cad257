"""Reference datasets: labelled configurations of the trained Hamiltonian at other sizes.

They lie in data/references/ and are used again; their random streams are not those of any training dataset.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from efnn_cli.config.compose import Composed
from efnn_cli.config.options import ExtrapolateKeys
from efnn_cli.config.shared_options import check_published
from efnn_cli.core import resources
from efnn_cli.core.console import Console
from efnn_cli.core.errors import ConfigError
from efnn_cli.core.results import shown
from efnn_cli.core.signals import StopRequest
from efnn_cli.core.size import Size, length, scaled, sides
from efnn_cli.datasets import find
from efnn_cli.datasets.baths import SWEEPS, Thermal, as_trained, thermal_config
from efnn_cli.datasets.hamiltonian import dataset_system
from efnn_cli.datasets.labelling import require_resources
from efnn_cli.datasets.planning import DatasetPlan, obtain_dataset
from efnn_cli.datasets.settings import GenerateConfig, check_reference
from efnn_cli.evaluation.compatibility import require_same_hamiltonian
from efnn_cli.runs.loading import Run
from efnn_cli.runs.stored import datasets_of
from efnn_cli.storage import atomic, dataset
from efnn_cli.storage.dataset import CHAINS, Dataset

LOGGER = logging.getLogger("efnn")


def plan_references(config: ExtrapolateKeys, member: Run, target: torch.device) -> list[DatasetPlan]:
    """Return the reference dataset of every size, smallest first.

    Raises `ConfigError` for samplings and methods that the system does not have, `InputError` for an unknown
    Hamiltonian, `DeviceError` or `OutputError` for a dataset that does not fit into memory or on the disk.
    """
    unknown = member.system.unknown()
    if unknown is not None:
        raise unknown
    plans = [_plan(config, member, size) for size in _sizes(config, member)]
    for plan in plans:
        if not os.path.exists(plan.path):
            place = atomic.existing_parent(find.REFERENCES)
            require_resources(plan.job(target.type), place, plan.config.executor_on(target))
    return plans


def read_given(paths: Sequence[Path], members: Sequence[Run]) -> list[Dataset]:
    """Return the user's own datasets, smallest first; raises `InputError` for one of another Hamiltonian."""
    found = []
    for path in paths:
        data = dataset.read_labelled(path)
        system = dataset_system(data, path)
        for member in members:
            require_same_hamiltonian(member, system, shown(path))
        if data.content_hash in {each["content_sha256"] for member in members for each in datasets_of(member.config)}:
            LOGGER.warning("%s is the training dataset: errors look better than they are", shown(path))
        if data.chain is not None:
            LOGGER.warning(
                "%s holds Markov chains, whose states are correlated: uncertainties are too small", shown(path)
            )
        found.append(data)
    return sorted(found, key=lambda data: data.spins[0].size)


def refuse_drawing(composed: Composed) -> None:
    """Raise `ConfigError` for a key of reference datasets beside --data."""
    for key in composed.settings:
        if key != "device":
            raise ConfigError(
                f"{key} has no effect with --data, which brings its own configurations", "keep one of them"
            )


def _sizes(config: ExtrapolateKeys, member: Run) -> list[Size]:
    """Return the sizes asked for, or 1, 2 and 4 times that of training; warn below the receptive field."""
    chosen = config.L or [scaled(member.system.size, factor) for factor in (1, 2, 4)]
    field = member.config["receptive_field"] or 0
    for size in chosen:
        if min(side for side in sides(size) if side > 1) < field:
            LOGGER.warning("L = %s is below the receptive field %d of the network", size, field)
    return sorted(chosen, key=length)


def _plan(config: ExtrapolateKeys, member: Run, size: Size) -> DatasetPlan:
    """Return the reference dataset of one size."""
    system = member.system.at_size(size)
    trained = member.config["sampling"]
    sampling = config.sampling
    if sampling == "auto":
        sampling = trained if trained in system.samplings else system.samplings[0]
        if trained == CHAINS:
            LOGGER.warning(
                "the network was trained on Markov chains, the references are %s: "
                "sampling=thermal spin_temperature=... draws similar ones",
                sampling,
            )
    elif sampling not in system.samplings:
        raise ConfigError(f"sampling: {system.kind} offers {', '.join(system.samplings)}, found {sampling!r}")
    samples = config.samples or default_samples(size)
    check_published(sampling, config.seed, samples)
    references = GenerateConfig(
        system=system,
        samples=samples,
        seed=config.seed,
        sampling=sampling,
        reference=check_reference(system, config.reference),
        tolerance=config.tolerance,
        fields=config.fields,
        levels=False,
        thermal=_bath(config, sampling, member.config),
        device=config.device,
        executor=config.executor,
        workers=config.workers or resources.cores(),
    )
    return DatasetPlan(references, find.dataset_path(references, "reference"), "reference")


def default_samples(size: Size) -> int:
    """Return the number of configurations at a size: fewer where labels are expensive."""
    return 64 if length(size) <= 40 else 16 if length(size) <= 64 else 4


def _bath(config: ExtrapolateKeys, sampling: str, trained: Mapping[str, Any]) -> Thermal | None:
    """Return the bath of the references: as asked for, and where nothing is said as in training."""
    stored = trained.get("thermal")
    given = (config.spin_temperature, config.spin_coupling, config.spin_sweeps)
    if given == (None, None, None) and stored is not None and trained["sampling"] == sampling:
        return as_trained(stored)
    coupling = config.spin_coupling
    if coupling is None and stored is not None:
        coupling = stored["coupling"]
    temperature = config.spin_temperature
    if temperature is None and stored is not None and trained["sampling"] == sampling == "thermal":
        temperature = stored["temperature"]
    sweeps = config.spin_sweeps or (SWEEPS if stored is None else stored["sweeps"])
    return thermal_config(sampling, temperature, coupling, sweeps, config.ladder.uniform)


def label_references(plan: DatasetPlan, target: torch.device, console: Console, stop: StopRequest) -> Dataset:
    """Return the reference dataset of one size, from data/references/ or labelled now."""
    title = f"references at L = {plan.config.system.size}"
    data, existed = obtain_dataset(plan, target, console, stop, title=title)
    LOGGER.info("%s: %s, %s", title, shown(plan.path), "stored" if existed else "new")
    return data
