"""The plan of a reproduction: its steps, with rough estimates of time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from efnn_cli.benchmarks.rows import DENSE_UP_TO
from efnn_cli.config.compose import compose
from efnn_cli.core.errors import ConfigError
from efnn_cli.datasets.planning import plan_dataset
from efnn_cli.evaluation.reference_datasets import default_samples
from efnn_cli.physics.system import System
from efnn_cli.runs.settings import train_config
from efnn_cli.studies.cost import label_seconds, training_seconds
from efnn_cli.studies.paper_presets import Experiment
from efnn_cli.studies.summary import network_key


@dataclass(frozen=True)
class Step:
    """One line of the plan; `seconds` on one core."""

    experiment: str
    what: str
    count: int
    seconds: float
    trains: bool = False


def plan_steps(experiment: Experiment) -> list[Step]:
    """Return all steps; composes every network and choice, and raises `ConfigError` for what cannot be trained."""
    label = plan_dataset(experiment.generate)
    system, samples = label.config.system, label.config.samples
    there = os.path.exists(label.path)
    seconds = 0.0 if there else label_seconds(system, samples)
    steps = [Step(experiment.name, f"{'read' if there else 'label'} {label.path}", samples, seconds)]
    steps += [_training(experiment, sweep, system, samples) for sweep in experiment.scale.train]
    return [*steps, *_extrapolation(experiment, system), *_times(experiment, system)]


def _training(experiment: Experiment, sweep: str, system: System, samples: int) -> Step:
    """Return the step of one sweep; every network may occur once, since runs of equal networks count as seeds."""
    seconds, count = 0.0, 0
    seen: set[tuple[str, int, int]] = set()
    for cell in experiment.cells(sweep):
        asked = [cell.asked(choice, 0) for choice in (cell.choices if not seen else cell.choices[:1])]
        config, *_ = [train_config(compose("train", each, system.kind), system) for each in asked]
        key = network_key(config.model)
        if key in seen:
            raise ConfigError(
                f"experiment {experiment.name}: {sweep} has {' '.join(cell.request.overrides)} besides another "
                f"{key[0]} of depth {key[1]} and width {key[2]}: their runs would pass for seeds of one network",
                "a sweep varies network, depth and width; make another sweep, or let choose decide",
            )
        seen.add(key)
        count += cell.runs
        seconds += cell.runs * training_seconds(config, system, samples)
    return Step(experiment.name, f"train {sweep}", count, seconds, trains=True)


def _extrapolation(experiment: Experiment, system: System) -> Iterator[Step]:
    scale = experiment.scale
    for size in experiment.sizes:
        count = (size not in scale.beyond and scale.samples) or default_samples(size)
        yield Step(experiment.name, f"references at L = {size}", count, label_seconds(system.at_size(size), count))


def _times(experiment: Experiment, system: System) -> Iterator[Step]:
    sizes = experiment.scale.times
    if sizes:
        seconds = sum(label_seconds(system.at_size(size), 3) for size in sizes if size <= DENSE_UP_TO)
        yield Step(experiment.name, "times", len(sizes), 10 * seconds)
