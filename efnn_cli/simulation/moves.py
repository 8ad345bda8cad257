"""Proposals: moves of a batch of chains on the energy of a network, reversible with respect to exp(-E_net / T).

A proposal is a fixed number of moves, each a hybrid trajectory or rounds of Metropolis moves, chosen at random: a
product of reversible kernels in random order has the detailed balance that the exact test after it needs. The number
of steps of a trajectory is random: one fixed length may be a half period of many spin waves, and brings them back to
where they were (Mackenzie, Phys. Lett. B 226, 369 (1989)). Step size, mean number of steps and number of moves are
tuned in warm-up and never changed afterwards: a kernel that depended on the past would not be reversible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from efnn_cli.models.energy import EnergyModel
from efnn_cli.simulation import hybrid, metropolis
from efnn_cli.simulation.hybrid import State
from efnn_cli.training.predict import energies_and_slopes

WANTED = {"hybrid": 0.85, "metropolis": 0.5}  # acceptance that step sizes are tuned to
LONGEST = {"step": 1.0, "width": 3.0}
SHORTEST = 1e-4


@dataclass(frozen=True)
class Settings:
    """Moves of a proposal, and their sizes."""

    moves: str
    """One of hybrid, metropolis, mixed."""
    trajectories: int
    """Number of moves in a proposal."""
    steps: int
    """Leapfrog steps in a trajectory, on average."""
    step: float = 0.1
    """Length of a leapfrog step, with momenta of unit variance."""
    width: float = 0.5
    """Size of a Metropolis move relative to the spin."""

    def tuned(self, kind: str, acceptance: float, rate: float) -> Settings:
        """Return the settings with the size of one kind of move changed towards its acceptance, by exp(`rate`)."""
        name = "step" if kind == "hybrid" else "width"
        size = getattr(self, name) * math.exp(rate * (acceptance - WANTED[kind]))
        return replace(self, **{name: min(max(size, SHORTEST), LONGEST[name])})


class NetworkMoves:
    """Moves on the energy of one network, at temperature T."""

    def __init__(self, model: EnergyModel, reach: int, temperature: float) -> None:
        self.model = model
        self.reach = reach
        """Side of the receptive field."""
        self.temperature = temperature

    def energy(self, spins: Tensor) -> tuple[Tensor, Tensor]:
        """Return energies (chains,) and dE/dS."""
        return energies_and_slopes(self.model, spins)

    def state(self, spins: Tensor) -> State:
        """Return the state of `spins`."""
        return State.of(spins, self.energy)

    @torch.no_grad()
    def density(self, spins: Tensor) -> Tensor:
        """Return the energies (chains, Lx, Ly) of every site."""
        return self.model.density(spins)

    def propose(self, state: State, settings: Settings, generator: torch.Generator) -> State:
        """Return the state after the moves of one proposal."""
        for _ in range(settings.trajectories):
            state = self.move(state, settings, self.kind(settings, generator), generator)[0]
        return replace(state, spins=unit(state.spins))

    def kind(self, settings: Settings, generator: torch.Generator) -> str:
        """Return the kind of the next move."""
        if settings.moves != "mixed":
            return settings.moves
        return "hybrid" if float(_uniforms((1,), generator)) < 0.5 else "metropolis"

    def move(self, state: State, settings: Settings, kind: str, generator: torch.Generator) -> tuple[State, float]:
        """Return the state after one move, and the share of tests that accepted."""
        if kind == "hybrid":
            steps = 1 + int((2 * settings.steps - 1) * float(_uniforms((1,), generator)))  # 1 to 2 steps - 1
            return self.trajectory(state, settings.step, steps, generator)
        spins, share = self.sweep(state.spins, settings.width, settings.steps, generator)
        return self.state(spins), share

    def trajectory(
        self, state: State, step: float, steps: int, generator: torch.Generator, passed: list[State] | None = None
    ) -> tuple[State, float]:
        """Return the state after a trajectory, and the share of chains that accepted; `passed` as in `hybrid`."""
        normals = _normals(state.spins.shape, generator).to(state.spins.device)
        uniforms = _uniforms(state.energies.shape, generator).to(state.spins.device)
        state, accepted = hybrid.trajectory(
            state, self.energy, self.temperature, step, steps, normals, uniforms, passed
        )
        return state, float(accepted.double().mean())

    def sweep(self, spins: Tensor, width: float, rounds: int, generator: torch.Generator) -> tuple[Tensor, float]:
        """Return the spins after `rounds` Metropolis moves of grids of sites, and the share of accepted ones."""
        sides = (spins.shape[2], spins.shape[3])
        count, found = metropolis.sites_at_once(sides, self.reach), 0.0
        densities = self.density(spins)
        for _ in range(rounds):
            x, y = _uniforms((2,), generator).tolist()
            offset = (int(sides[0] * x), int(sides[1] * y))
            normals = _normals((len(spins), 3, count), generator).to(spins.device)
            uniforms = _uniforms((len(spins), count), generator).to(spins.device)
            spins, densities, accepted = metropolis.round_of_moves(
                spins, densities, self.density, self.temperature, width, self.reach, offset, normals, uniforms
            )
            found += float(accepted.double().mean()) / rounds
        return spins, found


def unit(spins: Tensor) -> Tensor:
    """Return spins (chains, 3, Lx, Ly) of length one: moves change it by rounding."""
    lengths: Tensor = spins.norm(dim=1, keepdim=True)
    return spins / lengths


def _normals(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return normal numbers, drawn on the CPU: the same on every device."""
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def _uniforms(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return uniform numbers in [0, 1), drawn on the CPU."""
    return torch.rand(shape, dtype=torch.float64, generator=generator)
