"""Loss of a batch and its gradients: operation by operation, or as one CUDA graph.

The networks are small: on a GPU a step is hundreds of launches that take longer than the work they start. A graph holds
them all and is launched at once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from efnn_cli.core.errors import DeviceError
from efnn_cli.core.memory import is_short
from efnn_cli.training.team import Team

LOGGER = logging.getLogger("efnn")

WARM_UP = 3  # steps before recording: libraries choose their algorithms and allocate in the first ones


def gradients_on(device: torch.device, team: Team, model: nn.Module) -> Gradients:
    """What a training on `device` takes: a team exchanges gradients in between, which no graph of ours holds."""
    return GraphedGradients(team, model) if device.type == "cuda" and team.size == 1 else Gradients(team, model)


class Gradients:
    """Loss and gradients of a batch, operation by operation; in parts one after the other where memory is short."""

    def __init__(self, team: Team, model: nn.Module) -> None:
        self.team = team
        self.model = model
        self.parts = 1
        """Into which every batch is cut: what did not fit once is not tried again."""

    def __call__(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> Tensor:
        """Mean squared error (), detached, of energies (B,) in units of `unit`; the gradients are left in the weights.

        `weight` is that of this share of a batch in a team. The batch of the optimizer stays what it is, in however
        many parts; a team meets in every backward pass, and all of it would have to know, so there it is an error.
        """
        while True:
            try:
                return self.of_batch(spins, energies, unit, weight)
            except (RuntimeError, MemoryError) as error:
                if self.team.size > 1 or self.parts >= len(spins) or not is_short(error):
                    raise
            self.halve(len(spins))  # out here, where the memory of the failed attempt is free

    def halve(self, size: int) -> None:
        """From now on cut batches into twice as many parts; `size` is that of the one that did not fit."""
        self.parts *= 2
        LOGGER.warning("a batch of %d configurations does not fit into memory: computed in %d parts", size, self.parts)

    def of_batch(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> Tensor:
        """As `__call__`, in as many parts as now; raises what says that memory is short."""
        self.model.zero_grad(set_to_none=True)
        size = -(-len(spins) // self.parts)
        total = torch.zeros((), dtype=energies.dtype, device=energies.device)
        for some, wanted in zip(torch.split(spins, size), torch.split(energies, size), strict=True):
            loss = ((self.model(some) - wanted) / unit).square().mean() * (len(some) / len(spins))
            self.team.backward(loss, weight)
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

    def __init__(self, team: Team, model: nn.Module) -> None:
        super().__init__(team, model)
        self.recordings: dict[tuple[torch.Size, float], _Recording] = {}
        self.side: torch.cuda.Stream | None = None
        """For the steps before recording: one for all, since libraries keep memory for every stream there ever was."""

    def halve(self, size: int) -> None:
        """As `Gradients`; what was recorded keeps memory of its own, which goes."""
        self.recordings.clear()
        super().halve(size)

    def of_batch(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> Tensor:
        """As `Gradients`; the weights must stay where they are in memory."""
        key = (spins.shape, unit)
        if key not in self.recordings:
            self.recordings[key] = self._record(spins, energies, unit, weight)
        recording = self.recordings[key]
        recording.spins.copy_(spins)
        recording.energies.copy_(energies)
        recording.graph.replay()
        for parameter, gradient in zip(self.model.parameters(), recording.gradients, strict=True):
            parameter.grad = gradient  # of this recording: another size of the batch has its own
        return recording.loss.clone()

    def _record(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> _Recording:
        spins, energies = spins.clone(), energies.clone()
        with torch.cuda.device(spins.device):
            return self._record_here(spins, energies, unit, weight)

    def _record_here(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> _Recording:
        """On the current device: a graph records what happens there, and would stay empty for any other."""
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
