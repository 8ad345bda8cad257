"""Plan a training: from a command line, or from the folder of an interrupted run."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from efnn_cli.config.compose import compose
from efnn_cli.config.schema import build_model, described
from efnn_cli.config.words import Request, Setting, settle
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.results import shown
from efnn_cli.datasets import find
from efnn_cli.datasets.hamiltonian import couplings_hash, dataset_system
from efnn_cli.models.build import receptive_field_of
from efnn_cli.models.options import Options
from efnn_cli.physics.system import System
from efnn_cli.runs.find import run_path
from efnn_cli.runs.folder import RunFolder, by_name
from efnn_cli.runs.origin import Origin, extension, initial, require_same_network, require_same_spins, with_network
from efnn_cli.runs.settings import TrainConfig, build_training, train_config, with_symmetry
from efnn_cli.runs.stored import datasets_of, run_hash
from efnn_cli.storage import dataset
from efnn_cli.storage.dataset import Dataset
from efnn_cli.training.split import Split, split

OF_PROCESS = {"device", "log"}  # settings that change nothing in the result
THIS_DATASET = "only that very dataset will do: say where it is now with --data FILE"
LOGGER = logging.getLogger("efnn")


@dataclass(frozen=True)
class Source:
    """A training dataset in memory, with its system and its split."""

    path: Path
    data: Dataset
    system: System
    parts: Split


@dataclass(frozen=True)
class Plan:
    """One training: its settings, its datasets and its run folder."""

    config: TrainConfig
    stored: dict[str, Any]
    """The resolved configuration as it goes into config.yaml and the checkpoints."""
    sources: Sequence[Source]
    """Datasets of one Hamiltonian, of any size; the run is named after the first."""
    folder: RunFolder

    @property
    def system(self) -> System:
        """The system of the first dataset."""
        return self.sources[0].system

    @property
    def data(self) -> Dataset:
        """The first dataset."""
        return self.sources[0].data

    @property
    def origin(self) -> Origin | None:
        """The run that this one starts from."""
        return None if self.stored["origin"] is None else Origin(**self.stored["origin"])

    @property
    def tag(self) -> str:
        """The hash of all settings that the result depends on."""
        return str(self.stored["hash"])


def open_source(path: Path) -> Source:
    """Return the dataset at `path`; raise `InputError` where it is none, or too small for a split."""
    require_storable(path)
    data = dataset.read(path)
    if data.metadata["purpose"] != "train":
        LOGGER.warning(
            "%s is a %s dataset: a network trained on it cannot be evaluated on it", path, data.metadata["purpose"]
        )
    return Source(path, data, dataset_system(data, path), split_of(data, path))


def require_storable(path: Path) -> None:
    """Raise `InputError` for a name that is not UTF-8, which config.yaml and run.log could not hold."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the name {path} is not UTF-8, so that it cannot be stored with a run", "rename it"
        ) from error


def open_sources(paths: Sequence[Path]) -> list[Source]:
    """Return the datasets at `paths`; raise `InputError` unless they are different ones of one Hamiltonian."""
    first, *more = [open_source(path) for path in paths]
    for each in more:
        if any(each.data.content_hash == other.data.content_hash for other in (first, *more) if other is not each):
            raise InputError(f"{each.path} was given twice", "name every dataset once")
        ours, theirs = (_hamiltonian(source.system) for source in (first, each))
        wrong = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
        if wrong:
            raise InputError(
                f"{each.path} is of another Hamiltonian than {first.path}: "
                f"system.{wrong[0]} = {theirs.get(wrong[0])} and {ours.get(wrong[0])}"
            )
    return [first, *more]


def _hamiltonian(system: System) -> dict[str, Any]:
    couplings = couplings_hash(system.couplings)
    return {"name": system.name, **system.hamiltonian(), "couplings": couplings}


def choose_source(request: Request, data_path: Path | None) -> Path:
    """Check the settings before any file is read, then return the dataset: the most recent one where none is given."""
    first = train_config(compose("train", request))
    if data_path is None:
        data_path = find.latest_dataset(first.system_filter)
        LOGGER.info("dataset: %s", shown(data_path))
    return data_path


def plan_new(
    request: Request, data_paths: Sequence[Path] = (), out: Path | None = None, init: Path | None = None
) -> Plan:
    """Plan a training from the command line, which may start with the weights of the run `init`."""
    origin = model = None
    if init is not None:
        origin, model = initial(init)
        request = with_network(request, model)
    first = choose_source(request, next(iter(data_paths), None))
    sources = open_sources([first, *data_paths[1:]])
    if origin is not None:
        require_same_spins(origin, sources[0].system)
    return plan_on(sources, request, out, origin, model)


def plan_on(
    sources: Sequence[Source],
    request: Request,
    out: Path | None = None,
    origin: Origin | None = None,
    model: Options | None = None,
) -> Plan:
    """Plan the training that `request` asks for on the datasets `sources`, with the recipe for their system.

    With an `origin` the network is its `model`.
    """
    path, system, metadata = sources[0].path, sources[0].system, sources[0].data.metadata["system"]
    request = dataclasses.replace(request, fields=any(each.data.fields is not None for each in sources))
    composed = compose("train", request, system.kind)
    config = train_config(composed, system)
    if model is not None:
        require_same_network(composed.settings, config.model, model)
        config = dataclasses.replace(config, model=with_symmetry(model, system))
    for key, value in config.system_filter.items():
        if metadata.get(key) != value:
            raise InputError(f"{path}: wanted system.{key}={value}, found {metadata.get(key)}")
    recipe = None if config.training is None else dataclasses.asdict(config.training)
    alone = next((each.path for each in sources if each.data.known_energies is None), None)
    if recipe is None and alone is not None:
        raise InputError(f"{alone} has fields but no energies, to which {config.model.name} is fitted", "model=efnn")
    stored = resolved(config, described(config.model), recipe, sources, origin)
    return Plan(config, stored, sources, _folder(out, system, config, stored))


