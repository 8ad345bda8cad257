"""Rank of this process among those that `torchrun` started, from the environment.

Read without torch, since messages and refusals need it before anything heavy is imported.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from efnn_cli.core.errors import ConfigError

HINT = "for one process unset WORLD_SIZE; for several: torchrun --nproc-per-node N -m efnn_cli train ..."


@dataclass(frozen=True)
class Place:
    """Rank, number of processes, and rank among those on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0


def place() -> Place:
    """Return the place of this process; raises `ConfigError` where the environment contradicts itself."""
    size = _number("WORLD_SIZE", 1)
    if size == 1:
        return Place()
    rank = _number("RANK", -1)
    if not 0 <= rank < size:
        raise ConfigError(f"WORLD_SIZE={size} wants a RANK from 0 to {size - 1}, found {os.environ.get('RANK')}", HINT)
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise ConfigError(f"WORLD_SIZE={size} wants {' and '.join(missing)}, found none", HINT)
    _number("MASTER_PORT", 0)
    return Place(rank, size, _number("LOCAL_RANK", rank))


def several() -> bool:
    """Return whether this is one of several processes."""
    return _known().size > 1


def is_main() -> bool:
    """Return whether this is rank 0, the only one that writes files and to stdout."""
    return _known().rank == 0


def _known() -> Place:
    try:
        return place()
    except ConfigError:  # reported where the place is needed
        return Place()


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name)
    if text is None:
        return otherwise
    if not text.isdecimal() or (name == "WORLD_SIZE" and int(text) == 0):
        raise ConfigError(f"{name}: wanted a whole number, found {text!r}", HINT)
    return int(text)
