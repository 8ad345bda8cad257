"""Rough estimates of time, for plans and progress bars: seconds on one core of a Xeon at 2.x GHz."""

from __future__ import annotations

import math

from efnn_cli.models.build import parameter_count
from efnn_cli.physics.system import System
from efnn_cli.runs.fitting import initial_model
from efnn_cli.runs.settings import TrainConfig

TRAINED_SHARE = 0.72
STEP_SECONDS = {"adam": 4e-4, "soap": 7e-4}  # of a step for every layer, whatever its size
LATTICE_STEP_SECONDS = 5e-3
RUN_SECONDS = 0.5  # of a run, for its files and its evaluation
FLOP_SECONDS = 2.5e-11  # arithmetic of a step: six operations for every parameter, site and sample
LABEL_SECONDS = {"dense": (2.5e-3, 10, 4.8), "determinant": (1.9, 40, 2.9)}  # at a size, and the power of its growth


def training_seconds(config: TrainConfig, system: System, samples: int) -> float:
    """Return the seconds of one run on one core."""
    recipe = config.training
    if recipe is None:
        return RUN_SECONDS
    if recipe.budget_seconds is not None:
        return RUN_SECONDS + recipe.budget_seconds
    per_epoch = max(TRAINED_SHARE * samples / recipe.batch_size, 1.0)
    lattice = system.geometry == "lattice"
    sites = system.sites if lattice else 1
    layers = int(getattr(config.model, "depth", 1))
    fixed = (STEP_SECONDS.get(recipe.optimizer, 4e-4) + (LATTICE_STEP_SECONDS if lattice else 0.0)) * layers
    parameters = parameter_count(initial_model(config, system))
    work: float = FLOP_SECONDS * 6 * parameters * sites * min(recipe.batch_size, samples)
    return RUN_SECONDS + recipe.epochs * per_epoch * (fixed + work / (10 if lattice else 1))


def label_seconds(system: System, samples: int) -> float:
    """Return the seconds of labels on one core, by the faster reference."""
    if "dense" not in system.references:
        return 1e-5 * samples
    return samples * min(start * math.pow(system.sides[0] / at, power) for start, at, power in LABEL_SECONDS.values())
