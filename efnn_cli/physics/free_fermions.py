"""Free fermions: thermodynamics of independent electrons in given one-particle levels.

    Omega = -T sum_n ln(1 + exp(-e_n / T))                                       (k_B = 1)

with e_n the eigenvalues of H, the chemical potential included in H. T -> 0: the sum of the negative e_n.
"""

from __future__ import annotations

import torch
from scipy.optimize import brentq
from torch import Tensor

from efnn_cli.core.errors import NumericalError


def grand_potential(levels: Tensor, temperature: float) -> Tensor:
    """Omega (B,) of levels (B, N) in the units of `levels`; exact for every T > 0.

    ln(1 + e^-x) = max(-x, 0) + ln(1 + e^-|x|): no exponential of a positive number is taken.
    """
    thermal = torch.log1p(torch.exp(-levels.abs() / temperature)).sum(dim=-1)
    return levels.clamp(max=0.0).sum(dim=-1) - temperature * thermal


def electrons(levels: Tensor, temperature: float) -> Tensor:
    """Mean number of electrons (B,) in levels (B, N): the sum of 1 / (1 + e^(e / T))."""
    return torch.sigmoid(-levels / temperature).sum(dim=-1)


def internal_energy(levels: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return sum e_n f(e_n) and sum e_n^2 f_n (1 - f_n), (B,) each, of levels (B, N) measured from mu.

    The first is d(Omega / T) / d(1 / T). The specific heat at fixed mu of spins that follow exp(-Omega / T) is the
    variance of the first plus the mean of the second, over T^2.
    """
    occupied = torch.sigmoid(-levels / temperature)
    empty = torch.sigmoid(levels / temperature)
    return (levels * occupied).sum(dim=-1), (levels.square() * occupied * empty).sum(dim=-1)


def chemical_potential(levels: Tensor, temperature: float, number: float) -> float:
    """Return the mu at which levels (B, N), which are without mu, hold `number` electrons in the mean over B.

    Raises `NumericalError` where the number is out of reach.
    """
    margin = 60 * temperature + 1.0  # beyond it levels are empty or full to rounding
    low, high = float(levels.min()) - margin, float(levels.max()) + margin

    def excess(mu: float) -> float:
        return float(electrons(levels - mu, temperature).mean()) - number

    if excess(low) > 0 or excess(high) < 0:
        raise NumericalError(f"no chemical potential holds {number:g} electrons in {levels.shape[-1]} levels")
    return float(brentq(excess, low, high, xtol=1e-12))


def spin_moments(levels: Tensor, states: Tensor, temperature: float) -> Tensor:
    """Return <c+_i sigma c_i> (B, 3, n) at every site for levels (B, N) and eigenvectors (B, N, N) in equilibrium.

    The basis is state 2 i + a for site i and spin a; levels are occupied by the Fermi function 1 / (1 + e^(e / T)).
    """
    occupied = torch.sigmoid(-levels / temperature).to(states.dtype)
    amplitude = states.reshape(len(states), -1, 2, states.shape[-1])  # (B, n, 2, N)
    up, down = amplitude.unbind(dim=2)
    flip = (up.conj() * down * occupied[:, None]).sum(-1)  # <c+_up c_down>, (B, n)
    polarisation = ((up.abs().square() - down.abs().square()) * occupied[:, None].real).sum(-1)
    return torch.stack([2 * flip.real, 2 * flip.imag, polarisation], dim=1)
