"""Names of Hamiltonians as recipes, lists and figures tell them apart; without loading any of them."""

from __future__ import annotations

from efnn_cli.config import keys
from efnn_cli.core.kinds import HEISENBERG


def kinds_named(name: str) -> tuple[str, ...]:
    """The kinds that a user may mean by `name`, dashes accepted: one kind, or all variants of a system."""
    plain = name.replace("-", "_")
    return tuple(HEISENBERG.values()) if plain == "heisenberg" else (plain,)


KINDS = tuple(kind for name in keys.options("system") for kind in kinds_named(name))
