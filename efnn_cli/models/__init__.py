"""Networks: one file each, all made of the parts in blocks.py. Knows no physics and no files.

options.py   configuration keys `model.*`           efnn.py dnn.py resnet.py densenet.py   dense and lattice
blocks.py    blocks and readout                     linear_model.py   the linear effective model
invariants.py   the bare spins, by symmetry         fast/   the same layers as faster matrix products
energy.py    standardisation, receptive field       build.py   a network from its options
plug_in.py   networks of one's own

A network of one's own is a class in any file, named on the command line, or an entry point `efnn.models` of a
package. A new built-in one is a file here and a line in `MODELS`. Networks are imported when they are asked for: names
and keys are known without PyTorch.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from efnn_cli.core.registry import Registry
from efnn_cli.models.options import DensenetOptions, DnnOptions, EffectiveOptions, EfnnOptions, ResnetOptions

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ModelEntry:
    """One architecture: its options, its two forms (None where it has none), blocks per layer in sequence.

    A form is a class of networks, or its place `module:class`.
    """

    title: str
    """As people write it."""
    options: type[Any]
    dense: str | Callable[..., nn.Module] | None
    lattice: str | Callable[..., nn.Module] | None
    blocks_per_layer: int = 1
    closed_form: bool = False
    """Fitted by least squares instead of trained: no depth, no width, no recipe."""
    plug_in: dict[str, str] | None = None
    """Place and SHA-256 of the file that defines the network, where it is not one of this package."""

    def form(self, geometry: str) -> Callable[..., nn.Module] | None:
        """The constructor for "dense" or "lattice" systems."""
        found = self.dense if geometry == "dense" else self.lattice
        return pkgutil.resolve_name(found) if isinstance(found, str) else found


HERE = "efnn_cli.models"
MODELS: Registry[ModelEntry] = Registry(
    "efnn.models",
    {
        "efnn": ModelEntry("EFNN", EfnnOptions, f"{HERE}.efnn:DenseEFNN", f"{HERE}.efnn:LatticeEFNN"),
        "dnn": ModelEntry("DNN", DnnOptions, f"{HERE}.dnn:DenseDNN", f"{HERE}.dnn:LatticeDNN", blocks_per_layer=2),
        "resnet": ModelEntry("ResNet", ResnetOptions, f"{HERE}.resnet:DenseResNet", f"{HERE}.resnet:LatticeResNet"),
        "densenet": ModelEntry(
            "DenseNet", DensenetOptions, f"{HERE}.densenet:DenseDenseNet", f"{HERE}.densenet:LatticeDenseNet"
        ),
        "effective": ModelEntry(
            "effective model", EffectiveOptions, None, f"{HERE}.linear_model:LinearModel", closed_form=True
        ),
    },
    adapt="efnn_cli.models.plug_in:as_entry",
)
