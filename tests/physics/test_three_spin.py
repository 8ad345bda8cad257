"""The infinite-range r-spin model against closed forms, a brute-force sum and its symmetries."""

import itertools
import math

import numpy as np
import pytest
import torch

from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.system import Draw

ThreeSpin = SYSTEMS["three_spin"]


def draw(system, count=64, seed=3):
    return system.sample("uniform", Draw(seed, "train", 0, 0, count))


def brute_force(spins, couplings, r):
    subsets = list(itertools.combinations(range(spins.shape[1]), r))
    return np.array([-sum(j * np.prod(s[list(c)]) for j, c in zip(couplings, subsets, strict=True)) for s in spins])


@pytest.mark.parametrize("values", [[0, 1], [-1, 1]])
def test_uniform_couplings_give_the_power_sum_formula(values):
    system = ThreeSpin(L=15, spin_values=values)
    ones = system.with_couplings(np.ones(455))
    spins = draw(ones)
    p1, p2, p3 = (np.sum(spins**k, axis=1) for k in (1, 2, 3))
    expected = -(p1**3 - 3 * p1 * p2 + 2 * p3) / 6
    np.testing.assert_allclose(ones.energy(torch.from_numpy(spins)).numpy(), expected, rtol=1e-13, atol=1e-12)
    # Negative control: the random couplings of the system itself do not fulfil the formula.
    assert not np.allclose(system.energy(torch.from_numpy(spins)).numpy(), expected)


@pytest.mark.parametrize("r", [2, 3, 4, 5])
def test_energy_is_the_sum_over_every_subset_once(r):
    system = ThreeSpin(L=8, r=r, spin_values=[-1, 1])
    spins = draw(system, 20)
    assert len(system.couplings) == math.comb(8, r)
    expected = brute_force(spins, system.couplings, r)
    np.testing.assert_allclose(system.energy(torch.from_numpy(spins)).numpy(), expected, rtol=1e-12, atol=1e-12)


def test_energy_is_linear_in_couplings_and_in_every_spin():
    system = ThreeSpin(L=7)
    rng = np.random.default_rng(0)
    spins = torch.from_numpy(rng.uniform(-2, 2, (5, 7)))
    a, b = system.couplings, rng.normal(size=35)
    parts = [system.with_couplings(j).energy(spins) for j in (a, b, 2 * a - 3 * b)]
    torch.testing.assert_close(parts[2], 2 * parts[0] - 3 * parts[1], rtol=1e-12, atol=1e-12)
    for site in range(7):
        low, high, middle = spins.clone(), spins.clone(), spins.clone()
        low[:, site], high[:, site], middle[:, site] = 0.0, 1.0, 0.25
        line = 0.75 * system.energy(low) + 0.25 * system.energy(high)
        torch.testing.assert_close(system.energy(middle), line, rtol=1e-12, atol=1e-12)


def test_couplings_come_from_their_own_seed():
    first, again, other = (ThreeSpin(coupling_seed=s).couplings for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    many = ThreeSpin(L=60).couplings  # 34 220 draws of Normal(1, 2)
    assert abs(many.mean() - 1) < 0.05
    assert abs(many.std() - 2) < 0.05


def test_published_moments_of_the_energy():
    """E[s] = 1/2, so the mean energy is -sum(J) / 8 exactly; the sample mean agrees within 5 standard errors."""
    system = ThreeSpin()
    energies = system.energy(torch.from_numpy(draw(system, 20_000))).numpy()
    assert abs(energies.mean() + system.couplings.sum() / 8) < 5 * energies.std() / math.sqrt(20_000)
