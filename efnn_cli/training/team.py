"""The processes that train one network together, each on its share of every batch.

`SOLO` is one process alone: every method is then the plain thing, and nothing of torch.distributed is loaded.
`joined` gives the team of this process; see `processes.py` for several.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from efnn_cli.core import device, ranks
from efnn_cli.core.errors import DeviceError

Found = TypeVar("Found")


class Team:
    """One process alone, and what several do instead."""

    def __init__(self, place: ranks.Place) -> None:
        self.place = place
        self.rank = place.rank
        self.size = place.size

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes files and speaks."""
        return self.rank == 0

    def together(self, work: Callable[[], Found]) -> Found:
        """What `work` returns; what fails in one process fails in all, with the same exit code, and is said once."""
        return work()

    def first_says(self, *values: float) -> list[float]:
        """The values of the first process."""
        return list(values)

    def agree(self, what: str, text: str) -> None:
        """Raise `InputError` where `text` is not the same everywhere."""

    def check_device(self, name: str) -> None:
        """Raise `ConfigError` where the processes cannot each have what `name` means."""

    def device(self, name: str) -> torch.device:
        """The device of this process."""
        return device.resolve(name)

    def parallel(self, model: nn.Module) -> nn.Module:
        """`model` with gradients that are the mean over all processes."""
        return model

    def before_step(self, pause: Callable[[], None], progress: float) -> float:
        """Call `pause`, which may raise to end the training; returns the progress by the first process's clock."""
        pause()
        return progress

    def share(self, chosen: Tensor) -> tuple[Tensor, int]:
        """Of the indices `chosen` (B,) of a batch those of this process, never none, and how many of them count."""
        return chosen, len(chosen)

    def backward(self, loss: Tensor, weight: float) -> None:
        """Gradients of the loss of the whole batch; `loss` is that of the own share, and counts `weight` times."""
        torch.autograd.backward(loss)

    def total(self, value: Tensor) -> float:
        """The sum of `value` () over all processes."""
        return float(value)

    def shared(self, work: Callable[[Tensor], Tensor], items: Tensor) -> Tensor:
        """`work`, from (B, ...) to (B,) float64, done in shares; the result is on the CPU."""
        return work(items).cpu()


SOLO = Team(ranks.Place())


@contextlib.contextmanager
def joined() -> Iterator[Team]:
    """The team of this process, as its environment tells; raises `DeviceError` where the others cannot be met."""
    place = ranks.place()
    if place.size == 1:
        yield SOLO
    elif not torch.distributed.is_available():
        raise DeviceError("this PyTorch is built without torch.distributed", ranks.HINT)
    else:
        from efnn_cli.training.processes import meeting

        with meeting(place) as team:
            yield team