def _folder(out: Path | None, system: System, config: TrainConfig, stored: Mapping[str, Any]) -> RunFolder:
    """Return the folder `out`, or the usual one of the run."""
    depth = getattr(config.model, "depth", 0)
    path = out or run_path(system.name, config.model.name, depth, config.seed, stored["hash"])
    require_storable(path)
    return RunFolder(path)


def resolved(
    config: TrainConfig,
    model: dict[str, Any],
    training: dict[str, Any] | None,
    sources: Sequence[Source],
    origin: Origin | None = None,
) -> dict[str, Any]:
    """Return all settings of the run as plain values, with its hash."""
    start = None if origin is None else dataclasses.asdict(origin)
    system, data = sources[0].system, sources[0].data
    first, *more = [_entry(each) for each in sources]
    contents = [each["content_sha256"] for each in more]
    return {
        "schema_version": 1,
        "hash": run_hash(model, training, config.seed, data.content_hash, start, contents),
        "system": system.described(),
        "sampling": data.metadata.get("sampling"),
        "thermal": data.metadata.get("thermal"),
        "couplings_sha256": couplings_hash(system.couplings),
        "receptive_field": receptive_field_of(config.model) if system.geometry == "lattice" else None,
        "model": model,
        "training": training,
        "seed": config.seed,
        "origin": start,
        "dataset": first,
        "more_datasets": more,
    }


def _entry(source: Source) -> dict[str, Any]:
    """Return what a run stores of a dataset."""
    data = source.data
    return {
        "path": str(source.path),
        "content_sha256": data.content_hash,
        "samples": len(data),
        "seed": data.metadata.get("seed"),
    }


def plan_extended(request: Request, path: Path, data_paths: Sequence[Path], out: Path | None) -> Plan:
    """Plan a run that continues the finished run at `path` on its own dataset."""
    origin, stored, recipe = extension(path, request)
    sources = _own_sources(stored, origin.folder.path, data_paths)
    process = of_process(settle(request))
    config = TrainConfig(build_model(stored["model"]), recipe, stored["seed"], process.device, {}, process.log)
    found = resolved(config, stored["model"], dataclasses.asdict(recipe), sources, origin)
    return Plan(config, found, sources, _folder(out, sources[0].system, config, found))


def _own_sources(stored: Mapping[str, Any], run: Path, data_paths: Sequence[Path]) -> list[Source]:
    """Return the datasets that the run was trained on; raise `InputError` where one is not found, or another one."""
    given = {dataset.read_metadata(path)["content_sha256"]: path for path in data_paths}
    entries = datasets_of(stored)
    foreign = given.keys() - {each["content_sha256"] for each in entries}
    if foreign:
        raise InputError(f"{given[foreign.pop()]} is not the dataset that {run} was trained on", THIS_DATASET)
    found = []
    for each in entries:
        content = each["content_sha256"]
        path = given.get(content) or find.find_dataset(content, each["path"], run, THIS_DATASET)
        found.append(open_source(path))
    return found


def plan_resumed(request: Request, path: Path, data_paths: Sequence[Path], out: Path | None) -> Plan:
    """Plan the rest of an interrupted training with its own configuration; only the device may change."""
    path = by_name(path)
    said = settle(request)
    if out is not None or set(said) - OF_PROCESS:
        wrong = next(iter(set(said) - OF_PROCESS), "--out")
        raise ConfigError(
            f"--resume takes everything from {path}, only the device may change; found {wrong}",
            "start a new run without --resume",
        )
    process = of_process(said)
    require_storable(path)
    folder = RunFolder(path)
    config, stored = read_stored(folder, process)
    sources = _own_sources(stored, path, data_paths)
    origin = None if stored.get("origin") is None else Origin(**stored["origin"])
    stored = resolved(config, stored["model"], stored["training"], sources, origin)
    return Plan(config, stored, sources, folder)


def of_process(said: Mapping[str, Setting]) -> TrainConfig:
    """Return the settings of the command line that belong to the process, the others at their defaults."""
    typed = tuple(each.text for key, each in said.items() if key in OF_PROCESS)
    return train_config(compose("train", Request(typed)))


def read_stored(folder: RunFolder, process: TrainConfig) -> tuple[TrainConfig, dict[str, Any]]:
    """Return the configuration in a run folder, typed and as plain values; raise `InputError` for none."""
    if not folder.begun:
        raise InputError(f"{folder.path} is not a run folder: it has no config.yaml", "efnn train makes a run")
    stored = folder.read_config()
    try:
        model = build_model(stored["model"])
        training = None if stored["training"] is None else build_training(stored["training"])
    except ConfigError as error:
        raise InputError(f"{folder.config_file} is not the configuration of a run: {error}") from error
    return TrainConfig(model, training, stored["seed"], process.device, {}, process.log), stored


def split_of(data: Dataset, path: Path) -> Split:
    """Return the split of the dataset; raise `InputError` where it has too few configurations."""
    try:
        return split(data.spins, data.chain)
    except ValueError as error:
        raise InputError(f"{path} is too small to train on: {error}", "efnn generate with more --samples") from error
