"""Optimizers by name, and the learning rate as a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from efnn_cli.training.options import TrainingOptions


def build_optimizer(parameters: Iterable[nn.Parameter], options: TrainingOptions) -> torch.optim.Optimizer:
    """Return the optimizer of the recipe; weight decay is L2 for Adam, decoupled for AdamW and SOAP."""
    chosen: dict[str, Any] = {"lr": options.lr, "weight_decay": options.weight_decay}
    if options.optimizer == "adam":
        return torch.optim.Adam(parameters, fused=True, **chosen)
    if options.optimizer == "adamw":
        return torch.optim.AdamW(parameters, fused=True, **chosen)
    from pytorch_optimizer import SOAP  # imported here: it takes a second, and only this recipe needs it

    return SOAP(parameters, **chosen)


def learning_rate(progress: float, epoch: int, options: TrainingOptions) -> float:
    """Learning rate when the fraction `progress` of the training is done, in `epoch` (from 0).

    It has no state, so that a resumed run has the same rates. With a budget of time, `step` divides the time into the
    epochs of the recipe.
    """
    if progress < options.warmup:
        return options.lr * progress / options.warmup
    if options.schedule == "cosine":
        return options.lr * 0.5 * (1 + math.cos(math.pi * (progress - options.warmup) / (1 - options.warmup)))
    if options.schedule == "step":
        if options.budget is not None:
            epoch = min(int(progress * options.epochs), options.epochs - 1)
        return float(options.lr * options.step_factor ** (epoch // options.step_epochs))
    return options.lr
