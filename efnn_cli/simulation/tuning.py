"""Tuning of moves in warm-up, on the network alone: step size, steps of a trajectory, moves of a proposal.

The steps of a trajectory are a compromise: the energy forgets most when momenta are drawn anew, so that it wants many
short trajectories; the long waves of m^2 want long ones. Correlations along a few long trajectories tell the cost of
every length.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from efnn_cli.physics.autocorrelation import autocorrelation, integrated
from efnn_cli.physics.system import Array
from efnn_cli.simulation.hybrid import State
from efnn_cli.simulation.moves import NetworkMoves, Settings

TUNING = 60  # moves that tune the step size
SHORT = 8  # mean leapfrog steps of these, at most
LENGTHS = (4, 8, 16, 32)  # steps of a trajectory, on average, that are compared
RECORDED = 10  # long trajectories whose correlations are measured
TRIED = 60  # moves that measure the autocorrelation time of single moves
MOVES_IN_TAU = 2.0  # moves of a proposal, in autocorrelation times
FEWEST_MOVES, MOST_MOVES = 3, 100  # of a proposal


def tuned_size(
    state: State, moves: NetworkMoves, settings: Settings, generator: torch.Generator
) -> tuple[State, Settings]:
    """Return state and settings after moves that fit the step size, and the width of Metropolis moves.

    The energy error of a trajectory does not grow with its length: short ones suffice to tune the step size.
    """
    for index in range(TUNING):
        kind = moves.kind(settings, generator)
        short = replace(settings, steps=min(settings.steps, SHORT))
        state, acceptance = moves.move(state, short, kind, generator)
        settings = settings.tuned(kind, acceptance, 1.0 / (1 + index / 10))
    return state, settings


def tuned_steps(
    state: State, moves: NetworkMoves, settings: Settings, generator: torch.Generator
) -> tuple[State, Settings]:
    """Return state and settings after long trajectories that tell the cheapest mean number of steps."""
    longest, every = 2 * max(LENGTHS) - 1, []
    for _ in range(RECORDED):
        passed = [state]
        state, _ = moves.trajectory(state, settings.step, longest, generator, passed)
        every.append(np.stack([observed(each) for each in passed], axis=-1))
    recorded = np.stack(every, axis=1)  # (2, trajectories, chains, 1 + steps)
    return state, replace(settings, steps=min(LENGTHS, key=lambda mean: cost(recorded, mean)))


def cost(recorded: Array, mean: int) -> float:
    """Return leapfrog steps per independent state of trajectories of 1 to 2 `mean` - 1 steps, all equally probable.

    `recorded` are observables along longer trajectories, (observables, ..., 1 + steps). With the correlation rho
    between the ends of a trajectory, an independent state takes (1 + rho) / (1 - rho) of them; the slowest observable
    counts. Trajectories count as if all were accepted.
    """
    worst = -1.0
    for series in recorded:
        start, ends = series[..., :1], series[..., 1 : 2 * mean]
        if (variance := float(start.var())) > 0:
            rho = 1 - float(((ends - start) ** 2).mean()) / (2 * variance)
            worst = max(worst, min(rho, 1 - 1e-9))
    return mean * (1 + worst) / (1 - worst) if worst > -1 else float(mean)


def tuned_moves(
    state: State, moves: NetworkMoves, settings: Settings, generator: torch.Generator
) -> tuple[State, Settings]:
    """Return state and settings after moves that tell how many of them make a proposal: `MOVES_IN_TAU` of their tau."""
    series = []
    for _ in range(TRIED):
        state, _ = moves.move(state, settings, moves.kind(settings, generator), generator)
        series.append(observed(state))
    each = np.stack(series, axis=-1)  # (2, chains, moves)
    taus = [integrated(autocorrelation(some - some.mean()), some.size)[0] for some in each]
    length = min(max(math.ceil(MOVES_IN_TAU * max(taus)), FEWEST_MOVES), MOST_MOVES)
    return state, replace(settings, trajectories=length)


def observed(state: State) -> Array:
    """Return the energy and m^2 of every chain, (2, chains)."""
    square: Tensor = state.spins.mean(dim=(2, 3)).square().sum(dim=1)
    return torch.stack([state.energies, square]).cpu().numpy()
