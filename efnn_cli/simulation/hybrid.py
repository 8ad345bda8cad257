"""Hybrid Monte Carlo of unit spins on an energy E at temperature T (Duane et al., Phys. Lett. B 195, 216 (1987)).

Momenta p are tangent to the spheres, and H = E/T + p^2/2 is tested after each trajectory of geodesic leapfrog steps.
A step is a half kick, a drift along great circles and a half kick.
It is reversible and preserves the volume of phase space.
Spins and momenta have shape (chains, 3, Lx, Ly), float64. The energy may come from a network of any precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from efnn_cli.training.fields import transverse

Energy = Callable[[Tensor], tuple[Tensor, Tensor]]  # spins -> energies (chains,), dE/dS like spins


@dataclass(frozen=True)
class State:
    """Spins (chains, 3, Lx, Ly) with their energies (chains,) and dE/dS, like the spins."""

    spins: Tensor
    energies: Tensor
    slopes: Tensor

    @classmethod
    def of(cls, spins: Tensor, energy: Energy) -> State:
        """Return the state of `spins`."""
        return cls(spins, *energy(spins))

    def where(self, accepted: Tensor, other: State) -> State:
        """Return this state for chains that are `accepted`, bool (chains,), and the `other` one elsewhere."""
        wide = accepted[:, None, None, None]
        return State(
            torch.where(wide, self.spins, other.spins),
            torch.where(accepted, self.energies, other.energies),
            torch.where(wide, self.slopes, other.slopes),
        )


def drift(spins: Tensor, momenta: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """Return spins and momenta after the time `step` along great circles."""
    angle = momenta.norm(dim=1, keepdim=True) * step  # (chains, 1, Lx, Ly)
    sine = torch.sinc(angle / torch.pi) * step  # sin(|p| step) / |p|, finite at p = 0
    cosine = angle.cos()
    turned = cosine * momenta - (momenta * momenta).sum(1, keepdim=True) * sine * spins
    return cosine * spins + sine * momenta, turned


def leapfrog(
    start: State,
    momenta: Tensor,
    energy: Energy,
    temperature: float,
    step: float,
    steps: int,
    passed: list[State] | None = None,
) -> tuple[State, Tensor]:
    """Return the state and the momenta after `steps` leapfrog steps of length `step`.

    The states after every step are appended to `passed`.
    """
    half, state = step / (2 * temperature), start
    for _ in range(steps):
        momenta = momenta - half * transverse(state.spins, state.slopes)
        spins, momenta = drift(state.spins, momenta, step)
        state = State.of(spins, energy)
        momenta = momenta - half * transverse(state.spins, state.slopes)
        if passed is not None:
            passed.append(state)
    return state, momenta


def trajectory(
    state: State,
    energy: Energy,
    temperature: float,
    step: float,
    steps: int,
    normals: Tensor,
    uniforms: Tensor,
    passed: list[State] | None = None,
) -> tuple[State, Tensor]:
    """Return the state after one trajectory with its Metropolis test, and which chains accepted, bool (chains,).

    `normals` (like the spins) and `uniforms` (chains,) are random numbers. States on the way are appended to `passed`.
    """
    momenta = transverse(state.spins, normals)
    end, last = leapfrog(state, momenta, energy, temperature, step, steps, passed)
    before = state.energies / temperature + momenta.square().sum((1, 2, 3)) / 2
    after = end.energies / temperature + last.square().sum((1, 2, 3)) / 2
    accepted = uniforms < (before - after).exp()
    return end.where(accepted, state), accepted
