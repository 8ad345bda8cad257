"""Names of Hamiltonians in recipes, lists of runs and figures."""

from __future__ import annotations

VARIANTS = {
    "heisenberg": {"lattice": "heisenberg_lattice", "infinite_range": "infinite_range"},
    "external": {"lattice": "external_lattice", "dense": "external_dense"},
}
"""Kinds of the systems that have variants."""


def kind_of(system: str, variant: str | None = None) -> str:
    """Return the kind of `system`, of this variant where it has several."""
    return VARIANTS.get(system, {}).get(variant or "", system)
