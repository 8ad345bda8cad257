"""The networks of a comparison: about equal numbers of parameters, one recipe and one grid of settings for all."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.config.compose import compose
from efnn_cli.config.fingerprint import fingerprint
from efnn_cli.config.words import NETWORK_KEYS, Request, key_of, settle
from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.models.build import parameter_count
from efnn_cli.models.options import NetworkOptions
from efnn_cli.physics.system import System
from efnn_cli.runs.fitting import initial_model
from efnn_cli.runs.planning import Plan, plan_new
from efnn_cli.runs.settings import TrainConfig, train_config
from efnn_cli.studies.compare_grid import NO_GRID, check_grid, default_grid
from efnn_cli.studies.engine import Cell
from efnn_cli.studies.grid import Point, combine

LOGGER = logging.getLogger("efnn")

OPTIONS = {"model": "--models efnn,resnet", "seed": "--seeds 3 trains seeds 0, 1 and 2", "device": "--device cuda"}
MAX_WIDTH = 8192
NEAR = 0.1
"""Relative distance from the wanted number of parameters that needs no warning."""


@dataclass(frozen=True)
class Comparison:
    """The specification of `efnn compare`: settings of `efnn train` for all networks, and the options."""

    request: Request
    models: tuple[str, ...] | None
    """None: every network that has a form for the geometry of the system."""
    seeds: int
    grid: tuple[str, ...] | None
    """`KEY=V1,V2`: values to choose from by the validation error; None: the default grid of the system."""
    parameters: tuple[int, ...]
    """Wanted numbers of parameters; empty: that of the first trained network with its own width."""
    launcher: tuple[str, ...] = ()
    """Settings of Hydra's launcher."""

    def __post_init__(self) -> None:
        checks.within("--seeds", self.seeds, 1, 1000)
        for each in self.parameters:
            checks.within("--parameters", each, 1, 10**9)
        if len(set(self.parameters)) < len(self.parameters):
            raise ConfigError(f"--parameters: wanted different numbers, found {self.parameters}")
        for name in self.models or ():
            checks.one_of("--models", name, MODELS)
        if self.models is not None and len(set(self.models)) < len(self.models):
            raise ConfigError(f"--models: wanted different networks, found {','.join(self.models)}")
        for text in self.request.overrides:
            key = key_of(text)
            if key in OPTIONS:
                raise ConfigError(f"compare takes {key} from its options, found {text!r}", OPTIONS[key])
            if key == "width" and self.parameters:
                raise ConfigError(f"--parameters decides the widths, found {text!r}", "keep one of them")
        settle(self.request, "compare")  # says what several values may have meant
        check_grid(self.grid or (NO_GRID,))


@dataclass(frozen=True)
class Candidate:
    """One network of the comparison, at one number of parameters."""

    model: str
    width: int | None
    """None for a model that is fitted in closed form."""
    wanted: int | None
    """The wanted number of parameters; None for a closed form, which has no width."""
    parameters: int
    request: Request
    config: TrainConfig
    """The configuration before the grid."""

    @property
    def trained(self) -> bool:
        """False for a closed form, which has no learning rate and no seed."""
        return self.width is not None

    @property
    def title(self) -> str:
        """The name of the network in a text."""
        return MODELS[self.model].title

    def own_settings(self) -> list[str]:
        """Return the options that only this network has, if they differ from the published network."""
        published = MODELS[self.model].options()
        values = {name: getattr(self.config.model, name) for name in _own_fields(type(published))}
        return [f"{name}={value}" for name, value in values.items() if value != getattr(published, name)]


@dataclass(frozen=True)
class ComparisonPlan:
    """All candidates, the grid, and the plan of the first network, whose dataset is that of all."""

    candidates: list[Candidate]
    seeds: int
    grid: list[str]
    first: Plan

    @property
    def points(self) -> list[Point]:
        """The settings that every trained network is tried with."""
        return combine(self.grid)

    @property
    def cells(self) -> list[Cell]:
        """The cells of the study, one a candidate."""
        return [
            Cell(each.request, self.points, self.seeds) if each.trained else Cell(each.request)
            for each in self.candidates
        ]

    @property
    def counts(self) -> list[int]:
        """The wanted numbers of parameters, the least first."""
        return sorted({each.wanted for each in self.candidates if each.wanted is not None})

    @property
    def data(self) -> Path:
        """The dataset of all networks."""
        return Path(self.first.stored["dataset"]["path"])

    @property
    def recipe(self) -> dict[str, object] | None:
        """The one recipe of all trained networks; None if nothing is trained."""
        recipes = [each.config.training for each in self.candidates if each.config.training is not None]
        return dataclasses.asdict(recipes[0]) if recipes else None

    @property
    def tag(self) -> str:
        """The hash of the comparison."""
        networks = []
        for each in self.candidates:
            training = None if each.config.training is None else dataclasses.asdict(each.config.training)
            networks.append([dataclasses.asdict(each.config.model), training])
        content = self.first.data.content_hash
        return fingerprint({"networks": networks, "seeds": self.seeds, "grid": self.grid, "dataset": content})


