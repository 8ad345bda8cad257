"""Observables of configurations of unit vectors (B, 3, Lx, Ly): magnetisation, structure factor, chirality, charge.

Triangles are half plaquettes of the cell vectors, (r, r + x, r + y) and (r + x, r + x + y, r + y), with the same sense
of rotation; on the triangular lattice they are its elementary triangles. A chain, Ly = 1, has none.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def magnetisation(spins: Array) -> Array:
    """Return |sum S| / n, (B,)."""
    return np.asarray(np.linalg.norm(spins.mean(axis=(2, 3)), axis=1))


def structure_factor(spins: Array) -> Array:
    """Return S(q) = |sum_r S_r exp(-i q r)|^2 / n, (B, Lx, Ly), at q = 2 pi (kx / Lx, ky / Ly) in cell coordinates.

    Its mean over all q is 1, since spins have length one.
    """
    amplitudes = np.fft.fft2(spins)
    return np.asarray((np.abs(amplitudes) ** 2).sum(axis=1) / np.prod(spins.shape[2:]))


def triangles(spins: Array) -> list[tuple[Array, Array, Array]]:
    """Return the spins (B, 3, Lx, Ly) at the three corners of both kinds of triangles; none of a chain."""
    if spins.shape[3] == 1:
        return []
    right, up = np.roll(spins, -1, axis=2), np.roll(spins, -1, axis=3)
    return [(spins, right, up), (right, np.roll(right, -1, axis=3), up)]


def chirality(spins: Array) -> Array:
    """Return the mean of S_1.(S_2 x S_3) over triangles, (B,); zero of a chain."""
    found = [_triple(*each).mean(axis=(1, 2)) for each in triangles(spins)]
    return np.mean(found, axis=0) if found else np.zeros(len(spins))


def topological_charge(spins: Array) -> Array:
    """Return the topological charge (B,): signed solid angles of all triangles over 4 pi, an integer; 0 of a chain.

    tan(W / 2) = S1.(S2 x S3) / (1 + S1.S2 + S2.S3 + S3.S1)                  (Berg and Luescher, 1981)
    """
    total = np.zeros(len(spins))
    for a, b, c in triangles(spins):
        below = 1.0 + _dot(a, b) + _dot(b, c) + _dot(c, a)
        total += np.arctan2(_triple(a, b, c), below).sum(axis=(1, 2)) / (2 * math.pi)
    return total


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("bcxy,bcxy->bxy", a, b))


def _triple(a: Array, b: Array, c: Array) -> Array:
    return _dot(a, np.cross(b, c, axis=1))
