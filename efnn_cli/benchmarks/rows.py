"""One comparison of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`ratio` > 1 means ours is faster, whatever the unit."""

    case: str
    L: int
    straightforward: float | None
    ours: float
    ratio: float | None
    unit: str
