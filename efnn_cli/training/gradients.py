"""Loss of a batch and its gradients: operation by operation, or as one CUDA graph.

The networks are small: on a GPU a step is hundreds of launches that take longer than the work they start. A graph holds
them all and is launched at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from efnn_cli.training.team import Team

WARM_UP = 3  # steps before recording: libraries choose their algorithms and allocate in the first ones


def gradients_on(device: torch.device, team: Team, model: nn.Module) -> Gradients:
    """What a training on `device` takes: a team exchanges gradients in between, which no graph of ours holds."""
    return GraphedGradients(team, model) if device.type == "cuda" and team.size == 1 else Gradients(team, model)


class Gradients:
    """Loss and gradients of a batch, operation by operation."""

    def __init__(self, team: Team, model: nn.Module) -> None:
        self.team = team
        self.model = model

    def __call__(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> Tensor:
        """Mean squared error (), detached, of energies (B,) in units of `unit`; the gradients are left in the weights.

        `weight` is that of this share of a batch in a team.
        """
        self.model.zero_grad(set_to_none=True)
        loss: Tensor = ((self.model(spins) - energies) / unit).square().mean()
        self.team.backward(loss, weight)
        return loss.detach()


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

    def __call__(self, spins: Tensor, energies: Tensor, unit: float, weight: float) -> Tensor:
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
        side = torch.cuda.Stream(spins.device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(spins.device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                super().__call__(spins, energies, unit, weight)
        torch.cuda.current_stream(spins.device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.model.zero_grad(set_to_none=True)  # so that the recorded backward pass writes gradients, not adds to them
        with torch.cuda.graph(graph):
            loss = super().__call__(spins, energies, unit, weight)
        return _Recording(graph, spins, energies, loss, [each.grad for each in self.model.parameters()])
