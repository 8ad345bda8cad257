"""The base class of all physical systems.

A system is a plain dataclass: its fields are the configuration keys `system.*` and the physical
parameters at once. Shapes: B configurations; scalar spins (B, L), lattice spins (B, 3, L, L) with
axis 1 the components x, y, z and site (x, y) at [..., x, y]. Energies (B,), float64.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.size import Size, sides, size_of
from efnn_cli.physics.lattices import IDENTITY, SQUARE, Lattice, Operation, point_group
from efnn_cli.physics.thermal import Bath

Array = NDArray[np.float64]

TOLERANCE = 1e-10  # of a reference that is not exact to rounding, relative

NORM_TOLERANCE = 1e-6  # how far a user's unit vector may be from length one

NO_GRADIENT = re.compile(r"\brequires? grad|requires_grad|differentiat|derivative")
"""In what PyTorch says where it cannot differentiate."""


@dataclass(frozen=True)
class Draw:
    """The configurations to draw: `count` of them from configuration number `first` on.

    `purpose` ("train" or "reference") and `shard` name the random stream under `seed`.
    """

    seed: int
    purpose: str
    shard: int
    first: int
    count: int
    bath: Bath | None = None
    """Of sampling=thermal and ladder."""


@dataclass(frozen=True)
class Labels:
    """Energies (B,) and, for methods that are not exact to rounding, estimates of their absolute errors (B,)."""

    energies: Tensor
    errors: Tensor | None = None
    densities: Tensor | None = None
    """Electrons per site (B,), where the method gives them."""
    levels: Tensor | None = None
    """One-particle levels (B, N), ascending, measured from zero instead of mu, where the method gives them."""
    fields: Tensor | None = None
    """-dE/dS like the spins, where asked for."""
    field_errors: Tensor | None = None
    """Estimates (B,) of the absolute error of a field component, for methods that are not exact to rounding."""
    redone: int = 0
    """Number of energies that were computed again on the CPU, since a check of the first result failed."""

    @classmethod
    def mean(cls, labels: Sequence[Labels]) -> Labels:
        """Return the mean of several labels of the same configurations, without levels; errors are averaged too."""

        def averaged(name: str) -> Tensor | None:
            each = [getattr(label, name) for label in labels]
            return None if each[0] is None else torch.stack(each).mean(dim=0)

        energies = torch.stack([each.energies for each in labels]).mean(dim=0)
        redone = sum(each.redone for each in labels)
        errors, densities, fields, field_errors = map(averaged, ("errors", "densities", "fields", "field_errors"))
        return cls(energies, errors, densities, None, fields, field_errors, redone)


def size_of_spins(spins: Array) -> Size:
    """Return L of configurations (B, n) or (B, 3, Lx, Ly)."""
    return int(spins.shape[-1]) if spins.ndim == 2 else size_of(spins.shape[-2:])


class System(ABC):
    """One Hamiltonian at one size: draws spin configurations and labels them with energies."""

    name: ClassVar[str]
    kind: ClassVar[str]
    """Name of the Hamiltonian for the choice of recipes; with variants it differs from `name`."""
    geometry: ClassVar[str]
    """Either "dense" (all spins see all spins) or "lattice" (periodic, Lx x Ly)."""
    samplings: ClassVar[tuple[str, ...]]
    """Names of the spin distributions; the first is the default."""
    references: ClassVar[tuple[str, ...]] = ("formula",)
    """Methods that compute the energy."""
    estimated_references: ClassVar[tuple[str, ...]] = ()
    """Those of them that are not exact to rounding: they estimate their error and have a tolerance."""
    plug_in: ClassVar[dict[str, Any] | None] = None
    """Place and SHA-256 of the file that defines the system, where it is not one of this package."""
    energy_name: ClassVar[str] = "energy"
    L: int | str
    """Side of the lattice, text such as 12x8 for a rectangle, or number of spins."""

    @property
    def energy_unit(self) -> str:
        """Unit of the energies."""
        return "coupling scale"

    @property
    def level_references(self) -> tuple[str, ...]:
        """Return the methods that give one-particle levels."""
        return ()

    def fastest_reference(self, device: str, *, fields: bool = False) -> str:
        """Return the method that `reference=auto` means on a device of type "cpu" or "cuda", with `fields` or not."""
        return self.references[0]

    @property
    def size(self) -> Size:
        """L: a number, or text such as 12x8."""
        return self.L

    @property
    def sides(self) -> tuple[int, int]:
        """(Lx, Ly) of a lattice."""
        return sides(self.size)

    @property
    def sites(self) -> int:
        """Number of spins."""
        return math.prod(self.spin_shape[-2:])

    @property
    def spin_shape(self) -> tuple[int, ...]:
        """Shape of one configuration."""
        return (3, *self.sides) if self.geometry == "lattice" else (int(self.size),)

    @property
    def spin_range(self) -> tuple[float, float]:
        """Smallest and largest value of a spin (component)."""
        return (-1.0, 1.0)

    @property
    def symmetry(self) -> str:
        """Return the symmetry of the energy in spin space: "o3" (all rotations), "axial" (about z) or "none"."""
        return "o3"

    @property
    def even(self) -> bool:
        """Return True where S -> -S keeps the energy."""
        return True

    @property
    def kind_of_lattice(self) -> Lattice:
        """Return bonds and next neighbours of a lattice system on its torus."""
        return SQUARE.on(self.sides)

    def point_group(self) -> tuple[Operation, ...]:
        """Return operations of the lattice that keep the energy, the identity first."""
        return point_group(SQUARE, self.sides) if self.geometry == "lattice" else (Operation(IDENTITY),)

    @property
    def couplings(self) -> Array | None:
        """Random couplings of the Hamiltonian, where it has any."""
        return None

    def prepared(self, spins: Tensor | None = None) -> Self:
        """Return the system with final parameters, where some stand for others; `spins` are those to be labelled."""
        return self

    @abstractmethod
    def sample(self, sampling: str, draw: Draw) -> Array:
        """Spin configurations (count, *spin_shape), float64."""

    @abstractmethod
    def energy(self, spins: Tensor) -> Tensor:
        """Energies (B,) of float64 `spins` (B, *spin_shape), on the device of `spins`, exact to rounding."""

    def label(self, spins: Tensor, reference: str, tolerance: float = TOLERANCE, *, fields: bool = False) -> Labels:
        """Labels by the named reference method: energies, error estimates where it has them, `fields` if asked for."""
        return Labels(self.energy(spins), fields=self.fields(spins) if fields else None)

    def thermal_energies(self, spins: Tensor, labels: Labels, temperature: float) -> tuple[Tensor, Tensor] | None:
        """Return u and v (B,) of labelled spins that follow exp(-E / T): internal energy <u>, C = (var u + <v>) / T^2.

        None where the labels do not tell. A classical energy is u itself, and v is zero.
        """
        return labels.energies, torch.zeros_like(labels.energies)

    def effective_coupling(self) -> float:
        """J of the classical nearest-neighbour model that thermal and ladder draw from; raises `ConfigError`."""
        raise ConfigError(f"sampling=thermal: {self.kind} has no effective coupling", "give spin_coupling=...")

    def fields(self, spins: Tensor) -> Tensor:
        """Fields -dE/dS, shape of `spins`: the unprojected gradient, spins taken as free vectors.

        The derivative of the closed-form energy, by reverse differentiation, exact to rounding. Raises `ConfigError`
        where PyTorch cannot differentiate it.
        """
        with torch.inference_mode(mode=False):  # gradients also where the caller has switched them off
            free = spins.detach().clone().requires_grad_()
            try:
                (gradient,) = torch.autograd.grad(self.energy(free).sum(), free)
            except RuntimeError as error:
                if not NO_GRADIENT.search(str(error)):
                    raise
                raise ConfigError(
                    f"{self.kind} has no fields: its energy cannot be differentiated ({error})",
                    "write energy(spins) in operations of torch, not of NumPy, or write fields(spins) too; "
                    "energies alone need no fields=true",
                ) from error
        return -gradient

    def parameters(self) -> dict[str, Any]:
        """The fields as plain values, as they are stored with every dataset."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    def described(self) -> dict[str, Any]:
        """Name and parameters as plain values; of a plug-in also what a network of it needs without its file."""
        described = {"name": self.name, **self.parameters()}
        if self.plug_in is not None:
            facts = {key: getattr(self, key) for key in ("kind", "geometry", "symmetry", "even", "energy_unit")}
            described["plug_in"] = {**self.plug_in, **facts, "spin_range": list(self.spin_range)}
        return described

    def unknown(self) -> InputError | None:
        """Return the error for work that needs the energy, where it cannot be computed."""
        return None

    def hamiltonian(self) -> dict[str, Any]:
        """The fields that must agree for two datasets to share a Hamiltonian.

        The size of a lattice is not among them: the energy per site has the same form at every L.
        """
        fields = self.parameters()
        if self.geometry == "lattice":
            del fields["L"]
        return fields

    def at_size(self, size: Size) -> Self:
        """The same Hamiltonian on a lattice of another size."""
        return dataclasses.replace(self, L=size)  # type: ignore[type-var]

    def with_couplings(self, couplings: Array) -> Self:
        """A copy that uses stored couplings instead of drawing them from `coupling_seed`."""
        twin = copy.copy(self)
        twin.__dict__["couplings"] = couplings
        return twin

    def check_spins(self, spins: Array, source: str) -> None:
        """Raise `InputError` unless `spins` are configurations of this system, naming the first bad one."""
        if spins.shape[1:] != self.spin_shape:
            on_lattice = spins.ndim == 4 and spins.shape[1] == 3
            any_size = self.geometry == "lattice" and not on_lattice
            shape = "3, Lx, Ly)" if any_size else f"{', '.join(map(str, self.spin_shape))})"
            last = spins.ndim == 4 and spins.shape[-1] == 3 != spins.shape[1] and any_size
            hint = "components come before sites: numpy.moveaxis(spins, -1, 1)" if last else ""
            raise InputError(f"{source}: wanted spins of shape (samples, {shape}, found {spins.shape}", hint)
        bad = ~np.isfinite(spins).all(axis=tuple(range(1, spins.ndim)))
        if bad.any():
            raise InputError(f"{source}: configuration {int(bad.argmax())} has a spin that is not finite")
        if self.geometry == "lattice":
            found = np.sqrt(np.einsum("bcxy,bcxy->bxy", spins, spins))
            bad = np.abs(found - 1.0) > NORM_TOLERANCE
            wanted, called = f"unit vectors (to {NORM_TOLERANCE:g})", "length"
            hint = "spins / numpy.linalg.norm(spins, axis=1, keepdims=True)" if source == "spins" else "add --normalise"
        else:
            found, bad, hint = spins, ~self._allowed(spins), ""
            wanted, called = self._alphabet(), "value"
        if bad.any():
            first = tuple(np.argwhere(bad)[0])
            told = f"configuration {first[0]} has a spin of {called} {found[first]:.9g}"
            raise InputError(f"{source}: wanted {wanted}, but {told}", hint)

    def _allowed(self, spins: Array) -> NDArray[np.bool_]:
        low, high = self.spin_range
        return (spins >= low) & (spins <= high)

    def _alphabet(self) -> str:
        low, high = self.spin_range
        return f"spins in [{low:g}, {high:g}]"
