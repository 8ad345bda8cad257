"""`model=effective`: the linear effective spin model, fitted in closed form; every network must beat it.

    E = e_0 L^2 + sum_r J_r sum_i S_i.S_{i+r} + four-spin terms           (lattice systems only)

Shells r by distance: (1,0) (1,1) (2,0) (2,1) (2,2) (3,0) (3,1), each site with each displacement of half a
shell, also where bonds wrap, so that the model is size-consistent. Four-spin terms, with b(i, d) = S_i.S_{i+d}:
corner b(i, +-x) b(i, +-y); parallel bonds of a plaquette; product of its diagonals; nearest-neighbour
bonds squared; two bonds in line.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from efnn_cli.models.options import EffectiveOptions

SHELLS = (
    ((1, 0), (0, 1)),
    ((1, 1), (1, -1)),
    ((2, 0), (0, 2)),
    ((2, 1), (2, -1), (1, 2), (1, -2)),
    ((2, 2), (2, -2)),
    ((3, 0), (0, 3)),
    ((3, 1), (3, -1), (1, 3), (1, -3)),
)


def bond(spins: Tensor, x: int, y: int) -> Tensor:
    """S_i.S_{i+(x, y)} for every site i, (B, L, L), of spins (B, 3, L, L)."""
    return (spins * spins.roll((-x, -y), dims=(2, 3))).sum(dim=1)


def pair_terms(spins: Tensor, shells: int) -> list[Tensor]:
    """Sum of S_i.S_j over each shell, (B,) each."""
    return [sum_sites(sum(bond(spins, *d) for d in shell)) for shell in SHELLS[:shells]]


def four_spin_terms(spins: Tensor) -> list[Tensor]:
    """The five four-spin sums, (B,) each."""
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
        count = 1 + self.shells + (5 if self.four_spin else 0)
        self.coefficients = nn.Parameter(torch.zeros(count, dtype=torch.float64))

    def features(self, spins: Tensor) -> Tensor:
        """The sums that E is linear in, (B, terms), float64."""
        spins = spins.double()
        sites = torch.ones_like(spins[:, 0, 0, 0]) * (spins.shape[2] * spins.shape[3])
        terms = [sites, *pair_terms(spins, self.shells)]
        if self.four_spin:
            terms += four_spin_terms(spins)
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
