"""Options of the networks: configuration keys `model.*` and parameter objects at once.

The default of every field is the neutral value: with it a network is exactly the published one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError

SYMMETRIES = ("none", "axial", "o3")  # the next contains the one before


class ActivationScale(NamedTuple):
    """eps of every block, and whether it is learned (its logarithm is then one more parameter of each block)."""

    value: float
    learned: bool = False


@dataclass
class NetworkOptions:
    """Options that the four trained networks share."""

    name: str
    depth: int = 3
    """D, number of layers."""
    width: int = 3
    """m of a dense network, C (channels) of a lattice network."""
    activation_scale: float = 1.0
    """eps of a block W2 tanh(eps (W1 x + b1)) / eps + b2; small values start nearly polynomial."""
    learn_activation_scale: bool = False
    """Learn one eps a block, from activation_scale on."""
    centre_spins: bool = False
    """Dense: map the range of the spins to [-1, 1], for {0, 1} spins 2 s - 1."""
    kernel_size: int = 5
    """Lattice: side of the convolutions of the invariant layers."""
    block_kernel_size: int | None = None
    """Lattice: side of the first convolution of a block; null: kernel_size."""
    block_kernel_size_2: int | None = None
    """Lattice: side of the second convolution of a block; null: block_kernel_size."""
    invariant_channels: int | None = None
    """Lattice: channels of the invariant layers; null: width."""
    normalise_invariants: bool = False
    """Lattice: zero mean and unit variance of every invariant for independent uniform spins."""
    symmetry: str | None = None
    """One of o3, axial, none: symmetry of the invariants in spin space (lattice); null: that of the system."""
    linear_terms: bool | None = None
    """Lattice, axial or none: invariants linear in the spins; null: where S -> -S changes the energy."""

    lattice_only: ClassVar[tuple[str, ...]] = (
        "kernel_size",
        "block_kernel_size",
        "block_kernel_size_2",
        "invariant_channels",
        "normalise_invariants",
        "symmetry",
        "linear_terms",
    )
    dense_only: ClassVar[tuple[str, ...]] = ("centre_spins",)

    def __post_init__(self) -> None:
        checks.within("depth", self.depth, 1, 64)
        checks.within("width", self.width, 1, 8192)
        checks.positive("activation_scale", self.activation_scale)
        checks.odd_kernel("model.kernel_size", self.kernel_size)
        for key in ("block_kernel_size", "block_kernel_size_2"):
            if getattr(self, key) is not None:
                checks.odd_kernel(f"model.{key}", getattr(self, key))
        if self.symmetry is not None:
            checks.one_of("model.symmetry", self.symmetry, SYMMETRIES)
        if self.linear_terms and self.symmetry == "o3":
            raise ConfigError("model.linear_terms=true needs model.symmetry=axial or none: S is not invariant under o3")
        if self.invariant_channels is not None:
            checks.within("model.invariant_channels", self.invariant_channels, 1, 8192)

    @property
    def block_kernels(self) -> tuple[int, int]:
        """Sides of the two convolutions of a block."""
        first = self.kernel_size if self.block_kernel_size is None else self.block_kernel_size
        return first, first if self.block_kernel_size_2 is None else self.block_kernel_size_2

    @property
    def scale(self) -> ActivationScale:
        """Eps of the blocks."""
        return ActivationScale(self.activation_scale, self.learn_activation_scale)

    @property
    def invariants(self) -> int:
        """Channels of an invariant layer."""
        return self.width if self.invariant_channels is None else self.invariant_channels


@dataclass
class EfnnOptions(NetworkOptions):
    """EFNN, the effective field neural network."""

    name: str = "efnn"
    quasi_particle_bias: float = 0.0
    """Added to the initial output bias of every g_i; at 1 the network starts near S_i = F_i."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.finite("model.quasi_particle_bias", self.quasi_particle_bias)


@dataclass
class DnnOptions(NetworkOptions):
    """DNN, fully connected layers."""

    name: str = "dnn"


@dataclass
class ResnetOptions(NetworkOptions):
    """ResNet, layers with a residual connection."""

    name: str = "resnet"


@dataclass
class DensenetOptions(NetworkOptions):
    """DenseNet, layers that see all layers before them."""

    name: str = "densenet"


@dataclass
class EffectiveOptions:
    """Linear effective spin model on lattices, fitted in closed form."""

    name: str = "effective"
    shells: int = 7
    """Number of shells of pair couplings, nearest neighbours first."""
    four_spin: bool = True
    """Add the five four-spin terms."""
    lattice: str | None = None
    """One of square, triangular; null: that of the system."""

    lattice_only: ClassVar[tuple[str, ...]] = ()
    dense_only: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        checks.within("model.shells", self.shells, 1, 7)
        if self.lattice is not None:
            checks.one_of("model.lattice", self.lattice, ("square", "triangular"))


Options = NetworkOptions | EffectiveOptions
