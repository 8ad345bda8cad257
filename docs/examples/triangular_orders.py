"""Spins near the four regular orders of triangular double exchange, and random ones.

`python triangular_orders.py L COUNT SEED FILE.npz` writes configurations for `efnn generate --spins`, and
`python triangular_orders.py L orders 0 FILE.npz` the four orders themselves.
"""

import sys

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
NAMES = ("tetrahedral", "stripe", "120 degrees", "ferromagnet")


def orders(size: int) -> Array:
    """The four orders, (4, 3, L, L), for L divisible by 6."""
    x, y = np.indices((size, size))
    third = 2 * np.pi / 3 * (x - y)
    tetrahedral = np.moveaxis(CORNERS[2 * (x % 2) + y % 2], -1, 0)
    stripe = np.stack([0 * x, 0 * x, (-1.0) ** x])
    triangles = np.stack([np.cos(third), np.sin(third), 0 * x])
    ferromagnet = np.stack([0 * x, 0 * x, 1.0 + 0 * x])
    return np.stack([tetrahedral, stripe, triangles, ferromagnet])


def near_orders(size: int, count: int, seed: int) -> Array:
    """`count` configurations (count, 3, L, L): one in five random, the others an order with noise of 0.05 to 1.5."""
    generator = np.random.default_rng(seed)
    regular = orders(size)
    spins = generator.normal(size=(count, 3, size, size))
    for i in range(count):
        kind = generator.integers(5)
        if kind < 4:
            noise = np.exp(generator.uniform(np.log(0.05), np.log(1.5)))
            spins[i] = regular[kind] + noise * spins[i]
    return spins / np.linalg.norm(spins, axis=1, keepdims=True)


if __name__ == "__main__":
    size, count, seed, path = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    np.savez(path, spins=orders(size) if count == "orders" else near_orders(size, int(count), seed))
