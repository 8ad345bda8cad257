"""Networks: one file each, all made of the parts in blocks.py. Knows no physics and no files.

options.py   configuration keys `model.*`           efnn.py dnn.py resnet.py densenet.py   dense and lattice
blocks.py    blocks and readout                     linear_model.py   the linear effective model
invariants.py   the bare spins, by symmetry         fast/   the same layers as faster matrix products
energy.py    standardisation, receptive field

A new network is one file here, one line in `MODELS` and one YAML in `conf/model/`; a package of its own declares an
entry point `efnn.models` (a `ModelEntry`) instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from efnn_cli.core.registry import Registry
from efnn_cli.core.resources import require_memory
from efnn_cli.models.densenet import DenseDenseNet, LatticeDenseNet
from efnn_cli.models.dnn import DenseDNN, LatticeDNN
from efnn_cli.models.efnn import DenseEFNN, LatticeEFNN
from efnn_cli.models.energy import EnergyModel, receptive_field
from efnn_cli.models.linear_model import LinearModel
from efnn_cli.models.options import (
    DensenetOptions,
    DnnOptions,
    EffectiveOptions,
    EfnnOptions,
    NetworkOptions,
    ResnetOptions,
)
from efnn_cli.models.resnet import DenseResNet, LatticeResNet

Options = NetworkOptions | EffectiveOptions


@dataclass(frozen=True)
class ModelEntry:
    """One architecture: its options, its two forms (None where it has none), blocks per layer in sequence."""

    title: str
    """As people write it."""
    options: type[Any]
    dense: Callable[..., nn.Module] | None
    lattice: Callable[..., nn.Module] | None
    blocks_per_layer: int = 1
    closed_form: bool = False
    """Fitted by least squares instead of trained: no depth, no width, no recipe."""

    def form(self, geometry: str) -> Callable[..., nn.Module] | None:
        """The constructor for "dense" or "lattice" systems."""
        return self.dense if geometry == "dense" else self.lattice


MODELS: Registry[ModelEntry] = Registry(
    "efnn.models",
    {
        "efnn": ModelEntry("EFNN", EfnnOptions, DenseEFNN, LatticeEFNN),
        "dnn": ModelEntry("DNN", DnnOptions, DenseDNN, LatticeDNN, blocks_per_layer=2),
        "resnet": ModelEntry("ResNet", ResnetOptions, DenseResNet, LatticeResNet),
        "densenet": ModelEntry("DenseNet", DensenetOptions, DenseDenseNet, LatticeDenseNet),
        "effective": ModelEntry("effective model", EffectiveOptions, None, LinearModel, closed_form=True),
    },
)


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


__all__ = [
    "MODELS",
    "EnergyModel",
    "ModelEntry",
    "NetworkOptions",
    "Options",
    "build",
    "parameter_count",
    "receptive_field_of",
    "size_of",
]
