"""Who takes part in a comparison: networks of about equal size, with one recipe and one grid of settings for all."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from efnn_cli.config.compose import NETWORK_KEYS, Request, compose, key_of, settle
from efnn_cli.config.schema import fingerprint
from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS, NetworkOptions, parameter_count
from efnn_cli.physics import System
from efnn_cli.runs.fitting import initial_model
from efnn_cli.runs.planning import Plan, plan_new
from efnn_cli.runs.settings import TrainConfig, train_config
from efnn_cli.studies.compare_grid import NO_GRID, Point, check_grid, default_grid, points

LOGGER = logging.getLogger("efnn")

OPTIONS = {"model": "--models efnn,resnet", "seed": "--seeds 3 trains seeds 0, 1 and 2", "device": "--device cuda"}
MAX_WIDTH = 8192
NEAR = 0.1  # from the wanted number of parameters, relative: less is not worth a warning


@dataclass(frozen=True)
class Contest:
    """What is compared: settings of `efnn train` shared by all networks, and how many of what."""

    request: Request
    models: tuple[str, ...] | None
    """None: every network that the system's geometry has a form of."""
    seeds: int
    grid: tuple[str, ...] | None
    """`KEY=V1,V2`: values to choose from by the validation error; None: the default grid of the system."""
    parameters: tuple[int, ...]
    """Wanted numbers of parameters; empty: that of the first trained network with its own width."""

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
class Entry:
    """One network of the comparison, at one number of parameters."""

    model: str
    width: int | None
    """None for a model that is fitted in closed form."""
    wanted: int | None
    """The number of parameters it should have; None where it has nothing to choose it by."""
    parameters: int
    """The number that it has."""
    shared: Request
    config: TrainConfig
    """As the recipe has it, before the grid."""

    @property
    def trained(self) -> bool:
        """Whether there is anything to choose: a closed form has no learning rate and no seed."""
        return self.width is not None

    def request(self, seed: int, choice: Sequence[str]) -> Request:
        """What `efnn train` is asked for."""
        return dataclasses.replace(self.shared, overrides=(*self.shared.overrides, f"seed={seed}", *choice))

    def own_options(self) -> dict[str, object]:
        """Options that only this network has, where they differ from the published network."""
        options = MODELS[self.model].options
        values = {name: getattr(self.config.model, name) for name in _own_fields(options)} if self.trained else {}
        return {name: value for name, value in values.items() if value != getattr(options(), name)}


@dataclass(frozen=True)
class Lineup:
    """All networks, the settings to choose from, and the plan of the first one, whose dataset is that of all."""

    entries: list[Entry]
    seeds: int
    grid: list[str]
    first: Plan

    @property
    def points(self) -> list[Point]:
        """The settings that every trained network is tried with."""
        return points(self.grid)

    @property
    def counts(self) -> list[int]:
        """The wanted numbers of parameters, the least first."""
        return sorted({each.wanted for each in self.entries if each.wanted is not None})

    @property
    def runs(self) -> int:
        """How many runs the comparison takes: every point with the first seed, the chosen one with the others."""
        return sum(len(self.points) + self.seeds - 1 if each.trained else 1 for each in self.entries)

    @property
    def tag(self) -> str:
        """The hash of what is compared; sizes may be added to the same comparison."""
        networks = []
        for each in self.entries:
            training = None if each.config.training is None else dataclasses.asdict(each.config.training)
            networks.append([dataclasses.asdict(each.config.model), training])
        content = self.first.data.content_hash
        return fingerprint({"networks": networks, "seeds": self.seeds, "grid": self.grid, "dataset": content})


def enter(contest: Contest, data: Path | None) -> Lineup:
    """The networks with their widths; refuses now what would fail after hours of training."""
    names = contest.models or ("efnn",)
    leader = next((name for name in names if not MODELS[name].closed_form), names[0])
    first = plan_new(_shared(contest.request, leader), data, None)
    system = first.system
    names = contest.models or tuple(MODELS)
    fitting = [name for name in names if MODELS[name].form(system.geometry) is not None]
    if contest.models is not None:
        for name in set(names) - set(fitting):
            LOGGER.warning("%s is left out: it needs a lattice, and %s has none", name, system.kind)
    wanted = sorted(contest.parameters) or [_count(first.config, system)]
    entries = []
    for name in fitting:
        entries += [_entry(contest, name, each, system) for each in ([None] if MODELS[name].closed_form else wanted)]
    grid = default_grid(contest.request, system) if contest.grid is None else list(contest.grid)
    lineup = Lineup(entries, contest.seeds, [] if grid == [NO_GRID] else grid, first)
    _check_points(lineup, system)
    return lineup


def _check_points(lineup: Lineup, system: System) -> None:
    """Raise `ConfigError` for a point that a network does not take, or that changes its number of parameters."""
    for entry in lineup.entries:
        for choice in lineup.points if entry.trained else ():
            found = _count(_config(entry.request(0, choice), system), system)
            if found != entry.parameters:
                raise ConfigError(
                    f"--grid: {' '.join(choice)} gives {entry.model} {found} parameters instead of {entry.parameters}",
                    "choose only among settings that leave the number of parameters equal",
                )


def _entry(contest: Contest, name: str, wanted: int | None, system: System) -> Entry:
    request = _shared(contest.request, name)
    config = _config(request, system)
    if wanted is None:
        return Entry(name, None, None, _count(config, system), request, config)
    own = dataclasses.replace(request, overrides=(*request.overrides, *_own_settings(request, name, system)))
    width = matched_width(_config(own, system), system, wanted)
    kept = [text for text in own.overrides if key_of(text) != "width"]
    matched = dataclasses.replace(own, overrides=(*kept, f"width={width}"))
    config = _config(matched, system)
    found = _count(config, system)
    if abs(found / wanted - 1) > NEAR:
        LOGGER.warning("%s: wanted %d parameters, width %d has %d, which is nearest", name, wanted, width, found)
    return Entry(name, width, wanted, found, matched, config)


def _own_settings(request: Request, name: str, system: System) -> list[str]:
    """Options that only this network has, as its own recipe sets them: they are part of the network."""
    said = {key_of(text) for text in request.overrides}
    own = _config(dataclasses.replace(request, common_recipe=False), system).model
    common = _config(request, system).model
    names = _own_fields(type(own))
    changed = [each for each in names if getattr(own, each) != getattr(common, each)]
    return [f"model.{each}={getattr(own, each)}" for each in changed if f"model.{each}" not in said]


def _own_fields(options: type) -> list[str]:
    shared = {each.name for each in dataclasses.fields(NetworkOptions)}
    return [each.name for each in dataclasses.fields(options) if each.name not in shared]


def _config(request: Request, system: System) -> TrainConfig:
    return train_config(compose("train", request, system.kind), system)


def _shared(request: Request, model: str) -> Request:
    """The shared settings for one network, with the recipe that all networks of the system share."""
    kept = request.overrides
    if MODELS[model].closed_form:
        kept = tuple(text for text in kept if not _of_training(key_of(text)))
    return dataclasses.replace(request, overrides=(*kept, f"model={model}"), common_recipe=True)


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
