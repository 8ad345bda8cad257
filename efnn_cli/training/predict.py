"""Energies of many configurations, in batches bounded in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from efnn_cli.core import doubles
from efnn_cli.core.resources import in_parts

BATCH_BYTES = 96 * 2**20
FLOATS_PER_SPIN = 256  # activations that a lattice network holds per spin component, roughly


def batch_size(configuration: tuple[int, ...]) -> int:
    """Configurations per batch for the shape of one configuration."""
    return max(1, BATCH_BYTES // (4 * FLOATS_PER_SPIN * int(np.prod(configuration))))


@torch.no_grad()
def predict_tensor(model: nn.Module, spins: Tensor) -> Tensor:
    """Energies (B,), float64, of spins already on the device of the model."""
    model.eval()
    blocks = torch.split(spins, batch_size(tuple(spins.shape[1:])))
    with full_precision(spins.device):
        return torch.cat([part for block in blocks for part in in_parts(model, block)])


def full_precision(device: torch.device) -> torch.autocast:
    """Return a context without autocast, which the caller may have switched on: bfloat16 has three digits."""
    return torch.autocast(device.type, enabled=False)


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Let no weight require a gradient: autograd functions of their own would compute it, asked for or not."""
    learned = [each for each in model.parameters() if each.requires_grad]
    for each in learned:
        each.requires_grad_(False)
    try:
        yield
    finally:
        for each in learned:
            each.requires_grad_(True)


def energies_and_slopes(model: nn.Module, spins: Tensor) -> tuple[Tensor, Tensor]:
    """Energies (B,) and dE/dS, shaped like `spins` (B, ...), float64, of one batch on the device of the model.

    Spins are taken as free vectors. Gradients are computed also where the caller has switched them off.
    """
    with torch.inference_mode(mode=False), full_precision(spins.device):
        free = spins.detach().clone().requires_grad_()
        energies = model(free)
        (slopes,) = torch.autograd.grad(energies.sum(), free)
    return energies.detach(), slopes


def predict_fields(model: nn.Module, spins: Tensor) -> Tensor:
    """Fields -dE/dS of a network, shaped like `spins` (B, ...), float64 on its device, as free vectors."""
    model.eval()
    blocks = torch.split(spins, batch_size(tuple(spins.shape[1:])))
    with frozen(model):
        slopes = [
            part for block in blocks for part in in_parts(lambda each: energies_and_slopes(model, each)[1], block)
        ]
    return -torch.cat(slopes)


def predict(
    model: nn.Module, spins: NDArray[np.float64], device: torch.device, pause: Callable[[], None] = lambda: None
) -> NDArray[np.float64]:
    """Energies (B,), float64, of spins (B, ...) in main memory; batch by batch through `device`.

    `pause` is called before every batch and may raise to stop.
    """
    return _in_batches(predict_tensor, model, spins, device, pause) if len(spins) else np.empty(0)


def fields_of(
    model: nn.Module, spins: NDArray[np.float64], device: torch.device, pause: Callable[[], None] = lambda: None
) -> NDArray[np.float64]:
    """Fields -dE/dS, float64, shaped like `spins` (B, ...) in main memory; batch by batch, as `predict` does."""
    return _in_batches(predict_fields, model, spins, device, pause) if len(spins) else np.empty_like(spins)


def _in_batches(
    work: Callable[[nn.Module, Tensor], Tensor],
    model: nn.Module,
    spins: NDArray[np.float64],
    device: torch.device,
    pause: Callable[[], None],
) -> NDArray[np.float64]:
    step = batch_size(spins.shape[1:])
    parts = []
    for first in range(0, len(spins), step):
        pause()
        block = doubles.to_device(torch.from_numpy(spins[first : first + step]), device)
        parts.append(doubles.as_float64(work(model, block)).cpu().numpy())
    return np.concatenate(parts)
