"""Names of Hamiltonians in recipes, lists of runs and figures."""

from __future__ import annotations

HEISENBERG = {"lattice": "heisenberg_lattice", "infinite_range": "infinite_range"}  # by variant


def kind_of(system: str, variant: str | None = None) -> str:
    """Return the kind of `system`, of this variant where it has several."""
    return HEISENBERG.get(variant or "", system) if system == "heisenberg" else system
