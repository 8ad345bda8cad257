"""One comparison of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass

DENSE_UP_TO = 40  # beyond, one configuration takes minutes and gigabytes


@dataclass(frozen=True)
class Row:
    """`ratio` > 1 means ours is faster, whatever the unit."""

    case: str
    L: int
    straightforward: float | None
    ours: float
    ratio: float | None
    unit: str
