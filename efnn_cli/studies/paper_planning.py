"""What a reproduction will do and how long it may take, before anything is done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from efnn_cli.config.compose import Request, compose
from efnn_cli.core.errors import ConfigError
from efnn_cli.datasets.planning import plan_dataset
from efnn_cli.evaluation.references import default_samples
from efnn_cli.physics import System
from efnn_cli.runs.fitting import initial_model
from efnn_cli.runs.settings import TrainConfig, train_config
from efnn_cli.studies.paper_estimates import label_seconds, training_seconds
from efnn_cli.studies.paper_experiments import Chosen, Point
from efnn_cli.studies.paper_findings import network_key
from efnn_cli.studies.paper_timing import DENSE_UP_TO


@dataclass(frozen=True)
class Step:
    """One line of the plan; `seconds` on one core."""

    experiment: str
    what: str
    count: int
    seconds: float
    trains: bool = False

    def as_json(self, workers: int) -> dict[str, Any]:
        """With the estimated time on the workers."""
        return {
            "experiment": self.experiment,
            "step": self.what,
            "count": self.count,
            "estimated_seconds": self.seconds / workers,
        }


def plan(every: Sequence[Chosen]) -> list[Step]:
    """All steps of all experiments; composes every network and choice, and so refuses what could not be trained."""
    return [step for chosen in every for step in _steps(chosen)]


def _config(point: Point, choice: Point, system: System, chosen: Chosen) -> TrainConfig:
    """What one run of a sweep is; raises `ConfigError` where it could not be trained."""
    request = Request((*point, *choice), {"device": chosen.device}, chosen.config_dir)
    return train_config(compose("train", request, system.kind), system)


def _steps(chosen: Chosen) -> list[Step]:
    name = chosen.experiment.name
    label = plan_dataset(chosen.generate)
    system, samples = label.config.system, label.config.samples
    there = os.path.exists(label.path)
    steps = [
        Step(
            name,
            f"{'read' if there else 'label'} {label.path}",
            samples,
            0 if there else label_seconds(system, samples),
        )
    ]
    for title, sweep in chosen.scale.train.items():
        seconds, count = 0.0, 0
        choices = sweep.choices()
        seen: set[tuple[str, int, int]] = set()
        for point in sweep.points():
            config, *_ = [_config(point, each, system, chosen) for each in (choices if not seen else choices[:1])]
            key = network_key(config.model)
            if key in seen:
                raise ConfigError(
                    f"experiment {name}: {title} has {' '.join(point)} besides another "
                    f"{key[0]} of depth {key[1]} and width {key[2]}: their runs would pass for seeds of one network",
                    "a sweep varies network, depth and width; make another sweep, or let choose decide",
                )
            seen.add(key)
            runs = len(choices) + sweep.seeds - 1
            count += runs
            seconds += runs * training_seconds(config, system, initial_model(config, system), samples)
        steps.append(Step(name, f"train {title}", count, seconds, trains=True))
    for size in chosen.sizes:
        few = size in chosen.scale.beyond or chosen.scale.samples is None
        count = default_samples(size) if few else int(chosen.scale.samples or 0)
        steps.append(Step(name, f"references at L = {size}", count, label_seconds(system.at_size(size), count)))
    if chosen.scale.times:
        seconds = sum(label_seconds(system.at_size(size), 3) for size in chosen.scale.times if size <= DENSE_UP_TO)
        steps.append(Step(name, "times", len(chosen.scale.times), 10 * seconds))
    return steps
