"""How far a reproduction is, and how long it may still take."""

from __future__ import annotations

import logging
import time

from efnn_cli.core.console import duration
from efnn_cli.core.results import number
from efnn_cli.runs.fitting import initial_model
from efnn_cli.runs.planning import Plan
from efnn_cli.studies.paper_estimates import correction, training_seconds
from efnn_cli.studies.sweep_jobs import ELSEWHERE, Outcome

LOGGER = logging.getLogger("efnn")


class Progress:
    """Counts runs, and tells of each; the time left is estimated from what those before took."""

    def __init__(self, runs: int, seconds: float, workers: int) -> None:
        self.runs = runs
        self.left = seconds
        """Estimated seconds on one core of all runs that are left."""
        self.workers = workers
        self.done = 0
        self.pairs: list[tuple[float, float]] = []
        self.start = time.monotonic()

    def found(self, plan: Plan, outcome: Outcome) -> None:
        """A run that was there."""
        self._count(plan, outcome)

    def ended(self, plan: Plan, outcome: Outcome) -> None:
        """A run that was trained now, or has failed."""
        if outcome.status == ELSEWHERE:
            return
        self._count(plan, outcome)
        left = self.left * correction(self.pairs) / self.workers
        model = plan.config.model
        what = f"{model.name} depth {getattr(model, 'depth', '-')} width {getattr(model, 'width', '-')}"
        if outcome.metrics is None:
            LOGGER.warning("%s seed %d: %s", what, plan.config.seed, outcome.message or outcome.status)
            return
        error = number(outcome.metrics["test"]["rmse_over_std"])
        took = duration(outcome.metrics["seconds"])
        LOGGER.info(
            "run %d of %d: %s seed %d, RMSE/std %s, %s; about %s of training left",
            self.done, self.runs, what, plan.config.seed, error, took, duration(left),
        )  # fmt: skip

    def _count(self, plan: Plan, outcome: Outcome) -> None:
        estimate = training_seconds(plan.config, plan.system, initial_model(plan.config, plan.system), len(plan.data))
        self.done += 1
        self.left = max(self.left - estimate, 0.0)
        if outcome.metrics is not None and plan.config.training is not None:
            self.pairs.append((float(outcome.metrics["seconds"]), estimate))