def plan_comparison(comparison: Comparison, data: Path | None) -> ComparisonPlan:
    """Choose networks, widths and grid; raises `ConfigError` for what would fail after hours of training."""
    names = comparison.models or ("efnn",)
    leading = next((name for name in names if not MODELS[name].closed_form), names[0])
    first = plan_new(_shared(comparison.request, leading), [] if data is None else [data])
    system = first.system
    request = dataclasses.replace(comparison.request, fields=first.data.fields is not None)
    names = comparison.models or tuple(MODELS)
    possible = [name for name in names if MODELS[name].form(system.geometry) is not None]
    if comparison.models is not None:
        for name in set(names) - set(possible):
            LOGGER.warning("%s is left out: it needs a lattice, and %s has none", name, system.kind)
    wanted = sorted(comparison.parameters) or [_count(first.config, system)]
    candidates = []
    for name in possible:
        counts = [None] if MODELS[name].closed_form else wanted
        candidates += [_candidate(request, name, each, system) for each in counts]
    grid = default_grid(request, system) if comparison.grid is None else list(comparison.grid)
    plan = ComparisonPlan(candidates, comparison.seeds, [] if grid == [NO_GRID] else grid, first)
    _check_points(plan, system)
    return plan


def _check_points(plan: ComparisonPlan, system: System) -> None:
    """Raise `ConfigError` for a point that a network does not take, or that changes its number of parameters."""
    for candidate, cell in zip(plan.candidates, plan.cells, strict=True):
        for choice in cell.choices if candidate.trained else ():
            found = _count(_config(cell.asked(choice, 0), system), system)
            if found != candidate.parameters:
                raise ConfigError(
                    f"--grid: {' '.join(choice)} gives {candidate.model} {found} parameters instead of "
                    f"{candidate.parameters}",
                    "choose only among settings that leave the number of parameters equal",
                )


def _candidate(request: Request, name: str, wanted: int | None, system: System) -> Candidate:
    """Return the network `name` with the width that gives about `wanted` parameters."""
    shared = _shared(request, name)
    config = _config(shared, system)
    if wanted is None:
        return Candidate(name, None, None, _count(config, system), shared, config)
    own = dataclasses.replace(shared, overrides=(*shared.overrides, *_own_settings(shared, name, system)))
    width = matched_width(_config(own, system), system, wanted)
    kept = [text for text in own.overrides if key_of(text) != "width"]
    matched = dataclasses.replace(own, overrides=(*kept, f"width={width}"))
    config = _config(matched, system)
    found = _count(config, system)
    if abs(found / wanted - 1) > NEAR:
        LOGGER.warning("%s: wanted %d parameters, width %d has %d, which is nearest", name, wanted, width, found)
    return Candidate(name, width, wanted, found, matched, config)


def _own_settings(request: Request, name: str, system: System) -> list[str]:
    """Return the options that only this network has, from its own recipe: they are part of the network."""
    given = {key_of(text) for text in request.overrides}
    own = _config(dataclasses.replace(request, common_recipe=False), system).model
    common = _config(request, system).model
    changed = [each for each in _own_fields(type(own)) if getattr(own, each) != getattr(common, each)]
    return [f"model.{each}={getattr(own, each)}" for each in changed if f"model.{each}" not in given]


def _own_fields(options: type) -> list[str]:
    shared = {each.name for each in dataclasses.fields(NetworkOptions)}
    return [each.name for each in dataclasses.fields(options) if each.name not in shared]


def _config(request: Request, system: System) -> TrainConfig:
    return train_config(compose("train", request, system.kind), system)


def _shared(request: Request, model: str) -> Request:
    """Return the settings for one network, with the recipe that all networks of the system share."""
    kept = request.overrides
    if MODELS[model].closed_form:
        kept = tuple(text for text in kept if not _of_training(key_of(text)))
    return dataclasses.replace(request, overrides=(*kept, f"model={model}"), common_recipe=True)


def _of_training(key: str) -> bool:
    return key in NETWORK_KEYS or key.startswith(("training.", "model."))


def matched_width(config: TrainConfig, system: System, wanted: int) -> int:
    """Return the width whose number of parameters is nearest to `wanted`, by bisection."""

    def count(width: int) -> int:
        assert isinstance(config.model, NetworkOptions)
        model = dataclasses.replace(config.model, width=width)
        return _count(dataclasses.replace(config, model=model), system)

    high = 1
    while high < MAX_WIDTH and count(high) < wanted:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < wanted else (low, middle)
    return min((width for width in (low, high) if width >= 1), key=lambda width: abs(count(width) - wanted))


def _count(config: TrainConfig, system: System) -> int:
    return parameter_count(initial_model(config, system))
