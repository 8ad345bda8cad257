"""Metropolis moves of distant sites, on an energy that is a sum of densities with a finite range.

The density of a site depends on the spins within a square of side r about it. Sites r or more apart share no density:
a move of one changes the energy by the change of the r x r densities about it, whatever the others do. All of them move
at the same time, each with a test of its own. The sites are a sparse grid at a random place, so that the kernel, a
mixture of such moves, is reversible (no fixed order of sites).
Shapes: spins (chains, 3, Lx, Ly), densities (chains, Lx, Ly), float64.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Density = Callable[[Tensor], Tensor]  # spins -> densities of the energy


def grid(sides: tuple[int, int], reach: int, offset: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return x and y (n,) of sites on a torus of Lx x Ly that are at least `reach` apart along x or y.

    One site where the lattice is smaller than twice `reach`.
    """
    lines = []
    for side, start in zip(sides, offset, strict=True):
        count = max(1, side // reach)
        lines.append((start + torch.arange(count) * (side // count)) % side)
    x, y = torch.meshgrid(*lines, indexing="ij")
    return x.flatten(), y.flatten()


def windows(sides: tuple[int, int], x: Tensor, y: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """Return the indices x (n, r, 1) and y (n, 1, r) of the squares of side `reach`, an odd number, about sites (n,).

    A side of the lattice shorter than `reach` is covered once.
    """
    spans = [torch.arange(min(reach, side), device=x.device) - min(reach, side) // 2 for side in sides]
    return ((x[:, None] + spans[0]) % sides[0])[:, :, None], ((y[:, None] + spans[1]) % sides[1])[:, None, :]


def turned(spins: Tensor, width: float, normals: Tensor) -> Tensor:
    """Return unit vectors near `spins` (chains, 3, n): moved by `width` times `normals` and normalised.

    The proposal is symmetric: its density depends on the angle between both vectors alone.
    """
    return F.normalize(spins + width * normals, dim=1)


def round_of_moves(
    spins: Tensor,
    densities: Tensor,
    density: Density,
    temperature: float,
    width: float,
    reach: int,
    offset: tuple[int, int],
    normals: Tensor,
    uniforms: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return spins and densities after one move of every site of the grid at `offset`, and the acceptance (chains, n).

    `normals` (chains, 3, n) and `uniforms` (chains, n) are random numbers.
    """
    x, y = (each.to(spins.device) for each in grid(tuple(spins.shape[2:]), reach, offset))  # type: ignore[arg-type]
    square = windows(densities.shape[1:], x, y, reach)  # type: ignore[arg-type]
    moved, new = spins.clone(), densities.clone()
    moved[:, :, x, y] = turned(spins[:, :, x, y], width, normals)
    old, tried = densities[:, *square], density(moved)[:, *square]  # (chains, n, r, r)
    accepted = uniforms < ((old - tried).sum(dim=(2, 3)) / temperature).exp()
    moved[:, :, x, y] = torch.where(accepted[:, None], moved[:, :, x, y], spins[:, :, x, y])
    new[:, *square] = torch.where(accepted[:, :, None, None], tried, old)
    return moved, new, accepted


def sites_at_once(sides: tuple[int, int], reach: int) -> int:
    """Return the number of sites of a grid."""
    return max(1, sides[0] // reach) * max(1, sides[1] // reach)
