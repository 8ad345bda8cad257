"""A fair comparison of networks: equal data and recipe, about equal parameters, choices by validation alone."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli import checks
from efnn_cli.config import NETWORK_KEYS, Request, compose
from efnn_cli.errors import ConfigError
from efnn_cli.extrapolation import SizeRow
from efnn_cli.fitting import initial_model
from efnn_cli.models import MODELS, NetworkOptions, parameter_count
from efnn_cli.physics import System
from efnn_cli.planning import Plan, plan_new
from efnn_cli.training_settings import TrainConfig, train_config

WIDTH_KEYS = ("width", "model.width")
TAKEN = ("model", "seed", "device")
MAX_WIDTH = 8192


@dataclass(frozen=True)
class Contest:
    """What is compared: settings of `efnn train` shared by all networks, and how many of what."""

    request: Request
    models: tuple[str, ...] | None
    """None: every network that the system's geometry has a form of."""
    seeds: int
    grid: tuple[str, ...]
    """`KEY=V1,V2`: values to choose from by the validation error."""
    parameters: int | None
    """Wanted number of parameters; None: that of the first trained network with its own width."""

    def __post_init__(self) -> None:
        checks.within("--seeds", self.seeds, 1, 1000)
        if self.parameters is not None:
            checks.within("--parameters", self.parameters, 1, 10**9)
        for name in self.models or ():
            checks.one_of("--models", name, MODELS)
        if self.models is not None and len(set(self.models)) < len(self.models):
            raise ConfigError(f"--models: wanted different networks, found {','.join(self.models)}")
        for text in self.request.overrides:
            if _key(text) in TAKEN:
                raise ConfigError(f"compare takes {_key(text)} from its options, found {text!r}", _OPTIONS[_key(text)])

    def choices(self) -> list[tuple[str, ...]]:
        """The points of the grid, each as overrides; one empty point without a grid."""
        axes = []
        for text in self.grid:
            key, _, values = text.partition("=")
            if not key or not all(values.split(",")):
                raise ConfigError(f"--grid: wanted KEY=V1,V2, found {text!r}", "for example --grid lr=0.004,0.008")
            axes.append([f"{key}={value}" for value in values.split(",")])
        return [tuple(point) for point in itertools.product(*axes)]


_OPTIONS = {"model": "--models efnn,resnet", "seed": "--seeds 3 trains seeds 0, 1 and 2", "device": "--device cuda"}


@dataclass(frozen=True)
class Entry:
    """One network of the comparison."""

    model: str
    width: int | None
    """None for a model that is fitted in closed form."""
    parameters: int
    shared: Request

    @property
    def trained(self) -> bool:
        """Whether there is anything to choose: a closed form has no learning rate and no seed."""
        return self.width is not None

    def request(self, seed: int, choice: Sequence[str]) -> Request:
        """What `efnn train` is asked for."""
        return dataclasses.replace(self.shared, overrides=(*self.shared.overrides, f"seed={seed}", *choice))


def enter(contest: Contest, data: Path | None) -> tuple[list[Entry], Plan]:
    """The networks with their widths, and the plan of the first one, whose dataset is that of all."""
    names = contest.models or ("efnn",)
    leader = next((name for name in names if name != "effective"), names[0])
    first = plan_new(_shared(contest.request, leader, None), data, None)
    names = contest.models or tuple(name for name, each in MODELS.items() if each.form(first.system.geometry))
    wanted = contest.parameters or _count(first.config, first.system)
    entries = [_entry(contest, name, wanted, first.system) for name in names]
    for entry in entries:
        for choice in contest.choices() if entry.trained else ():  # refused now, not after hours of training
            _config(entry.request(0, choice), first.system)
    return entries, first


def _entry(contest: Contest, name: str, wanted: int, system: System) -> Entry:
    request = _shared(contest.request, name, None)
    config = _config(request, system)
    if name == "effective":
        return Entry(name, None, _count(config, system), request)
    width = matched_width(config, system, wanted)
    return Entry(name, width, _count(_with_width(config, width), system), _shared(contest.request, name, width))


