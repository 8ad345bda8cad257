"""Rank of this process among those that `torchrun` started, from the environment.

Read without torch, since messages and refusals need it before anything heavy is imported.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from efnn_cli.core.errors import ConfigError

HINT = "for one process unset WORLD_SIZE; for several: torchrun --nproc-per-node N -m efnn_cli train ..."


@dataclass(frozen=True)
class Process:
    """Rank, number of processes, and rank among those on this machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0


def process() -> Process:
    """Return rank and world size of this process; raises `ConfigError` where the environment contradicts itself."""
    world_size = _number("WORLD_SIZE", 1)
    if world_size == 1:
        return Process()
    rank = _number("RANK", -1)
    if not 0 <= rank < world_size:
        raise ConfigError(
            f"WORLD_SIZE={world_size} wants a RANK from 0 to {world_size - 1}, found {os.environ.get('RANK')}", HINT
        )
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise ConfigError(f"WORLD_SIZE={world_size} wants {' and '.join(missing)}, found none", HINT)
    _number("MASTER_PORT", 0)
    return Process(rank, world_size, _number("LOCAL_RANK", rank))


def is_distributed() -> bool:
    """Return whether this is one of several processes."""
    return _known().world_size > 1


def is_main() -> bool:
    """Return whether this is rank 0, the only one that writes files and to stdout."""
    return _known().rank == 0


def _known() -> Process:
    try:
        return process()
    except ConfigError:  # reported where the rank is needed
        return Process()


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name)
    if text is None:
        return otherwise
    if not text.isdecimal() or (name == "WORLD_SIZE" and int(text) == 0):
        raise ConfigError(f"{name}: wanted a whole number, found {text!r}", HINT)
    return int(text)
