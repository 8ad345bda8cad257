"""Results of a study: the choice by validation, and means and spreads over the seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.core.size import Size, length
from efnn_cli.evaluation.size_table import Rows
from efnn_cli.models import MODELS
from efnn_cli.models.options import Options
from efnn_cli.runs.planning import Plan
from efnn_cli.runs.stored import validation_error
from efnn_cli.studies.grid import Point
from efnn_cli.studies.trials import Outcome, Trial
from efnn_cli.training.metrics import mean_and_spread

LABELS = {"relative_error": "relative error", "rmse": "RMSE", "rmse_over_std": "RMSE / std(E)"}


@dataclass(frozen=True)
class Member:
    """One trial with its outcome."""

    trial: Trial
    choice: Point
    """The point of the grid that it was trained with."""
    outcome: Outcome
    sizes: Rows = field(default_factory=list)
    """Its rows of the extrapolation, one a size."""

    @property
    def plan(self) -> Plan:
        """The plan of the run."""
        return self.trial.plan

    @property
    def seed(self) -> int:
        """The training seed."""
        return self.plan.config.seed

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The metrics of `efnn train`; only for a trial with a result."""
        assert self.outcome.metrics is not None
        return self.outcome.metrics

    @property
    def run(self) -> Path:
        """The run folder."""
        return Path(self.outcome.run)


def best_choice(tried: Sequence[Member]) -> Point | None:
    """Return the choice with the least validation error, without a look at test errors; None if all trials failed."""
    alive = [each for each in tried if each.outcome.metrics is not None]
    best = min(alive, key=lambda each: validation_error(each.metrics), default=None)
    return None if best is None else best.choice


@dataclass(frozen=True)
class Group:
    """One network with its chosen settings, over all seeds."""

    model: str
    """The name of the network on the command line."""
    depth: int
    """Number of layers; 0 for a closed form."""
    width: int
    """Neurons or channels of a layer; 0 for a closed form."""
    choice: Point | None
    """None if no trial has a result."""
    chosen: list[Member]
    """One member a seed, with or without a result."""
    tried: list[Member]
    """All trials, those that were not chosen included."""

    @property
    def members(self) -> list[Member]:
        """The chosen trials with a result."""
        return [each for each in self.chosen if each.outcome.metrics is not None]

    @property
    def settings(self) -> str:
        """The chosen settings."""
        return " ".join(self.choice or ())

    @property
    def lost(self) -> int:
        """Number of chosen trials without a result."""
        return len(self.chosen) - len(self.members)

    @property
    def title(self) -> str:
        """The name of the network in a text."""
        return MODELS[self.model].title

    @property
    def name(self) -> str:
        """The name of the network with its depth and width."""
        return f"{self.title}, D = {self.depth}, width {self.width}" if self.width else self.title

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return int(self.members[0].metrics["parameters"])

    def defines(self, quantity: str) -> bool:
        """True if the test error is defined for every seed."""
        return all(each.metrics["test"].get(quantity) is not None for each in self.members)

    def compared(self, quantity: str) -> tuple[float, float | None]:
        """Return mean and spread of a test error, to be compared with others; a closed form has no spread."""
        mean, spread = self.test(quantity)
        return mean, spread if self.width else 0.0

    def test(self, quantity: str) -> tuple[float, float | None]:
        """Mean and spread (sample standard deviation) of a test error over the seeds."""
        return mean_and_spread([float(each.metrics["test"][quantity]) for each in self.members])

    def mean(self, key: str) -> float:
        """Mean over the seeds of `epochs` or `seconds`."""
        return float(np.mean([each.metrics[key] for each in self.members]))

    def at_size(self, size: Size, column: str) -> tuple[float, float | None] | None:
        """Mean and spread of a column of the extrapolation at L = `size`; None without a value."""
        values = [
            float(row[column]) for each in self.members for row in each.sizes if row["L"] == str(size) and row[column]
        ]
        return mean_and_spread(values) if values else None

    def against_size(self, sizes: Sequence[Size], column: str) -> list[tuple[float, float, float | None]]:
        """Return (L, mean, spread) of a column of the extrapolation, for the `sizes` that have a value."""
        found = [(size, self.at_size(size, column)) for size in sizes]
        return [(length(size), *value) for size, value in found if value is not None]


def network_key(model: Options) -> tuple[str, int, int]:
    """Return network, depth and width; zeros for a closed form."""
    return model.name, int(getattr(model, "depth", 0)), int(getattr(model, "width", 0))


def clearly_least(errors: Sequence[tuple[float, float | None]]) -> int | None:
    """Return the index of the least mean; None if the next one is not further away than both spreads allow."""
    order = sorted(range(len(errors)), key=lambda index: errors[index][0])
    if len(order) < 2:
        return None
    (least, one), (following, other) = (errors[index] for index in order[:2])
    if one is None or other is None:
        return None
    return order[0] if following - least > math.hypot(one, other) else None


def thousands(count: int) -> str:
    """Format a number in groups of three digits."""
    return f"{count:_}".replace("_", " ")
