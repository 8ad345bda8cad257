"""Effective fields -dE/dS on the spins of configurations: those of a network, and the exact ones."""

from __future__ import annotations

import numpy as np
import torch

from efnn_cli.loading import Run
from efnn_cli.physics.system import Array


def network_fields(run: Run, spins: Array) -> Array:
    """-dE/dS of the network by reverse differentiation, shape of `spins` (B, ...): the unprojected gradient."""
    free = torch.from_numpy(spins).to(run.device).requires_grad_()
    (gradient,) = torch.autograd.grad(run.model(free).sum(), free)
    return np.asarray(-gradient.cpu().numpy(), dtype=np.float64)


def exact_fields(run: Run, spins: Array) -> Array:
    """-dE/dS of the Hamiltonian that the network was trained on, at the size of `spins` (B, ...)."""
    return np.asarray(run.system_for(spins).fields(torch.from_numpy(spins)).numpy())
