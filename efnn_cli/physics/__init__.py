"""Ground floor: one file a system, the Hamiltonian at its head. Knows no files and no networks.

system.py           what every system offers            three_spin.py       infinite-range r-spin model
subsets.py          sums over r-subsets of spins        heisenberg.py       lattice, and infinite range
sampling.py         distributions of unit vectors       double_exchange.py  electrons in classical spins
free_fermions.py    grand potential of levels           thermal.py          spins at a temperature
matsubara.py        grand potential of determinants     sparse_determinant.py block_recursion.py   the determinants

A new system is one file here, one line in `SYSTEMS` and one YAML in `conf/system/`.
"""

from __future__ import annotations

from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.physics.heisenberg import Heisenberg
from efnn_cli.physics.system import Draw, System
from efnn_cli.physics.three_spin import ThreeSpin

SYSTEMS: dict[str, type[System]] = {cls.name: cls for cls in (ThreeSpin, Heisenberg, DoubleExchange)}

__all__ = ["SYSTEMS", "Draw", "System"]
