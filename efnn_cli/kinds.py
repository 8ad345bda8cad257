"""Names of Hamiltonians as recipes, lists and figures tell them apart; without loading any of them."""

from __future__ import annotations

HEISENBERG = {"lattice": "heisenberg_lattice", "infinite_range": "infinite_range"}  # by variant
KINDS = ("three_spin", *HEISENBERG.values(), "double_exchange")


def kind_of(system: str, variant: str | None = None) -> str:
    """The kind of `system`, where it has variants that of this one."""
    return HEISENBERG.get(variant or "", system) if system == "heisenberg" else system


def kinds_named(name: str) -> tuple[str, ...]:
    """The kinds that a user may mean by `name`, dashes accepted: one kind, or all variants of a system."""
    plain = name.replace("-", "_")
    return tuple(HEISENBERG.values()) if plain == "heisenberg" else (plain,)
