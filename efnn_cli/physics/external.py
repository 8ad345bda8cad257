"""`external`: configurations whose energies or fields come from elsewhere, for example from density functional theory.

Only the geometry and the shape of the input are known: unit vectors (B, 3, Lx, Ly) on a periodic lattice, or n real
numbers (B, n). There is nothing to draw from and nothing to label with. Energies in the unit that was named.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from efnn_cli.core import checks
from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.core.size import lattice_size, parse
from efnn_cli.physics.system import Array, Draw, System


class WithoutEnergy(System):
    """A system whose energy cannot be computed: there is nothing to draw from and nothing to label with."""

    samplings: ClassVar[tuple[str, ...]] = ()
    references: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def unknown(self) -> InputError:
        """Return the error for work that needs the energy."""

    def sample(self, sampling: str, draw: Draw) -> NoReturn:
        """Raise `InputError`."""
        raise self.unknown()

    def energy(self, spins: Tensor) -> NoReturn:
        """Raise `InputError`."""
        raise self.unknown()


@dataclass
class External(WithoutEnergy):
    """Unit vectors on a lattice, labelled elsewhere."""

    name: ClassVar[str] = "external"
    kind: ClassVar[str] = "external_lattice"
    geometry: ClassVar[str] = "lattice"

    variant: str = "lattice"
    """One of lattice, dense."""
    L: int | str = 10
    """Size of the lattice, or the number n."""
    unit: str | None = None
    """Unit of the energies; null: unknown."""

    def __post_init__(self) -> None:
        checks.one_of("system.variant", self.variant, ("lattice",))
        self.L = lattice_size("system.L", self.L)

    @property
    def energy_unit(self) -> str:
        """The unit that was named by the user."""
        return self.unit or "unknown unit"

    def unknown(self) -> InputError:
        """Return the error for work that needs the Hamiltonian."""
        return InputError(
            "the Hamiltonian of an external dataset is unknown: no energy, field or reference can be computed",
            "give labelled configurations of other sizes: efnn import FILE, then efnn extrapolate --data data/NAME.h5",
        )


@dataclass
class ExternalDense(External):
    """n real numbers a configuration, labelled elsewhere."""

    kind: ClassVar[str] = "external_dense"
    geometry: ClassVar[str] = "dense"

    variant: str = "dense"
    """One of lattice, dense."""
    L: int | str = 15
    """Number n of a configuration."""

    def __post_init__(self) -> None:
        checks.one_of("system.variant", self.variant, ("dense",))
        self.L = parse("system.L", self.L)
        if isinstance(self.L, str):
            raise ConfigError(f"system.L: wanted a number of spins, found {self.L!r}")

    def _allowed(self, spins: Array) -> NDArray[np.bool_]:
        return np.isfinite(spins)
