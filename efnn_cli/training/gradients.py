"""Loss of a batch and its gradients: operation by operation, or as one CUDA graph.

The networks are small: on a GPU, launching the hundreds of kernels of a step takes longer than running them. A graph
holds them all and is launched at once.
"""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.core.errors import DeviceError
from efnn_cli.core.resources import is_short
from efnn_cli.training.labelled import Labelled
from efnn_cli.training.loss import Loss

LOGGER = logging.getLogger("efnn")

WARM_UP = 3  # steps before recording: libraries choose their algorithms and allocate in the first ones


def gradients_on(device: torch.device, world_size: int, model: nn.Module) -> Gradients:
    """Return a CUDA graph for one process on a GPU, else eager gradients: no graph can capture the all-reduce."""
    if device.type == "cuda" and world_size == 1:
        return GraphedGradients(model)
    return Gradients(model, may_split=world_size == 1)


class Gradients:
    """Loss and gradients of a batch, operation by operation; in parts one after the other where memory is short."""

    def __init__(self, model: nn.Module, *, may_split: bool = True) -> None:
        self.model = model
        self.may_split = may_split
        """False for one of several processes: all would have to run the same number of backward passes."""
        self.parts = 1
        """Number of parts of every batch from now on, so that a size that did not fit is not tried again."""

    def __call__(self, batch: Labelled, loss: Loss, weight: float) -> Tensor:
        """Return the two terms of the loss (2,), detached; leave its gradients, times `weight`, in the weights.

        The number of parts changes neither.
        """
        while True:
            try:
                return self.of_batch(batch, loss, weight)
            except (RuntimeError, MemoryError) as error:
                if not self.may_split or self.parts >= len(batch) or not is_short(error):
                    raise
            self.halve(len(batch))  # out here, where the memory of the failed attempt is free

    def halve(self, size: int) -> None:
        """Double the number of parts, since a batch of `size` did not fit."""
        self.parts *= 2
        LOGGER.warning("a batch of %d configurations does not fit into memory: computed in %d parts", size, self.parts)

    def of_batch(self, batch: Labelled, loss: Loss, weight: float) -> Tensor:
        """Compute terms and gradients in the present number of parts; raise the error of memory where it is short."""
        self.model.zero_grad(set_to_none=True)
        size = -(-len(batch) // self.parts)
        total = torch.zeros(2, dtype=torch.float64, device=doubles.float64_device(batch.spins.device))
        for first in range(0, len(batch), size):
            some = batch.part(slice(first, first + size))
            terms = loss.terms(self.model, some) * (len(some) / len(batch))
            (weight * loss.total(terms, some)).backward()  # type: ignore[no-untyped-call]
            total += terms.detach()
        return total


@dataclass
class _Recording:
    """A graph with the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    batch: Labelled
    terms: Tensor
    gradients: list[Tensor | None]


class GraphedGradients(Gradients):
    """Loss and gradients of a batch as one CUDA graph, recorded once for every size of a batch."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.recordings: dict[tuple[object, ...], _Recording] = {}
        self.side: torch.cuda.Stream | None = None
        """Stream of the steps before recording; one for all graphs, since libraries keep memory for every stream."""

    def halve(self, size: int) -> None:
        """Double the number of parts, and free the memory of the graphs: garbage may still hold some."""
        self.recordings.clear()
        self.model.zero_grad(set_to_none=True)
        gc.collect()
        super().halve(size)

    def of_batch(self, batch: Labelled, loss: Loss, weight: float) -> Tensor:
        """Replay the graph of this size of batch; the weights must stay where they are in memory."""
        key = (batch.spins.shape, *(each is None for each in batch.tensors()), loss)
        if key not in self.recordings:
            self.recordings[key] = self._record(batch, loss, weight)
        recording = self.recordings[key]
        for kept, fresh in zip(recording.batch.tensors(), batch.tensors(), strict=True):
            if kept is not None and fresh is not None:
                kept.copy_(fresh)
        recording.graph.replay()
        for parameter, gradient in zip(self.model.parameters(), recording.gradients, strict=True):
            parameter.grad = gradient  # another size of batch has a graph and gradients of its own
        return recording.terms.clone()

    def _record(self, batch: Labelled, loss: Loss, weight: float) -> _Recording:
        batch = batch.map(torch.clone)
        with torch.cuda.device(batch.spins.device):
            return self._record_here(batch, loss, weight)

    def _record_here(self, batch: Labelled, loss: Loss, weight: float) -> _Recording:
        """Record on the current device: a graph of tensors on another device would stay empty."""
        device = batch.spins.device
        side = self.side = self.side or torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                eager = super().of_batch(batch, loss, weight)
        torch.cuda.current_stream(device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.model.zero_grad(set_to_none=True)  # so that the recorded backward pass writes gradients, not adds to them
        with torch.cuda.graph(graph):
            terms = super().of_batch(batch, loss, weight)
        graph.replay()
        if not torch.allclose(terms, eager, rtol=1e-3, atol=1e-12, equal_nan=True):
            raise DeviceError(
                f"the recorded graph gives the errors {terms.tolist()}, the same step without it {eager.tolist()}",
                "report the GPU and the versions; --device cpu works",
            )
        return _Recording(graph, batch, terms, [each.grad for each in self.model.parameters()])
