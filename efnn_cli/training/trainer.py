"""The training loop. Takes any `nn.Module` that maps spins to energies; knows no system and no file.

Everything random in epoch e comes from the stream (seed, "epoch", e). Learning rate and batch size are functions of the
progress. A run resumed after an epoch is therefore the uninterrupted run, bit for bit on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from efnn_cli.core import doubles, rng
from efnn_cli.core.errors import NumericalError
from efnn_cli.training import distributed
from efnn_cli.training.gradients import gradients_on
from efnn_cli.training.history import EpochRow
from efnn_cli.training.labelled import Labelled, OneSize, Operation
from efnn_cli.training.loss import Loss
from efnn_cli.training.optimizers import build_optimizer, learning_rate
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.validation import Validation, validate

PLANNED = 0.99  # of a budget; the rest is for the errors of the result


@dataclass
class Best:
    """The best epoch so far, by the validation RMSE of the energies, or of the fields where there are no energies."""

    epoch: int = 0
    val_rmse: float = math.inf
    weights: dict[str, Tensor] = field(default_factory=dict)


class Trainer:
    """Trains `model` in place, epoch by epoch; of several processes each trains on its part, all with equal results."""

    def __init__(
        self,
        model: nn.Module,
        options: TrainingOptions,
        train: Labelled,
        val: Labelled,
        seed: int,
        operations: Sequence[Operation] = (),
        begun: int = 0,
        more: Sequence[OneSize] = (),
        centre: Callable[[nn.Module], None] = lambda _: None,
    ) -> None:
        """Take the network with its initial weights, and the operations of the lattice for `options.augment`.

        `begun` is the epoch after which a second cosine schedule begins, `more` are datasets of other sizes. `centre`
        removes the mean error of a network; it is called before every validation.
        """
        self.model = model
        self.centre = centre
        self.options = options
        self.sizes = [OneSize(train, val, operations), *more]
        self.count = sum(len(each.train) for each in self.sizes)
        self.seed = seed
        self.epoch = 0
        self.steps = 0
        self.samples = 0
        self.seconds = 0.0
        self.validation_seconds = 0.0
        self.best = Best()
        self.begun = begun if options.schedule == "cosine" else 0
        if options.freeze is not None:
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(f".{options.freeze}." not in f".{name}")
        self.optimizer = build_optimizer([each for each in model.parameters() if each.requires_grad], options)
        self.average = (
            AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(options.ema)) if options.ema else None  # type: ignore[no-untyped-call]
        )
        self.device = train.spins.device
        self.gradients = gradients_on(self.device, distributed.world_size(), distributed.parallel(model))
        self.loss = Loss.on(train, options.field_weight, standardised=options.initial_spread is not None)

    @property
    def finished(self) -> bool:
        """True where epochs or time are used up, or validation has not improved for `patience` epochs."""
        patience = self.options.patience
        if patience is not None and self.epoch - self.best.epoch >= patience:
            return True
        return self.epoch >= self.options.epochs if self.options.budget is None else self.progress() >= 1.0

    @property
    def evaluated(self) -> nn.Module:
        """The network whose weights are validated and kept: the average, where there is one."""
        return self.model if self.average is None else self.average.module

    def progress(self, elapsed: float = 0.0, ahead: float = 0.0) -> float:
        """Fraction of the training that is done: `elapsed` seconds into the epoch, `ahead` configurations from now."""
        budget = self.options.budget_seconds
        if budget is None:
            before = self.begun * self.count
            return (self.samples + ahead - before) / (self.count * self.options.epochs - before)
        # The schedule must reach its very end: with a hundredth of it left, errors are still those of its noise.
        return min(1.0, (self.seconds + elapsed) / max(PLANNED * budget - self.validation_seconds, 1e-9))

    def run_epoch(self, pause: Callable[[], None] = lambda: None) -> EpochRow:
        """One pass over the training set and one over the validation set.

        `pause` is called before every step and may raise to end the run; the epoch then does not count.
        Raises `NumericalError` where the loss or the validation error is not finite.
        """
        start = time.perf_counter()
        terms = self._train(pause, start)
        trained = time.perf_counter()
        self.centre(self.evaluated)
        validation = self.validate()
        if not math.isfinite(validation.error):
            raise self._not_finite(f"the validation error ({validation.error}) is")
        self.epoch += 1
        self._record(validation.error, start, trained)
        return self._row(terms, validation)

    def _row(self, terms: Tensor, validation: Validation) -> EpochRow:
        """Return the row of the epoch that has ended, with the mean `terms` (2,) of its losses."""
        energies, fields = validation.energies, validation.fields
        of_energies, of_fields = (terms.sqrt() * torch.tensor([self.loss.unit, self.loss.field_unit])).tolist()
        return EpochRow(
            epoch=self.epoch,
            step=self.steps,
            lr=self.optimizer.param_groups[0]["lr"],
            loss=float(self.loss.total(terms, self.sizes[0].train)),
            train_rmse=of_fields if energies is None else of_energies,
            val_rmse=validation.error,
            val_relative_error=None if energies is None else energies.relative_error,
            val_rmse_over_std=None if energies is None else energies.rmse_over_std,
            seconds=self.seconds,
            train_field_rmse=None if fields is None else of_fields,
            val_field_rmse=None if fields is None else fields.rmse,
        )

    def _train(self, pause: Callable[[], None], start: float) -> Tensor:
        """Train on every configuration once, as far as the budget lasts; return the mean terms (2,) of the losses."""
        self.model.train()
        total = torch.zeros(2, dtype=torch.float64, device=doubles.float64_device(self.device))
        counts = torch.zeros(2, dtype=torch.float64)
        count = 0
        for size, batch, operation in self._batches():
            now = self.progress(time.perf_counter() - start, len(batch) / 2)  # in the middle of the step
            progress = distributed.next_step(pause, now)
            if count and progress >= 1.0:  # only a budget ends within an epoch
                break
            total += self._step(progress, size, batch, operation)
            count += len(batch)
            counts += torch.tensor([size.train.energies is not None, self.loss.uses_fields(size.train)]) * len(batch)
            self.samples += len(batch)
        terms = distributed.summed(total) / counts.clamp(min=1)
        if not terms.isfinite().all():
            raise self._not_finite(f"the loss ({terms.sum():g}) is")
        return terms

    def _batches(self) -> list[tuple[OneSize, Tensor, Operation]]:
        """Return the batches of this epoch: one size, indices (B,) in it, and an operation of its lattice."""
        generator = rng.stream(self.seed, "epoch", self.epoch)
        found: list[tuple[OneSize, Tensor, Operation]] = []
        for size in self.sizes:
            order = torch.from_numpy(generator.permutation(len(size.train))).to(self.device)
            batches = torch.split(order, self.options.batch_size_at(self.progress()))
            operations = (size.operations if self.options.augment else ()) or [_unchanged]
            chosen = generator.integers(0, len(operations), len(batches)).tolist()
            found += [(size, batch, operations[each]) for batch, each in zip(batches, chosen, strict=True)]
        if len(self.sizes) > 1:
            found = [found[each] for each in generator.permutation(len(found))]
        return found

    def _step(self, progress: float, size: OneSize, batch: Tensor, operation: Operation) -> Tensor:
        """Take one optimizer step; return the summed terms (2,) of the loss of this rank's part of the batch."""
        rate = learning_rate(progress, self.epoch, self.options)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        part, counted = distributed.share(batch)
        weight = counted * distributed.world_size() / len(batch)  # the mean over ranks is then that over the batch
        some = size.train.part(part).moved(operation)
        terms = self.gradients(some, self.loss.per_site(size.scale), weight)
        self._update()
        self.steps += 1
        if self.average is not None:
            self.average.update_parameters(self.model)
        return terms * counted

    def _update(self) -> None:
        """Update the weights; raise `NumericalError` where the numbers of the optimizer overflow."""
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

    def _record(self, rmse: float, start: float, trained: float) -> None:
        """Record times and best weights, by the clock and the rounding of the main process: all ranks end together."""
        now = time.perf_counter()
        validation_seconds, seconds = now - trained, self.seconds + now - start
        self.validation_seconds, self.seconds, rmse = distributed.broadcast(lambda: (validation_seconds, seconds, rmse))
        if rmse < self.best.val_rmse:
            weights = {key: value.detach().clone() for key, value in self.evaluated.state_dict().items()}
            self.best = Best(self.epoch, rmse, weights)

    def validate(self) -> Validation:
        """Errors of the current weights, or of their average, on the validation sets."""
        return validate(self.evaluated, self.sizes, self.loss)

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed training needs: plain values and tensors."""
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
        """Return the weights in `state` that its last epoch was validated with."""
        if state["average"] is None:
            return dict(state["model"])
        return {key.removeprefix("module."): each for key, each in state["average"].items() if key != "n_averaged"}

    def resume(self, state: dict[str, Any]) -> None:
        """Continue from `state`; raise KeyError, RuntimeError, TypeError or ValueError where it does not fit."""
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


def _unchanged(spins: Tensor) -> Tensor:
    return spins
