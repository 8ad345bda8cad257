"""The training loop. Takes any `nn.Module` that maps spins to energies; knows no system and no file.

Everything random in epoch e comes from the stream (seed, "epoch", e), learning rate and size of the batch are functions
of the progress: a run resumed after epoch k is the uninterrupted run, bit for bit on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from efnn_cli.core import rng
from efnn_cli.core.errors import NumericalError
from efnn_cli.training.augment import OPERATIONS, point_group
from efnn_cli.training.gradients import gradients_on
from efnn_cli.training.metrics import Metrics, measure
from efnn_cli.training.optimizers import build_optimizer, learning_rate
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.predict import predict_tensor
from efnn_cli.training.rows import EpochRow
from efnn_cli.training.team import SOLO, Team

PLANNED = 0.99  # of a budget: what is left is for the last look at the result


@dataclass(frozen=True)
class Labelled:
    """Configurations with their energies, resident on one device."""

    spins: Tensor
    """(B, ...), in the type of the network."""
    energies: Tensor
    """(B,), float64."""

    def __len__(self) -> int:
        return len(self.energies)


@dataclass
class Best:
    """The best epoch so far, judged by the validation RMSE."""

    epoch: int = 0
    val_rmse: float = math.inf
    weights: dict[str, Tensor] = field(default_factory=dict)


class Trainer:
    """Trains `model` in place, epoch by epoch; in a team every process on its share, all with the same result."""

    def __init__(
        self,
        model: nn.Module,
        options: TrainingOptions,
        train: Labelled,
        val: Labelled,
        seed: int,
        team: Team = SOLO,
    ) -> None:
        self.model = model
        self.team = team
        self.options = options
        self.train = train
        self.val = val
        self.seed = seed
        self.epoch = 0
        self.steps = 0
        self.samples = 0
        self.seconds = 0.0
        self.validation_seconds = 0.0
        self.best = Best()
        self.optimizer = build_optimizer(model.parameters(), options)
        self.average = (
            AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(options.ema)) if options.ema else None  # type: ignore[no-untyped-call]
        )
        self.gradients = gradients_on(train.energies.device, team, team.parallel(model))
        std = float(train.energies.std(unbiased=False))
        self.unit = std if options.initial_spread is not None and std > 0 else 1.0

    @property
    def finished(self) -> bool:
        """Whether epochs or time are used up, or validation has not improved for `patience` epochs."""
        patience = self.options.patience
        if patience is not None and self.epoch - self.best.epoch >= patience:
            return True
        return self.epoch >= self.options.epochs if self.options.budget is None else self.progress() >= 1.0

    @property
    def judged(self) -> nn.Module:
        """The network whose weights are validated and kept: the average, where there is one."""
        return self.model if self.average is None else self.average.module

    def progress(self, elapsed: float = 0.0, ahead: float = 0.0) -> float:
        """Fraction of the training that is done: `elapsed` seconds into the epoch, `ahead` configurations from now."""
        budget = self.options.budget_seconds
        if budget is None:
            return (self.samples + ahead) / (len(self.train) * self.options.epochs)
        # The schedule must reach its very end: with a hundredth of it left, errors are still those of its noise.
        return min(1.0, (self.seconds + elapsed) / max(PLANNED * budget - self.validation_seconds, 1e-9))

    def run_epoch(self, pause: Callable[[], None] = lambda: None) -> EpochRow:
        """One pass over the training set and one over the validation set.

        `pause` is called before every step and may raise to end the run; the epoch then does not count.
        Raises `NumericalError` where the loss or the validation error is not finite.
        """
        start = time.perf_counter()
        self.model.train()
        generator = rng.stream(self.seed, "epoch", self.epoch)
        order = torch.from_numpy(generator.permutation(len(self.train))).to(self.train.energies.device)
        batches = torch.split(order, self.options.batch_size_at(self.progress()))
        operations = generator.integers(0, OPERATIONS, len(batches))
        total = torch.zeros((), dtype=torch.float64, device=order.device)
        count = 0
        for operation, chosen in zip(operations.tolist(), batches, strict=True):
            now = self.progress(time.perf_counter() - start, len(chosen) / 2)  # of the middle of the step
            progress = self.team.before_step(pause, now)
            if count and progress >= 1.0:  # only a budget ends within an epoch
                break
            own, counted = self.team.share(chosen)
            weight = counted * self.team.size / len(chosen)  # the mean over processes is then that over the batch
            total += self._step(progress, own, operation if self.options.augment else 0, weight) * counted
            count += len(chosen)
            self.samples += len(chosen)
        loss = self.team.total(total) / count
        trained = time.perf_counter()
        val = self.validate() if math.isfinite(loss) else None
        if val is None or not math.isfinite(val.rmse):
            raise self._not_finite(f"the loss ({loss}) is" if val is None else f"the validation error ({val.rmse}) is")
        self.epoch += 1
        now = time.perf_counter()
        # By the clock and the rounding of one process: all have to agree on when to end.
        self.validation_seconds, self.seconds, rmse = self.team.first_says(
            now - trained, self.seconds + now - start, val.rmse
        )
        if rmse < self.best.val_rmse:
            weights = {key: value.detach().clone() for key, value in self.judged.state_dict().items()}
            self.best = Best(self.epoch, rmse, weights)
        return EpochRow(
            epoch=self.epoch,
            step=self.steps,
            lr=self.optimizer.param_groups[0]["lr"],
            loss=loss,
            train_rmse=math.sqrt(loss) * self.unit,
            val_rmse=val.rmse,
            val_relative_error=val.relative_error,
            val_rmse_over_std=val.rmse_over_std,
            seconds=self.seconds,
        )

    def _step(self, progress: float, chosen: Tensor, operation: int, weight: float) -> Tensor:
        """One optimizer step on the configurations `chosen`, with this `weight` in the team; returns their loss."""
        rate = learning_rate(progress, self.epoch, self.options)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        spins = self.train.spins[chosen]
        if operation:
            spins = point_group(spins, operation)
        loss = self.gradients(spins, self.train.energies[chosen], self.unit, weight)
        self._update()
        self.steps += 1
        if self.average is not None:
            self.average.update_parameters(self.model)
        return loss

    def _update(self) -> None:
        """The optimizer's own step; raises `NumericalError` where its numbers go beyond what can be computed with."""
        try:
            self.optimizer.step()
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # SOAP diagonalises moments
            raise self._not_finite("the moments of the gradients are") from error
        except RuntimeError as error:
            if "overflow" not in str(error):
                raise
            raise self._not_finite("the step of the optimizer is") from error

    def _not_finite(self, what: str) -> NumericalError:
        return NumericalError(f"training: {what} not finite in epoch {self.epoch + 1}", "try a smaller lr")

    def validate(self) -> Metrics:
        """Metrics of the current weights, or of their average, on the validation set."""
        predicted = self.team.shared(lambda spins: predict_tensor(self.judged, spins), self.val.spins)
        return measure(predicted.numpy(), self.val.energies.cpu().numpy())

    def state(self) -> dict[str, Any]:
        """Everything needed to go on: plain values and tensors only."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "epoch": self.epoch,
            "steps": self.steps,
            "samples": self.samples,
            "validation_seconds": self.validation_seconds,
            "seconds": self.seconds,
            "best_epoch": self.best.epoch,
            "best_val_rmse": self.best.val_rmse,
            "best_weights": self.best.weights,
        }

    @staticmethod
    def last_weights(state: dict[str, Any]) -> dict[str, Tensor]:
        """The weights of `judged` in a `state`: those that its last epoch was validated with."""
        if state["average"] is None:
            return dict(state["model"])
        return {key.removeprefix("module."): each for key, each in state["average"].items() if key != "n_averaged"}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from `state`; raises `KeyError`, `RuntimeError`, `TypeError` or `ValueError` where it does not fit."""
        self.model.load_state_dict(state["best_weights"])  # bad ones are refused now, not at the end
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.epoch = int(state["epoch"])
        self.steps = int(state["steps"])
        self.samples = int(state["samples"])
        self.validation_seconds = float(state["validation_seconds"])
        self.seconds = float(state["seconds"])
        self.best = Best(int(state["best_epoch"]), float(state["best_val_rmse"]), state["best_weights"])
