"""One-particle hopping on a periodic lattice with twisted boundaries.

    (c+_r c_{r+d} element) = amplitude * exp(i theta . w),   w the windings of r + d around the torus

A twist theta = (theta_x, theta_y), in radians, is a phase on the bonds that wrap: the momenta become
k = (2 pi n + theta) / L. Site (x, y) has number x Ly + y.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from efnn_cli.physics.lattices import Displacement


@lru_cache(maxsize=16)
def hopping_matrix(
    sides: tuple[int, int],
    amplitudes: tuple[tuple[Displacement, float], ...],
    twist: tuple[float, float] = (0.0, 0.0),
) -> Any:
    """Hermitian hopping matrix (n, n), complex128 CSR, for the displacements of each bond with their amplitudes."""
    x, y = (each.ravel() for each in np.indices(sides))
    here = x * sides[1] + y
    total = sp.csr_matrix((len(here), len(here)), dtype=np.complex128)
    for (dx, dy), amplitude in amplitudes:
        winding_x, to_x = np.divmod(x + dx, sides[0])
        winding_y, to_y = np.divmod(y + dy, sides[1])
        phase = np.exp(1j * (twist[0] * winding_x + twist[1] * winding_y))
        one_way = sp.coo_matrix((amplitude * phase, (here, to_x * sides[1] + to_y)), shape=total.shape).tocsr()
        total = total + one_way + one_way.conj().T
    return total
