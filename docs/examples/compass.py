"""The compass model on a periodic square lattice: bonds along x couple S^x, bonds along y couple S^y.

    E = - J sum_i S^x_i S^x_{i + x} - K sum_i S^y_i S^y_{i + y}

Every bond once; no rotation of the spins keeps the energy (J. Nussinov and J. van den Brink, Rev. Mod. Phys. 87, 1
(2015)). Known answers: all spins along x have E = -J L^2, all spins along z have E = 0.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Compass:
    """Compass model on a square lattice."""

    J: float = 1.0
    """Coupling of the x components along x."""
    K: float = 1.0
    """Coupling of the y components along y."""

    even = True  # S -> -S keeps the energy

    def energy(self, spins: Tensor) -> Tensor:
        """E (B,) of unit vectors (B, 3, Lx, Ly); axis 1 has the components x, y, z."""
        x, y = spins[:, 0], spins[:, 1]  # (B, Lx, Ly)
        return -(self.J * x * x.roll(-1, dims=1) + self.K * y * y.roll(-1, dims=2)).sum(dim=(1, 2))
