"""What came out of an experiment: errors by network, depth and width, over the training seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.evaluation.size_table import Rows
from efnn_cli.models import MODELS, Options
from efnn_cli.physics import System
from efnn_cli.runs.planning import Plan
from efnn_cli.studies.paper_experiments import Chosen, Point
from efnn_cli.studies.sweep_jobs import Job, Outcome
from efnn_cli.training.metrics import mean_and_spread


@dataclass(frozen=True)
class Member:
    """One run that is finished."""

    seed: int
    outcome: Outcome
    plan: Plan
    sizes: Rows = field(default_factory=list)
    """Its rows of the extrapolation, one a size."""

    @property
    def metrics(self) -> Mapping[str, Any]:
        """As `efnn train` reports them."""
        assert self.outcome.metrics is not None
        return self.outcome.metrics

    @property
    def run(self) -> Path:
        """The run folder."""
        return Path(self.outcome.run)


@dataclass(frozen=True)
class Group:
    """One network at one depth and width, with what was chosen for it, over all seeds."""

    model: str
    depth: int
    width: int
    choice: Point
    members: list[Member]
    lost: int = 0
    """Runs without a result."""

    @property
    def title(self) -> str:
        """The name of the network as people write it."""
        return MODELS[self.model].title

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return int(self.members[0].metrics["parameters"])

    def defines(self, quantity: str) -> bool:
        """Whether a test error is defined for every run."""
        return all(each.metrics["test"][quantity] is not None for each in self.members)

    def test(self, quantity: str) -> tuple[float, float | None]:
        """Mean and spread (sample standard deviation) of a test error over the seeds."""
        return mean_and_spread([float(each.metrics["test"][quantity]) for each in self.members])

    def mean(self, key: str) -> float:
        """Mean over the seeds of a figure of training."""
        return float(np.mean([each.metrics[key] for each in self.members]))

    def at_size(self, size: int, column: str) -> tuple[float, float | None] | None:
        """Mean and spread of a column of the extrapolation at L = `size`; None where there is none."""
        values = [
            float(row[column]) for each in self.members for row in each.sizes if int(row["L"]) == size and row[column]
        ]
        return mean_and_spread(values) if values else None


@dataclass(frozen=True)
class Findings:
    """All of one experiment."""

    chosen: Chosen
    data: Path
    system: System
    """Of the training configurations."""
    groups: dict[str, list[Group]]
    """By the name of the sweep."""
    failures: list[tuple[Job, Outcome]]
    seconds: Mapping[str, list[tuple[int, float]]]
    """Seconds per configuration against L, by method."""

    @property
    def quantity(self) -> str:
        """The error to show: the one that the experiment names, where it is defined for every run."""
        wanted = self.chosen.experiment.quantity
        groups = [each for groups in self.groups.values() for each in groups]
        return wanted if all(each.defines(wanted) for each in groups) else "rmse_over_std"

    @property
    def training_seconds(self) -> float:
        """Of all runs that were chosen, each counted once."""
        members = [member for groups in self.groups.values() for group in groups for member in group.members]
        return sum({member.plan.tag: float(member.metrics["seconds"]) for member in members}.values())

    @property
    def size(self) -> int:
        """The size of the training configurations."""
        return self.system.size

    @property
    def plans(self) -> list[Plan]:
        """Of every run that is finished."""
        return [member.plan for groups in self.groups.values() for group in groups for member in group.members]


def best_choices(found: Iterable[tuple[Outcome, Plan, Point]]) -> dict[tuple[str, int, int], Point]:
    """For every network, depth and width the choice with the least validation error; test errors are not looked at."""
    best: dict[tuple[str, int, int], tuple[float, Point]] = {}
    for outcome, plan, choice in found:
        if outcome.metrics is None:
            continue
        key = key_of(plan)
        error = float(outcome.metrics["val"]["rmse"])
        if key not in best or error < best[key][0]:
            best[key] = (error, choice)
    return {key: choice for key, (_, choice) in best.items()}


def key_of(plan: Plan) -> tuple[str, int, int]:
    """Network, depth, width; zeros for a closed form."""
    return network_key(plan.config.model)


def network_key(model: Options) -> tuple[str, int, int]:
    """Network, depth, width; zeros for a closed form."""
    return model.name, int(getattr(model, "depth", 0)), int(getattr(model, "width", 0))
