"""Periodic lattices of one site a cell, and the point group that maps their torus to itself.

A site is (x, y) in units of the cell vectors; the torus has Lx x Ly cells, a chain Lx x 1. Bonds are displacements,
each listed once.

    square       bonds (1, 0), (0, 1)           next neighbours (1, 1), (1, -1)             8 operations
    triangular   bonds (1, 0), (0, 1), (1, -1)  next neighbours (1, 1), (2, -1), (1, -2)   12 operations

The cell vectors of the triangular lattice are (1, 0) and (1/2, sqrt(3)/2), so that (1, -1) has length one too.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Displacement = tuple[int, int]


@dataclass(frozen=True)
class Lattice:
    """One lattice: its bonds, its next neighbours, and its cell vectors (the columns of `cell`)."""

    name: str
    bonds: tuple[Displacement, ...]
    next_neighbours: tuple[Displacement, ...]
    cell: tuple[tuple[float, float], tuple[float, float]]

    def on(self, sides: tuple[int, int]) -> Lattice:
        """Return the lattice on a torus of Lx x Ly sites: a chain, Ly = 1, has no bonds along y."""
        if sides[1] > 1:
            return self
        kept = ([each for each in some if each[1] == 0] for some in (self.bonds, self.next_neighbours))
        return replace(self, bonds=tuple(next(kept)), next_neighbours=tuple(next(kept)))

    def vector(self, displacement: Displacement) -> tuple[float, float]:
        """Return a displacement (x, y) in the plane, in units of the bond length."""
        x, y = np.array(self.cell) @ displacement
        return float(x), float(y)


SQUARE = Lattice("square", ((1, 0), (0, 1)), ((1, 1), (1, -1)), ((1.0, 0.0), (0.0, 1.0)))
TRIANGULAR = Lattice(
    "triangular", ((1, 0), (0, 1), (1, -1)), ((1, 1), (2, -1), (1, -2)), ((1.0, 0.5), (0.0, math.sqrt(3) / 2))
)
LATTICES = {each.name: each for each in (SQUARE, TRIANGULAR)}


@dataclass(frozen=True)
class Operation:
    """One operation of a point group: site r goes to M r, spin vectors turn by `turn`."""

    matrix: tuple[tuple[int, int], tuple[int, int]]
    """M, in units of the cell vectors."""
    turn: tuple[tuple[float, ...], ...] | None = None
    """(3, 3) acting on every spin; None leaves the spins as they are."""

    def apply(self, spins: Tensor) -> Tensor:
        """Return spins (B, 3, Lx, Ly) moved, up to a translation: the spin at r comes from the site M r."""
        if self.matrix == IDENTITY:
            return spins
        x, y = _sources(self.matrix, spins.shape[-2:], spins.device)
        moved = spins[..., x, y]
        if self.turn is None:
            return moved
        return torch.einsum("ab,n...bxy->n...axy", _turn_on(self.turn, spins.dtype, spins.device), moved)


IDENTITY = ((1, 0), (0, 1))


@cache
def _sources(
    matrix: tuple[tuple[int, int], tuple[int, int]], sides: tuple[int, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return x and y (Lx, Ly) of the site that each site takes its spin from."""
    rows = np.array(matrix)
    shift = np.minimum(0, rows.sum(axis=1))  # a reflection takes the sites 0 .. L - 1 in reverse order
    sites = np.indices(sides)  # (2, Lx, Ly)
    x, y = (np.einsum("ab,bxy->axy", rows, sites) + shift[:, None, None]) % np.array(sides)[:, None, None]
    with torch.inference_mode(mode=False):
        return torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)


@cache
def _turn_on(turn: tuple[tuple[float, ...], ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the (3, 3) matrix on `device`: a copy in every step would let the host wait."""
    with torch.inference_mode(mode=False):
        return torch.tensor(turn, dtype=dtype, device=device)


@cache
def point_group(lattice: Lattice, sides: tuple[int, int], spins: str = "fixed") -> tuple[Operation, ...]:
    """Return the operations that permute the bonds and map the torus to itself, the identity first.

    `spins` says what they do to spin vectors: "fixed" nothing, "polar" turn S_x, S_y like a displacement, "axial" the
    same times the determinant. S_z stays in all three: operations that change it come with time reversal.
    """
    every = [m for m in _integer_matrices() if _permutes(m, lattice.bonds) and _fits(m, sides)]
    every.sort(key=_place)
    return tuple(Operation(m, _turn(m, lattice, spins)) for m in every)


def _integer_matrices() -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return [((a, b), (c, d)) for a, b, c, d in itertools.product((1, 0, -1), repeat=4) if abs(a * d - b * c) == 1]


def _permutes(matrix: tuple[tuple[int, int], tuple[int, int]], bonds: tuple[Displacement, ...]) -> bool:
    """Return True where M maps bonds to bonds, in either direction."""
    both = {*bonds, *((-x, -y) for x, y in bonds)}
    return {tuple((np.array(matrix) @ each).tolist()) for each in both} == both


def _fits(matrix: tuple[tuple[int, int], tuple[int, int]], sides: tuple[int, int]) -> bool:
    """Return True where M maps the periods (Lx, 0) and (0, Ly) to periods."""
    (_, b), (c, _) = matrix
    return (b * sides[1]) % sides[0] == 0 and (c * sides[0]) % sides[1] == 0


def _place(matrix: tuple[tuple[int, int], tuple[int, int]]) -> tuple[object, ...]:
    """Return the place in the list: the identity, then by reflection of y, reflection of x, exchange of both."""
    (a, b), (c, d) = matrix
    return matrix != IDENTITY, b + d < 0, a + c < 0, a == 0, matrix


def _turn(
    matrix: tuple[tuple[int, int], tuple[int, int]], lattice: Lattice, spins: str
) -> tuple[tuple[float, ...], ...] | None:
    """Return the (3, 3) matrix that M implies for spin vectors.

    The spin at r comes from M r, so that a displacement M d becomes d: spins turn by the inverse.
    """
    if spins == "fixed":
        return None
    cell = np.array(lattice.cell)
    plane: NDArray[np.float64] = cell @ np.linalg.inv(np.array(matrix)) @ np.linalg.inv(cell)
    if spins == "axial":
        plane = plane * np.linalg.det(plane)
    full = np.eye(3)
    full[:2, :2] = plane
    return tuple(tuple(row) for row in full.tolist())