def _config(request: Request, system: System) -> TrainConfig:
    return train_config(compose("train", request, system.kind), system)


def _shared(request: Request, model: str, width: int | None) -> Request:
    """The shared settings for one network; with `width`, that one instead of what was typed."""
    kept = [text for text in request.overrides if width is None or _key(text) not in WIDTH_KEYS]
    if model == "effective":
        kept = [text for text in kept if not _of_training(_key(text))]
    extra = [f"model={model}"] + ([] if width is None else [f"width={width}"])
    return dataclasses.replace(request, overrides=(*kept, *extra))


def _key(text: str) -> str:
    return text.partition("=")[0]


def _of_training(key: str) -> bool:
    return key in NETWORK_KEYS or key.startswith(("training.", "model."))


def matched_width(config: TrainConfig, system: System, wanted: int) -> int:
    """The width whose number of parameters, which grows with the width, is nearest to `wanted`."""
    high = 1
    while high < MAX_WIDTH and _count(_with_width(config, high), system) < wanted:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if _count(_with_width(config, middle), system) < wanted:
            low = middle
        else:
            high = middle
    near = [width for width in (low, high) if width >= 1]
    return min(near, key=lambda width: abs(_count(_with_width(config, width), system) - wanted))


def _with_width(config: TrainConfig, width: int) -> TrainConfig:
    assert isinstance(config.model, NetworkOptions)
    return dataclasses.replace(config, model=dataclasses.replace(config.model, width=width))


def _count(config: TrainConfig, system: System) -> int:
    return parameter_count(initial_model(config, system))


@dataclass(frozen=True)
class Trial:
    """One finished run of one network."""

    entry: Entry
    seed: int
    choice: tuple[str, ...]
    run: Path
    metrics: Mapping[str, Any]
    """As `efnn train` reports them."""


def best_choice(trials: Sequence[Trial]) -> Trial:
    """The trial with the least validation error; test errors are not looked at."""
    return min(trials, key=lambda trial: float(trial.metrics["val"]["rmse"]))


@dataclass(frozen=True)
class Standing:
    """What one network reached: the trials with the chosen settings, one a seed, and their errors by size."""

    trials: list[Trial]
    sizes: list[list[SizeRow]]
    """For every trial, a row for every size; empty lists for a dense system."""

    @property
    def title(self) -> str:
        """The name of the network as people write it."""
        return MODELS[self.trials[0].entry.model].title

    def errors(self, quantity: str) -> dict[str, list[float]]:
        """The error over the seeds: on the test split, and at every size."""
        found = {"test": [trial.metrics["test"][quantity] for trial in self.trials]}
        for rows in self.sizes:
            for row in rows:
                found.setdefault(f"L={row.L}", []).append(getattr(row, quantity))
        return found

    def summary(self, quantity: str) -> dict[str, Any]:
        """One row of the table: mean over the seeds, and spread (sample standard deviation) where there are several."""
        entry = self.trials[0].entry
        errors = self.errors(quantity)
        return {
            "model": entry.model,
            "parameters": entry.parameters,
            "width": entry.width,
            "choice": " ".join(self.trials[0].choice),
            "seeds": len(self.trials),
            "epochs": self.trials[0].metrics["epochs"],
            "seconds": float(np.mean([trial.metrics["seconds"] for trial in self.trials])),
            "errors": {key: float(np.mean(values)) for key, values in errors.items()},
            "spread": {
                key: float(np.std(values, ddof=1)) if len(values) > 1 else None for key, values in errors.items()
            },
        }


def quantity_of(standings: Sequence[Standing]) -> str:
    """`relative_error` where it means something for every trial and size, else `rmse_over_std`."""
    values = [each.metrics["test"]["relative_error"] for standing in standings for each in standing.trials]
    values += [row.relative_error for standing in standings for rows in standing.sizes for row in rows]
    return "rmse_over_std" if any(value is None for value in values) else "relative_error"
