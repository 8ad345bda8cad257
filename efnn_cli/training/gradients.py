"""Loss of a batch and its gradients: operation by operation, or as one CUDA graph.

The networks are small: on a GPU, launching the hundreds of kernels of a step takes longer than running them. A graph
holds them all and is launched at once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from efnn_cli.core.errors import DeviceError
from efnn_cli.core.resources import is_short

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

    def __call__(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> Tensor:
        """Mean squared error (), detached, of energies (B,) in units of `unit`; leaves gradients in the weights.

        The gradients are multiplied by `weight`. The number of parts changes neither loss nor gradients.
        """
        while True:
            try:
                return self.of_batch(spins, energies, unit, weight)
            except (RuntimeError, MemoryError) as error:
                if not self.may_split or self.parts >= len(spins) or not is_short(error):
                    raise
            self.halve(len(spins))  # out here, where the memory of the failed attempt is free

    def halve(self, size: int) -> None:
        """Double the number of parts, since a batch of `size` did not fit."""
        self.parts *= 2
        LOGGER.warning("a batch of %d configurations does not fit into memory: computed in %d parts", size, self.parts)

    def of_batch(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> Tensor:
        """Compute loss and gradients in the present number of parts; raise the error of memory where it is short."""
        self.model.zero_grad(set_to_none=True)
        size = -(-len(spins) // self.parts)
        total = torch.zeros((), dtype=energies.dtype, device=energies.device)
        for some, wanted in zip(torch.split(spins, size), torch.split(energies, size), strict=True):
            loss = ((self.model(some) - wanted) / unit).square().mean() * (len(some) / len(spins))
            loss.backward(torch.full_like(loss, weight))
            total += loss.detach()
        return total


@dataclass
class _Recording:
    """A graph with the tensors that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    spins: Tensor
    energies: Tensor
    loss: Tensor
    gradients: list[Tensor | None]


class GraphedGradients(Gradients):
    """Loss and gradients of a batch as one CUDA graph, recorded once for every size of a batch."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.recordings: dict[tuple[torch.Size, float], _Recording] = {}
        self.side: torch.cuda.Stream | None = None
        """Stream of the steps before recording; one for all graphs, since libraries keep memory for every stream."""

    def halve(self, size: int) -> None:
        """Double the number of parts, and free the memory of the graphs."""
        self.recordings.clear()
        super().halve(size)

    def of_batch(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> Tensor:
        """Replay the graph of this size of batch; the weights must stay where they are in memory."""
        key = (spins.shape, unit)
        if key not in self.recordings:
            self.recordings[key] = self._record(spins, energies, unit, weight)
        recording = self.recordings[key]
        recording.spins.copy_(spins)
        recording.energies.copy_(energies)
        recording.graph.replay()
        for parameter, gradient in zip(self.model.parameters(), recording.gradients, strict=True):
            parameter.grad = gradient  # another size of batch has a graph and gradients of its own
        return recording.loss.clone()

    def _record(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> _Recording:
        spins, energies = spins.clone(), energies.clone()
        with torch.cuda.device(spins.device):
            return self._record_here(spins, energies, unit, weight)

    def _record_here(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> _Recording:
        """Record on the current device: a graph of tensors on another device would stay empty."""
        side = self.side = self.side or torch.cuda.Stream(spins.device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(spins.device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                eager = super().of_batch(spins, energies, unit, weight)
        torch.cuda.current_stream(spins.device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.model.zero_grad(set_to_none=True)  # so that the recorded backward pass writes gradients, not adds to them
        with torch.cuda.graph(graph):
            loss = super().of_batch(spins, energies, unit, weight)
        graph.replay()
        if not torch.allclose(loss, eager, rtol=1e-3, atol=0.0, equal_nan=True):
            raise DeviceError(
                f"the recorded graph gives the loss {float(loss):.6g}, the same step without it {float(eager):.6g}",
                "report the GPU and the versions; --device cpu works",
            )
        return _Recording(graph, spins, energies, loss, [each.grad for each in self.model.parameters()])
