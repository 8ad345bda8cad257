"""The network for a system, in its fast form."""

from __future__ import annotations

import torch

from efnn_cli.models.build import build
from efnn_cli.models.energy import EnergyModel
from efnn_cli.models.fast import accelerate
from efnn_cli.models.options import Options
from efnn_cli.physics.system import System


def network_for(system: System, options: Options, *, seed: int, dtype: str) -> EnergyModel:
    """Return the network of `options` for `system`, on the CPU, with initial weights drawn from `seed`."""
    network = build(
        options,
        system.geometry,
        inputs=system.sites,
        spin_range=system.spin_range,
        seed=seed,
        dtype=getattr(torch, dtype),
    )
    return accelerate(network)
