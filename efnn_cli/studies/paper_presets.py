"""Presets of `efnn reproduce`: `conf/experiment/NAME.yaml`, typed and checked, and an experiment at one scale."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from efnn_cli.config.compose import compose
from efnn_cli.config.options import ReproduceKeys
from efnn_cli.config.schema import typed
from efnn_cli.config.words import Request
from efnn_cli.core import checks, device, resources
from efnn_cli.core.errors import ConfigError
from efnn_cli.studies.engine import Cell
from efnn_cli.studies.grid import Point, expand
from efnn_cli.studies.summary import LABELS

ORDER = ("three_spin", "infinite_range", "double_exchange")
MEASURES = {"error": 0, "others": 0, "over_effective": 0, "falls": 2, "speedup": 1, "dense_seconds": 1}
"""Number of `sizes` by measure of a published figure."""


@dataclass
class Claim:
    """One published figure, and the measure of ours that is set beside it."""

    what: str
    measure: str
    """A key of `paper_published.COMPARED`."""
    value: float = 0.0
    """The bound that ours has to meet: an upper one for errors and seconds, a lower one for factors."""
    published: str = ""
    """The published figure in words, where it is more than the `value`."""
    quantity: str = "relative_error"
    """The error that is compared."""
    depth: int | None = None
    sizes: list[int] = field(default_factory=list)
    """The size of the comparison, or the first and the last one."""

    def __post_init__(self) -> None:
        checks.one_of("experiment.published.measure", self.measure, MEASURES)
        checks.one_of("experiment.published.quantity", self.quantity, LABELS)
        if len(self.sizes) != MEASURES[self.measure]:
            raise ConfigError(
                f"experiment.published: {self.measure} wants {MEASURES[self.measure]} sizes, found {self.sizes}"
            )


@dataclass
class SweepText:
    """The words of the report about a sweep."""

    title: str
    text: str = ""
    axis: str = ""
    """The axis of its figure: "width", or nothing for no figure."""
    extrapolate: bool = False
    """Evaluate its networks at the other sizes."""


@dataclass
class SweepOptions:
    """Runs of `efnn train`: all combinations of `settings`, for each of `networks` if there are any."""

    settings: list[str]
    networks: list[str] = field(default_factory=list)
    """Settings that belong together, such as "model=dnn width=32"."""
    choose: list[str] = field(default_factory=list)
    """Settings whose value the validation error of seed 0 chooses, for every combination of the others."""
    seeds: int = 1
    text: str = ""
    """Words of the report at this scale, instead of the text of the sweep."""

    def __post_init__(self) -> None:
        checks.within("seeds", self.seeds, 1, 1000)

    def points(self) -> list[Point]:
        """Return every combination of settings, without seeds and choices."""
        groups = [text.split() for text in self.networks] or [[]]
        return [(*group, *point) for group, point in itertools.product(groups, expand(self.settings))]

    def choices(self) -> list[Point]:
        """Return the points to choose from; one empty point without any."""
        return expand(self.choose)


@dataclass
class ScaleOptions:
    """The size of an experiment at one scale."""

    generate: list[str]
    train: dict[str, SweepOptions]
    sizes: list[int] = field(default_factory=list)
    """Lattices of the extrapolation."""
    samples: int | None = None
    """Number of references at each of these sizes; None: as `efnn extrapolate` takes them."""
    beyond: list[int] = field(default_factory=list)
    """More lattices, with as many references as `efnn extrapolate` takes."""
    times: list[int] = field(default_factory=list)
    """Lattices at which seconds per configuration are measured."""
    note: str = ""
    """A caution about results at this scale."""
    comparable: bool = True
    """False for a scale too small for the published errors."""


@dataclass
class Preset:
    """One experiment of the paper, at all scales."""

    name: str
    title: str
    lead: str
    system: list[str]
    """As typed after `efnn generate`: the system, and its settings."""
    sweeps: dict[str, SweepText]
    scales: dict[str, ScaleOptions]
    quantity: str = "relative_error"
    """The error of tables and figures, as in the paper."""
    published: list[Claim] = field(default_factory=list)
    deviations: list[str] = field(default_factory=list)
    """Differences from the published experiment, with reasons."""

    def __post_init__(self) -> None:
        checks.plain_name("experiment.name", self.name)
        for name in self.sweeps:
            checks.plain_name("experiment.sweeps", name)
        for name in self.scales:
            checks.plain_name("experiment.scales", name)
        checks.one_of("experiment.quantity", self.quantity, LABELS)

    @property
    def dense_seconds(self) -> dict[int, float]:
        """Published seconds of exact diagonalisation by L."""
        return {each.sizes[0]: each.value for each in self.published if each.measure == "dense_seconds"}


@dataclass(frozen=True)
class Experiment:
    """An experiment at one scale."""

    preset: Preset
    scale: ScaleOptions
    device: str
    workers: int
    config_dir: Path | None = None

    @property
    def name(self) -> str:
        """The name of the preset."""
        return self.preset.name

    @property
    def sizes(self) -> list[int]:
        """All lattices of the extrapolation."""
        return sorted({*self.scale.sizes, *self.scale.beyond})

    @property
    def generate(self) -> Request:
        """The settings of `efnn generate`."""
        system, *settings = self.preset.system
        return Request((f"system={system}", *settings, *self.scale.generate), {"device": self.device}, self.config_dir)

    def cells(self, sweep: str) -> list[Cell]:
        """Return the networks of one sweep."""
        options = self.scale.train[sweep]
        choices = options.choices()
        return [
            Cell(Request(point, {"device": self.device}, self.config_dir), choices, options.seeds)
            for point in options.points()
        ]


def names() -> list[str]:
    """Return the experiments of the package, in the order of the paper."""
    found = files("efnn_cli.conf").joinpath("experiment").iterdir()
    every = sorted(path.name.removesuffix(".yaml") for path in found if path.name.endswith(".yaml"))
    return sorted(every, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def choose(wanted: Sequence[str], request: Request) -> tuple[str, list[Experiment]]:
    """Return the scale, and every experiment at that scale; raises `ConfigError`."""
    every = []
    scale = ""
    for name in dict.fromkeys(wanted) or names():
        asked = Request((*request.overrides, f"experiment={name}"), request.options, request.config_dir)
        values = dict(compose("reproduce", asked).values)
        preset = typed(Preset, values.pop("experiment"), "experiment.")
        keys = typed(ReproduceKeys, values)
        scale = keys.scale
        checks.one_of("scale", scale, preset.scales)
        _check_sweeps(preset, scale)
        every.append(Experiment(preset, preset.scales[scale], keys.device, _workers(keys), request.config_dir))
    return scale, every


def _check_sweeps(preset: Preset, scale: str) -> None:
    for name in preset.scales[scale].train:
        if name not in preset.sweeps:
            raise ConfigError(
                f"experiment {preset.name}: scale {scale} trains {name!r}, which has no title in sweeps",
                f"the sweeps are {', '.join(preset.sweeps)}",
            )


def _workers(keys: ReproduceKeys) -> int:
    if keys.workers is not None:
        return keys.workers
    return resources.cores() if device.resolve(keys.device).type == "cpu" else 1
