"""Systems: one file a Hamiltonian, its formula at the head. Knows no files and no networks.

system.py         base class of all systems         double_exchange.py        electrons in classical spins
three_spin.py     infinite-range r-spin model       free_fermions.py          grand potential of levels
infinite_range.py the same for continuous spins     diagonalise.py            levels and eigenvectors, checked
subsets.py        sums over r-subsets of spins      determinant.py            grand potential without levels
heisenberg.py     classical spins on a lattice      matsubara.py              its formula and error estimate
sampling.py       distributions of unit vectors     block_recursion.py sparse_determinant.py   its determinants
thermal.py        spins at a temperature            lattices.py   square and triangular, their point groups
hopping.py        electrons on them, with twists    external.py               labels from elsewhere
statistics.py     correlations, magnetisation     observables.py   structure factor, chirality, charge
autocorrelation.py   of chains: the Gamma method
plug_in.py        systems of one's own              stated_symmetry.py        the symmetry they state, tried
block_inverse.py determinant_fields.py   fields without levels

A system of one's own is a class in any file, named on the command line, or an entry point `efnn.systems` of a
package. A new built-in one is a file here and a line in `SYSTEMS`. Systems are imported when they are asked for: names
and keys are known without PyTorch.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

from efnn_cli.core.registry import Registry

if TYPE_CHECKING:
    from efnn_cli.physics.system import System

SYSTEMS: Registry[type[System]] = Registry(
    "efnn.systems",
    {
        "three_spin": "efnn_cli.physics.three_spin:ThreeSpin",
        "heisenberg": "efnn_cli.physics.heisenberg:Heisenberg",
        "double_exchange": "efnn_cli.physics.double_exchange:DoubleExchange",
    },
    adapt="efnn_cli.physics.plug_in:as_system",
)

VARIANTS = {
    "heisenberg": {
        "lattice": "efnn_cli.physics.heisenberg:Heisenberg",
        "infinite_range": "efnn_cli.physics.infinite_range:InfiniteRange",
    },
    "external": {  # only in files
        "lattice": "efnn_cli.physics.external:External",
        "dense": "efnn_cli.physics.external:ExternalDense",
    },
}
"""Systems that share a name, by `system.variant`; the first is the default."""


def variants(name: str) -> dict[str, type[System]]:
    """Return the systems that share `name`, by `system.variant`; empty for a name with one system."""
    return {variant: pkgutil.resolve_name(place) for variant, place in VARIANTS.get(name, {}).items()}
