"""The length of trajectories, tuned by correlations along them, and drawn at random."""

import math

import numpy as np
import pytest
import torch

from efnn_cli.simulation.moves import NetworkMoves, Settings
from efnn_cli.simulation.tuning import LENGTHS, cost, tuned_steps

STEPS = 2 * max(LENGTHS) - 1


def oscillators(frequencies, trajectories=4000):
    """Positions of free oscillators of unit variance along trajectories, (oscillators, trajectories, 1, 1 + steps)."""
    rng = np.random.default_rng(0)
    positions, momenta = rng.normal(size=(2, len(frequencies), trajectories, 1, 1))
    angles = np.multiply.outer(np.array(frequencies), np.arange(STEPS + 1))[:, None, None]
    return positions * np.cos(angles) + momenta * np.sin(angles)


def exact(frequency, mean):
    """The cost of an oscillator: its correlation after k steps is cos(frequency k)."""
    rho = sum(math.cos(frequency * k) for k in range(1, 2 * mean)) / (2 * mean - 1)
    return mean * (1 + rho) / (1 - rho)


@pytest.mark.parametrize("frequencies", [(0.4,), (0.05,), (0.1, 1.2)])
def test_the_cost_is_that_of_the_slowest_oscillator(frequencies):
    recorded = oscillators(frequencies)
    found = [cost(recorded, mean) for mean in LENGTHS]
    wanted = [max(exact(each, mean) for each in frequencies) for mean in LENGTHS]
    assert found == pytest.approx(wanted, rel=0.1)
    assert LENGTHS[int(np.argmin(found))] == LENGTHS[int(np.argmin(wanted))]


def test_slow_waves_want_long_trajectories():
    chosen = [min(LENGTHS, key=lambda mean: cost(oscillators([each]), mean)) for each in (0.003, 0.03, 0.1, 0.4)]
    assert chosen == sorted(chosen, reverse=True)
    assert chosen[0] == max(LENGTHS) > chosen[-1]


def test_an_observable_that_never_changes_does_not_count():
    recorded = np.concatenate([oscillators([0.4]), np.ones((1, 4000, 1, 64))])
    assert cost(recorded, 8) == pytest.approx(exact(0.4, 8), rel=0.1)


def test_small_steps_make_long_trajectories():
    """Spins in a strong field swing about it with the frequency sqrt(100): 0.03 and 0.5 a step."""

    class Field(torch.nn.Module):
        def forward(self, spins):
            return -100.0 * spins[:, 2].sum(dim=(1, 2))

    moves, generator = NetworkMoves(Field(), 1, 1.0), torch.Generator().manual_seed(0)
    spins = torch.zeros(16, 3, 4, 4, dtype=torch.float64)
    spins[:, 2] = 1.0
    state = moves.state(spins)
    for _ in range(30):
        state, _ = moves.move(state, Settings("hybrid", 1, 4, step=0.1), "hybrid", generator)
    chosen = []
    for step in (0.003, 0.05):
        _, found = tuned_steps(state, moves, Settings("hybrid", 1, 8, step=step), generator)
        assert found.step == step
        chosen.append(found.steps)
    assert chosen == [max(LENGTHS), min(LENGTHS)]


def test_trajectories_have_random_lengths_of_the_mean_that_was_set():
    """A particle on the sphere without forces goes along a great circle: the angle tells the number of steps."""

    class Flat(torch.nn.Module):
        def forward(self, spins):
            return 0.0 * spins.sum(dim=(1, 2, 3))

    moves = NetworkMoves(Flat(), 1, 1.0)
    state = moves.state(torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).view(1, 3, 1, 1))
    settings, counts = Settings("hybrid", 1, 4, step=1e-3), []
    for seed in range(300):
        generator = torch.Generator().manual_seed(seed)
        end, _ = moves.move(state, settings, "hybrid", generator)
        again = torch.Generator().manual_seed(seed)
        torch.rand(1, dtype=torch.float64, generator=again)  # the number of steps
        momentum = torch.randn((1, 3, 1, 1), dtype=torch.float64, generator=again)[:, :2].norm()
        angle = math.acos(float(end.spins[0, 2, 0, 0]))
        counts.append(angle / (1e-3 * float(momentum)))
    assert np.array(counts) == pytest.approx(np.round(counts), abs=1e-3)
    assert set(np.round(counts)) == set(range(1, 8))
    assert np.mean(counts) == pytest.approx(4, abs=0.5)
