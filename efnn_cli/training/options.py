"""Options of training: configuration keys `training.*` and parameter object at once.

The default of every field is the neutral value of the published protocol, as far as it has one.
"""

from __future__ import annotations

from dataclasses import dataclass

from efnn_cli import checks

OPTIMIZERS = ("adam", "adamw", "soap")
SCHEDULES = ("cosine", "step", "constant")
DTYPES = ("float32", "float64")


@dataclass
class TrainingOptions:
    """How a network is trained."""

    name: str = "custom"
    """Name of the recipe, for the record."""
    lr: float = 1e-3
    """Peak learning rate."""
    epochs: int = 100
    """Passes over the training configurations."""
    batch_size: int = 1000
    optimizer: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "constant"
    """cosine: to zero at the end, after a linear warm-up; step: times step_factor every step_epochs."""
    warmup: float = 0.0
    """Fraction of all steps in which the learning rate rises linearly (any schedule)."""
    step_epochs: int = 100
    step_factor: float = 1.0
    dtype: str = "float32"
    """Type of weights and activations; energies and sums over sites are float64 always."""
    initial_spread: float | None = None
    """Standardise the target, and start the prediction with this fraction of its standard deviation; None: the
    bare energies, as published."""
    augment: bool = False
    """Lattice: a random operation of the point group of the square for every batch."""
    patience: int | None = None
    """Stop early after this many epochs without a better validation error."""

    def __post_init__(self) -> None:
        checks.positive("lr", self.lr)
        checks.within("epochs", self.epochs, 1, 10_000_000)
        checks.within("training.batch_size", self.batch_size, 1, 10_000_000)
        checks.one_of("training.optimizer", self.optimizer, OPTIMIZERS)
        checks.within("training.weight_decay", self.weight_decay, 0.0, 1e3)
        checks.one_of("training.schedule", self.schedule, SCHEDULES)
        checks.within("training.warmup", self.warmup, 0.0, 0.99)
        checks.within("training.step_epochs", self.step_epochs, 1, 10_000_000)
        checks.within("training.step_factor", self.step_factor, 1e-6, 1.0)
        checks.one_of("training.dtype", self.dtype, DTYPES)
        if self.initial_spread is not None:
            checks.positive("training.initial_spread", self.initial_spread)
        if self.patience is not None:
            checks.within("training.patience", self.patience, 1, 10_000_000)
