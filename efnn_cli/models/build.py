"""Networks from their options, their size and their receptive field."""

from __future__ import annotations

import torch
from torch import nn

from efnn_cli.core.resources import require_memory
from efnn_cli.models import MODELS
from efnn_cli.models.energy import EnergyModel, receptive_field
from efnn_cli.models.options import EffectiveOptions, Options


def build(
    options: Options,
    geometry: str,
    *,
    inputs: int,
    spin_range: tuple[float, float],
    seed: int,
    dtype: torch.dtype = torch.float32,
) -> EnergyModel:
    """A network with its initial weights drawn from `seed`, on the CPU.

    `inputs` is the number of spins of a dense system; lattice networks fit every L. Raises `DeviceError` where it does
    not fit into memory.
    """
    needed = 2 * dtype.itemsize * size_of(options, geometry, inputs)  # once as drawn, once in its own type
    what = f"a network {options.name} of these options"
    require_memory(torch.device("cpu"), needed, what, "take a smaller width or depth")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(options, geometry, inputs)
    if not MODELS[options.name].closed_form:
        network = network.to(dtype)
    centred = spin_range if getattr(options, "centre_spins", False) else None
    return EnergyModel(network, geometry, centred)


def _network(options: Options, geometry: str, inputs: int) -> nn.Module:
    form = MODELS[options.name].form(geometry)
    if form is None:
        raise ValueError(f"{options.name} has no {geometry} form")
    return form(inputs, options) if geometry == "dense" else form(options)


def size_of(options: Options, geometry: str, inputs: int) -> int:
    """Number of trainable numbers of a network, without taking any memory for them."""
    with torch.device("meta"):
        return parameter_count(_network(options, geometry, inputs))


def parameter_count(model: nn.Module) -> int:
    """Number of trainable numbers."""
    return sum(p.numel() for p in model.parameters())


def receptive_field_of(options: Options) -> int | None:
    """Receptive field of a lattice network; None for `effective`, which is no network."""
    if isinstance(options, EffectiveOptions):
        return None
    return receptive_field(options, options.depth * MODELS[options.name].blocks_per_layer)
