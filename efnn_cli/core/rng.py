"""Named random streams: every random number of the project has a seed and a purpose.

Stream (seed, "spins", "train", 3) never depends on how many numbers another stream has drawn,
so results are the same for any number of workers, any order of shards and any restart.
"""

from __future__ import annotations

import hashlib

import numpy as np


def _entropy(seed: int, names: tuple[str | int, ...]) -> int:
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """NumPy generator (PCG64) of the stream `names` under the root `seed`."""
    return np.random.Generator(np.random.PCG64(_entropy(seed, names)))


def integer(seed: int, *names: str | int) -> int:
    """Return a 63-bit integer of the stream, a seed for generators of torch."""
    return _entropy(seed, names) >> 65
