"""`model=effective`: the linear effective spin model, fitted in closed form; every network must beat it.

    E = e_0 sites + sum_r J_r sum_i S_i.S_{i+r} + four-spin terms           (lattice systems only)

Shells r by distance, each site with each displacement of half a shell, also where bonds wrap, so that the model is
size-consistent. With b(i, d) = S_i.S_{i+d} the four-spin terms of the square lattice are: corner b(i, +-x) b(i, +-y);
parallel bonds of a plaquette; product of its diagonals; nearest-neighbour bonds squared; two bonds in line. Those of
the triangular lattice: two bonds at 60 and at 120 degrees; parallel bonds of a rhombus; bonds squared; two in line.
"""

from __future__ import annotations

import itertools
from functools import cache

import torch
from torch import Tensor, nn

from efnn_cli.models.options import EffectiveOptions

REACH = 5  # cells along each axis that displacements are looked for
AROUND = ((1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1))  # neighbours on the triangular lattice, by angle

Displacement = tuple[int, int]


@cache
def shells_of(lattice: str) -> tuple[tuple[Displacement, ...], ...]:
    """Return half of each shell of displacements, nearest first: (1,0) (1,1) (2,0) (2,1) ... on the square lattice.

    The squared length of (x, y) is x^2 + y^2, and x^2 + x y + y^2 on the triangular lattice.
    """
    mixed = 1 if lattice == "triangular" else 0
    half = [(x, y) for x in range(REACH + 1) for y in range(-REACH, REACH + 1) if x > 0 or y > 0]
    by_length = sorted(half, key=lambda d: (d[0] ** 2 + mixed * d[0] * d[1] + d[1] ** 2, -d[0], -d[1]))
    groups = itertools.groupby(by_length, key=lambda d: d[0] ** 2 + mixed * d[0] * d[1] + d[1] ** 2)
    return tuple(tuple(group) for _, group in groups)


def bond(spins: Tensor, x: int, y: int) -> Tensor:
    """S_i.S_{i+(x, y)} for every site i, (B, Lx, Ly), of spins (B, 3, Lx, Ly)."""
    return (spins * spins.roll((-x, -y), dims=(2, 3))).sum(dim=1)


def pair_terms(spins: Tensor, shells: int, lattice: str = "square") -> list[Tensor]:
    """Sum of S_i.S_j over each shell, (B,) each."""
    return [sum_sites(sum(bond(spins, *d) for d in shell)) for shell in shells_of(lattice)[:shells]]


def four_spin_terms(spins: Tensor) -> list[Tensor]:
    """The five four-spin sums of the square lattice, (B,) each."""
    right, up = bond(spins, 1, 0), bond(spins, 0, 1)
    left, down = right.roll(1, dims=1), up.roll(1, dims=2)  # the bonds that end at the site
    far_right, far_up = right.roll(-1, dims=2), up.roll(-1, dims=1)  # opposite bonds of the plaquette
    falling = bond(spins, 1, -1).roll(-1, dims=2)  # the diagonal (i + y).(i + x)
    return [
        sum_sites((right + left) * (up + down)),
        sum_sites(right * far_right + up * far_up),
        sum_sites(bond(spins, 1, 1) * falling),
        sum_sites(right.square() + up.square()),
        sum_sites(left * right + down * up),
    ]


def triangular_four_spin_terms(spins: Tensor) -> list[Tensor]:
    """The five four-spin sums of the triangular lattice, (B,) each."""
    around = [bond(spins, *d) for d in AROUND]  # the six bonds of every site

    def moved(density: Tensor, k: int) -> Tensor:
        return density.roll((-AROUND[k][0], -AROUND[k][1]), dims=(1, 2))  # its value one bond further

    return [
        sum_sites(sum(around[k] * around[(k + 1) % 6] for k in range(6))),
        sum_sites(sum(around[k] * around[(k + 2) % 6] for k in range(6))),
        sum_sites(sum(around[k] * (moved(around[k], k + 1) + moved(around[k], k + 2)) for k in range(3))),
        sum_sites(sum(around[k].square() for k in range(3))),
        sum_sites(sum(around[k] * around[k + 3] for k in range(3))),
    ]


def sum_sites(density: Tensor | int) -> Tensor:
    """Sum (B,) of a density (B, L, L)."""
    assert isinstance(density, Tensor)
    return density.sum(dim=(1, 2))


class LinearModel(nn.Module):
    """The linear model; its coefficients are a parameter, so that it is stored like any network."""

    def __init__(self, options: EffectiveOptions) -> None:
        super().__init__()
        self.shells = options.shells
        self.four_spin = options.four_spin
        self.lattice = options.lattice or "square"
        count = 1 + self.shells + (5 if self.four_spin else 0)
        self.coefficients = nn.Parameter(torch.zeros(count, dtype=torch.float64))

    def features(self, spins: Tensor) -> Tensor:
        """The sums that E is linear in, (B, terms), float64."""
        spins = spins.double()
        sites = torch.ones_like(spins[:, 0, 0, 0]) * (spins.shape[2] * spins.shape[3])
        terms = [sites, *pair_terms(spins, self.shells, self.lattice)]
        if self.four_spin:
            triangular = self.lattice == "triangular"
            terms += triangular_four_spin_terms(spins) if triangular else four_spin_terms(spins)
        return torch.stack(terms, dim=1)

    def forward(self, spins: Tensor) -> Tensor:
        """Energies (B,), float64, of spins (B, 3, L, L)."""
        return self.features(spins) @ self.coefficients

    @torch.no_grad()
    def fit(self, features: Tensor, energies: Tensor) -> None:
        """Least squares of energies (B,) on `features` (B, terms), through an SVD."""
        scale = features.square().mean(dim=0).sqrt().clamp(min=torch.finfo(torch.float64).tiny)
        solution = torch.linalg.lstsq((features / scale).cpu(), energies.cpu(), driver="gelsd").solution
        self.coefficients.copy_(solution.to(scale.device) / scale)
