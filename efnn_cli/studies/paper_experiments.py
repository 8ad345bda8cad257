"""What an experiment consists of: `conf/experiment/NAME.yaml`, typed and checked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from efnn_cli.config.compose import Request, compose
from efnn_cli.config.schema import typed
from efnn_cli.core import checks, device, limits
from efnn_cli.core.errors import ConfigError
from efnn_cli.datasets.settings import MAX_WORKERS
from efnn_cli.studies.sweep_multirun import expand

Point = tuple[str, ...]

LABELS = {"relative_error": "relative error", "rmse": "RMSE", "rmse_over_std": "RMSE / std(E)"}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def _is_by_number(value: object) -> bool:
    """`{"2": 5.0e-3}`: figures by depth or size."""
    return isinstance(value, dict) and all(str(key).isdigit() and _is_number(figure) for key, figure in value.items())


def _is_speed(value: object) -> bool:
    return isinstance(value, dict) and set(value) == {"L", "network", "dense"} and all(map(_is_number, value.values()))


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(size, int) for size in value)


PUBLISHED: dict[str, tuple[str, Callable[[object], bool]]] = {
    "relative_error": ("{DEPTH: ERROR}", _is_by_number),
    "rmse": ("{DEPTH: ERROR}", _is_by_number),
    "rivals": ("a text", lambda value: isinstance(value, str)),
    "order": ("a number", _is_number),
    "over_effective": ("a number", _is_number),
    "decreases": ("[L, L]", _is_range),
    "network_seconds": ("{L: SIZE, network: SECONDS, dense: SECONDS}", _is_speed),
    "dense_seconds": ("{L: SECONDS}", _is_by_number),
}
"""The published figures that the report knows, each with what is written there."""


@dataclass
class SweepText:
    """What a sweep is about, for the report."""

    title: str
    text: str = ""
    axis: str = ""
    """What errors are drawn against: "width", or nothing."""
    carry: bool = False
    """Whether its networks are carried to other sizes."""


@dataclass
class SweepOptions:
    """Runs of `efnn train`: all combinations of `settings`, for each of `networks` where there are any."""

    settings: list[str]
    networks: list[str] = field(default_factory=list)
    """Settings that belong together, such as "model=dnn width=32"."""
    choose: list[str] = field(default_factory=list)
    """Settings whose value the validation error of seed 0 chooses, for every combination of the others."""
    seeds: int = 1
    text: str = ""
    """What the report says of it at this scale, instead of the text of the sweep."""

    def __post_init__(self) -> None:
        checks.within("seeds", self.seeds, 1, 1000)

    def points(self) -> list[Point]:
        """Every combination of settings, without seeds and choices."""
        groups = [text.split() for text in self.networks] or [[]]
        return [(*group, *point) for group, point in itertools.product(groups, expand(self.settings))]

    def choices(self) -> list[Point]:
        """What there is to choose from; one empty choice without any."""
        return expand(self.choose)


@dataclass
class ScaleOptions:
    """How large an experiment is at one scale."""

    generate: list[str]
    train: dict[str, SweepOptions]
    sizes: list[int] = field(default_factory=list)
    """Lattices that networks are carried to."""
    samples: int | None = None
    """References of each of these sizes; None: as `efnn extrapolate` takes them."""
    beyond: list[int] = field(default_factory=list)
    """More lattices, with as many references as `efnn extrapolate` takes."""
    times: list[int] = field(default_factory=list)
    """Lattices at which seconds per configuration are measured."""
    note: str = ""
    """What a reader must know of results at this scale."""


@dataclass
class Experiment:
    """One experiment of the paper."""

    name: str
    title: str
    lead: str
    system: list[str]
    """As typed after `efnn generate`: the system, and its settings."""
    sweeps: dict[str, SweepText]
    scales: dict[str, ScaleOptions]
    quantity: str = "relative_error"
    """The error that tables and figures show, as the paper does."""
    published: dict[str, Any] = field(default_factory=dict)
    deviations: list[str] = field(default_factory=list)
    """Where and why it is not what was published."""

    def __post_init__(self) -> None:
        checks.plain_name("experiment.name", self.name)
        for name in self.sweeps:
            checks.plain_name("experiment.sweeps", name)
        for name in self.scales:
            checks.plain_name("experiment.scales", name)
        checks.one_of("experiment.quantity", self.quantity, LABELS)
        for key, value in self.published.items():
            checks.one_of("experiment.published", key, PUBLISHED)
            wanted, fits = PUBLISHED[key]
            if not fits(value):
                raise ConfigError(f"experiment.published.{key}: wanted {wanted}, found {value!r}")


@dataclass(frozen=True)
class Chosen:
    """An experiment at one scale."""

    experiment: Experiment
    scale: ScaleOptions
    device: str
    workers: int
    config_dir: Path | None = None

    @property
    def sizes(self) -> list[int]:
        """All lattices that networks are carried to."""
        return sorted({*self.scale.sizes, *self.scale.beyond})

    @property
    def generate(self) -> Request:
        """What `efnn generate` is asked for."""
        system, *settings = self.experiment.system
        return Request((f"system={system}", *settings, *self.scale.generate), {"device": self.device}, self.config_dir)


@dataclass
class ReproduceKeys:
    """Configuration keys of `efnn reproduce` besides the experiment."""

    scale: str
    device: str
    workers: int | None

    def __post_init__(self) -> None:
        device.check_name(self.device)
        if self.workers is not None:
            checks.within("workers", self.workers, 1, MAX_WORKERS)


def names() -> list[str]:
    """The experiments that come with the package."""
    found = files("efnn_cli.conf").joinpath("experiment").iterdir()
    order = ["three_spin", "infinite_range", "double_exchange"]
    every = sorted(path.name.removesuffix(".yaml") for path in found if path.name.endswith(".yaml"))
    return sorted(every, key=lambda name: order.index(name) if name in order else len(order))


def choose(wanted: Sequence[str], request: Request) -> tuple[str, list[Chosen]]:
    """The scale, and every experiment at that scale; raises `ConfigError`."""
    chosen = []
    keys = None
    for name in dict.fromkeys(wanted) or names():
        asked = Request((*request.overrides, f"experiment={name}"), request.options, request.config_dir)
        values = dict(compose("reproduce", asked).values)
        experiment = typed(Experiment, values.pop("experiment"), "experiment.")
        keys = typed(ReproduceKeys, values)
        checks.one_of("scale", keys.scale, experiment.scales)
        _check_sweeps(experiment, keys.scale)
        chosen.append(
            Chosen(experiment, experiment.scales[keys.scale], keys.device, _workers(keys), request.config_dir)
        )
    assert keys is not None
    return keys.scale, chosen


def _check_sweeps(experiment: Experiment, scale: str) -> None:
    for name in experiment.scales[scale].train:
        if name not in experiment.sweeps:
            raise ConfigError(
                f"experiment {experiment.name}: scale {scale} trains {name!r}, which has no title in sweeps",
                f"the sweeps are {', '.join(experiment.sweeps)}",
            )


def _workers(keys: ReproduceKeys) -> int:
    if keys.workers is not None:
        return keys.workers
    return limits.cores() if device.resolve(keys.device).type == "cpu" else 1
