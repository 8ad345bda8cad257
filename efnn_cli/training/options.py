"""Options of training: the configuration keys `training.*`.

Defaults are neutral values, or those of the published protocol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError

OPTIMIZERS = ("adam", "adamw", "soap")
SCHEDULES = ("cosine", "step", "constant")
DTYPES = ("float32", "float64")
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass
class TrainingOptions:
    """Recipe of a training; the defaults are neutral values."""

    name: str = "custom"
    """Name of the recipe, for the record."""
    lr: float = 1e-3
    """Peak learning rate."""
    epochs: int = 100
    """Passes over the training configurations."""
    budget: str | None = None
    """Time to train instead of epochs, such as 90s, 10min or 2h: the schedule ends with it."""
    batch_size: int = 1000
    """Configurations in a step."""
    batch_doublings: int = 0
    """Number of times that the batch doubles, at equal distances in the training."""
    optimizer: str = "adam"
    """One of adam, adamw, soap."""
    weight_decay: float = 0.0
    """Weight decay of the optimizer."""
    schedule: str = "constant"
    """One of constant, cosine, step; cosine: to zero at the end; step: times step_factor every step_epochs."""
    warmup: float = 0.0
    """Fraction of all steps in which the learning rate rises linearly; any schedule."""
    step_epochs: int = 100
    """Epochs between the steps of schedule=step."""
    step_factor: float = 1.0
    """Factor of the learning rate at every step of schedule=step."""
    dtype: str = "float32"
    """One of float32, float64; of weights and activations, while energies are float64 always."""
    initial_spread: float | None = None
    """Standard deviation of the first prediction over that of the energies; null: bare energies, as published."""
    field_weight: float = 0.0
    """Weight of the fields in the loss, where a dataset has them, beside that of the energies, 1."""
    augment: bool = False
    """Lattice: a random operation of the point group of the square for every batch."""
    ema: float = 0.0
    """Decay of the moving average of the weights that is validated and kept; 0: the weights themselves."""
    freeze: str | None = None
    """Lattice: invariants keeps the invariant layers as they are; null: all layers are trained."""
    patience: int | None = None
    """Stop after this many epochs without a better validation error."""

    def __post_init__(self) -> None:
        checks.positive("lr", self.lr)
        checks.within("epochs", self.epochs, 1, 10_000_000)
        if self.budget is not None:
            checks.within("budget (seconds)", seconds_of(self.budget), 1.0, 1e9)
        checks.within("training.ema", self.ema, 0.0, 0.999999)
        checks.within("training.batch_size", self.batch_size, 1, 10_000_000)
        checks.within("training.batch_doublings", self.batch_doublings, 0, 20)
        checks.one_of("training.optimizer", self.optimizer, OPTIMIZERS)
        checks.within("training.weight_decay", self.weight_decay, 0.0, 1e3)
        checks.one_of("training.schedule", self.schedule, SCHEDULES)
        checks.within("training.warmup", self.warmup, 0.0, 0.99)
        checks.within("training.step_epochs", self.step_epochs, 1, 10_000_000)
        checks.within("training.step_factor", self.step_factor, 1e-6, 1.0)
        checks.one_of("training.dtype", self.dtype, DTYPES)
        checks.within("training.field_weight", self.field_weight, 0.0, 1e6)
        if self.freeze is not None:
            checks.one_of("training.freeze", self.freeze, ("invariants",))
        if self.initial_spread is not None:
            checks.positive("training.initial_spread", self.initial_spread)
        if self.patience is not None:
            checks.within("training.patience", self.patience, 1, 10_000_000)

    def batch_size_at(self, progress: float) -> int:
        """Configurations in a batch when the fraction `progress` of the training is done."""
        return self.batch_size << min(self.batch_doublings, int(progress * (self.batch_doublings + 1)))

    @property
    def budget_seconds(self) -> float | None:
        """The budget in seconds; None where training is counted in epochs."""
        return None if self.budget is None else seconds_of(self.budget)


def seconds_of(text: str) -> float:
    """Return the seconds of a length of time such as 90s, 10min, 1.5h; raise `ConfigError` for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?) ?(s|min|h)", text.strip())
    if not found:
        raise ConfigError(f"budget: wanted a time such as 90s, 10min or 2h, found {text!r}", "budget=10min")
    return float(found.group(1)) * SECONDS[found.group(2)]
