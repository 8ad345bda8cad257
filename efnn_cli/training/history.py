"""One row of the table of epochs; light, since lists of runs read it and nothing else of training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRow:
    """One row of `metrics.csv`."""

    epoch: int
    """From 1."""
    step: int
    lr: float
    loss: float
    """Mean training loss over the epoch, in units of var(E) where the target is standardised."""
    train_rmse: float
    """Of the energies, from the same losses, so of weights that change during the epoch."""
    val_rmse: float
    """Of the energies; like train_rmse, that of the fields where a dataset has no energies."""
    val_relative_error: float | None
    val_rmse_over_std: float | None
    seconds: float
    """Training time since the start, over all resumptions."""
    train_field_rmse: float | None = None
    """Of the fields, where training is on fields."""
    val_field_rmse: float | None = None
