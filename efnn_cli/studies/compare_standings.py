"""What the networks of a comparison reached: choices by validation alone, means and spreads over the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from efnn_cli.core.errors import NumericalError
from efnn_cli.evaluation.extrapolation import SizeRow
from efnn_cli.models import MODELS
from efnn_cli.studies.compare_contest import Entry
from efnn_cli.studies.compare_grid import Point
from efnn_cli.training.metrics import mean_and_spread

LABELS = {"relative_error": "relative error", "rmse_over_std": "RMSE / std(E)"}


@dataclass(frozen=True)
class Trial:
    """One run of one network."""

    entry: Entry
    seed: int
    choice: Point
    run: Path
    metrics: Mapping[str, Any] | None
    """As `efnn train` reports them; None where training diverged."""


def best_choice(trials: Sequence[Trial]) -> Trial:
    """The trial with the least validation error; test errors are not looked at.

    Raises `NumericalError` where all of them diverged.
    """
    alive = [trial for trial in trials if trial.metrics is not None]
    if not alive:
        raise NumericalError(f"{trials[0].entry.model} diverged with every setting of the grid", "try a smaller lr")
    return min(alive, key=lambda trial: figure(trial, "val", "rmse"))


def figure(trial: Trial, part: str, quantity: str) -> float:
    """One error of a trial that did not diverge."""
    assert trial.metrics is not None
    return float(trial.metrics[part][quantity])


@dataclass(frozen=True)
class Standing:
    """What one network reached: the trials with the chosen settings, one a seed, and their errors by size."""

    trials: list[Trial]
    sizes: list[list[SizeRow]]
    """For every trial, a row for every size; empty lists for a dense system."""
    diverged: int
    """Seeds without a result, which are not among the trials."""

    @property
    def entry(self) -> Entry:
        """The network."""
        return self.trials[0].entry

    @property
    def title(self) -> str:
        """The name of the network as people write it."""
        return MODELS[self.entry.model].title

    def errors(self, quantity: str) -> dict[str, list[float]]:
        """The error over the seeds: on the test split, and at every size."""
        found = {"test": [figure(trial, "test", quantity) for trial in self.trials]}
        for rows in self.sizes:
            for row in rows:
                found.setdefault(f"L={row.L}", []).append(getattr(row, quantity))
        return found

    def summary(self, quantity: str) -> dict[str, Any]:
        """One row of the table: mean over the seeds, and spread (sample standard deviation) where there are several."""
        over_seeds = {key: mean_and_spread(values) for key, values in self.errors(quantity).items()}
        return {
            "model": self.entry.model,
            "parameters": self.entry.parameters,
            "wanted_parameters": self.entry.wanted,
            "width": self.entry.width,
            "choice": " ".join(self.trials[0].choice),
            "seeds": len(self.trials),
            "diverged": self.diverged,
            "epochs": self._mean("epochs"),
            "seconds": self._mean("seconds"),
            "errors": {key: mean for key, (mean, _) in over_seeds.items()},
            "spread": {key: spread for key, (_, spread) in over_seeds.items()},
        }

    def _mean(self, key: str) -> float:
        """Mean over the seeds; epochs differ between them where a budget of time ends them."""
        return float(np.mean([trial.metrics[key] for trial in self.trials if trial.metrics is not None]))


def quantity_of(standings: Sequence[Standing]) -> str:
    """`relative_error` where it means something for every trial and size, else `rmse_over_std`."""
    values = [
        trial.metrics["test"]["relative_error"]
        for standing in standings
        for trial in standing.trials
        if trial.metrics is not None
    ]
    values += [row.relative_error for standing in standings for rows in standing.sizes for row in rows]
    return "rmse_over_std" if any(value is None for value in values) else "relative_error"


def with_spread(mean: float, spread: float | None, sign: str = "+-") -> str:
    """An error with its spread over the seeds."""
    return f"{mean:.2e}" if spread is None else f"{mean:.2e} {sign} {spread:.0e}"
