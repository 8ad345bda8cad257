"""Hybrid Monte Carlo of unit spins on an energy E at temperature T (Duane et al., Phys. Lett. B 195, 216 (1987)).

Momenta p are tangent to the spheres, and H = E/T + p^2/2 is tested after each trajectory of geodesic leapfrog steps.
A step is a half kick, a drift along great circles and a half kick.
It is reversible and preserves the volume of phase space.
Spins and momenta have shape (chains, 3, Lx, Ly), float64. The energy may come from a network of any precision.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Energy = Callable[[Tensor], tuple[Tensor, Tensor]]  # spins -> energies (chains,), dE/dS like spins


def tangent(vectors: Tensor, spins: Tensor) -> Tensor:
    """Return the part of `vectors` orthogonal to `spins`, site by site."""
    return vectors - (vectors * spins).sum(1, keepdim=True) * spins


def drift(spins: Tensor, momenta: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """Return spins and momenta after the time `step` along great circles."""
    angle = momenta.norm(dim=1, keepdim=True) * step  # (chains, 1, Lx, Ly)
    sine = torch.sinc(angle / torch.pi) * step  # sin(|p| step) / |p|, finite at p = 0
    cosine = angle.cos()
    turned = cosine * momenta - (momenta * momenta).sum(1, keepdim=True) * sine * spins
    return cosine * spins + sine * momenta, turned


def leapfrog(
    spins: Tensor, momenta: Tensor, energy: Energy, temperature: float, step: float, steps: int
) -> tuple[Tensor, Tensor]:
    """Return spins and momenta after `steps` leapfrog steps of length `step`."""
    half = step / (2 * temperature)
    slope = energy(spins)[1]
    for _ in range(steps):
        momenta = momenta - half * tangent(slope, spins)
        spins, momenta = drift(spins, momenta, step)
        slope = energy(spins)[1]
        momenta = momenta - half * tangent(slope, spins)
    return spins, momenta


def trajectory(
    spins: Tensor, energy: Energy, temperature: float, step: float, steps: int, normals: Tensor, uniforms: Tensor
) -> tuple[Tensor, Tensor]:
    """Return spins after one trajectory with its Metropolis test, and which chains accepted, bool (chains,).

    `normals` (like `spins`) and `uniforms` (chains,) are random numbers, so that each chain can own its stream.
    """
    momenta = tangent(normals, spins)
    ends, last = leapfrog(spins, momenta, energy, temperature, step, steps)
    before = energy(spins)[0].double() / temperature + momenta.square().sum((1, 2, 3)) / 2
    after = energy(ends)[0].double() / temperature + last.square().sum((1, 2, 3)) / 2
    accepted = uniforms < (before - after).exp()
    ends = ends / ends.norm(dim=1, keepdim=True)
    return torch.where(accepted[:, None, None, None], ends, spins), accepted
