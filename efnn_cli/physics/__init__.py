"""Systems: one file a Hamiltonian, its formula at the head. Knows no files and no networks.

system.py         base class of all systems         double_exchange.py        electrons in classical spins
three_spin.py     infinite-range r-spin model       free_fermions.py          grand potential of levels
infinite_range.py the same for continuous spins     diagonalise.py            levels and eigenvectors, checked
subsets.py        sums over r-subsets of spins      determinant.py            grand potential without levels
heisenberg.py     classical spins on a lattice      matsubara.py              its formula and error estimate
sampling.py       distributions of unit vectors     block_recursion.py sparse_determinant.py   its determinants
thermal.py        spins at a temperature            lattices.py   square and triangular, their point groups
hopping.py        electrons on them, with twists    external.py               labels from elsewhere

A new system is one file here, one line in `SYSTEMS` and one YAML in `conf/system/`; a package of its own declares an
entry point `efnn.systems` instead.
"""

from __future__ import annotations

from efnn_cli.core.registry import Registry
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.physics.external import External
from efnn_cli.physics.heisenberg import Heisenberg
from efnn_cli.physics.infinite_range import InfiniteRange
from efnn_cli.physics.system import Draw, System
from efnn_cli.physics.three_spin import ThreeSpin

SYSTEMS: Registry[type[System]] = Registry(
    "efnn.systems", {cls.name: cls for cls in (ThreeSpin, Heisenberg, DoubleExchange)}
)

Heisenberg.variants = {each.variant: each for each in (Heisenberg, InfiniteRange)}

__all__ = ["SYSTEMS", "Draw", "External", "System"]
