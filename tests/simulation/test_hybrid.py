"""Trajectories are reversible and preserve volume; a pair of spins has its exact mean energy."""

import math

import torch

from efnn_cli.simulation import hybrid
from efnn_cli.simulation.hybrid import State
from efnn_cli.training.fields import transverse


def bond(spins):
    """Energy -S1.S2 + (S1.S2)^2 / 2 of two sites, and its gradient, smooth in the spins."""
    cosine = (spins[:, :, 0] * spins[:, :, 1]).sum((1, 2))
    other = spins.flip(2)
    return -cosine + cosine**2 / 2, (cosine - 1)[:, None, None, None] * other


def start(chains):
    generator = torch.Generator().manual_seed(1)
    spins, normals = torch.randn(2, chains, 3, 2, 1, dtype=torch.float64, generator=generator)
    spins = spins / spins.norm(dim=1, keepdim=True)
    return spins, transverse(spins, normals)


def returned(integrate):
    """Largest change of the spins after going there and back."""
    spins, _ = start(20)
    ends, last = integrate(*start(20))
    return (integrate(ends, -last)[0] - spins).abs().max()


def frame(spins):
    """Orthonormal tangent vectors (2 sites x 2, 6) of one chain, as rows over all components."""
    rows = torch.zeros(4, 3, 2, 1, dtype=spins.dtype)
    for site in range(2):
        rows[2 * site : 2 * site + 2, :, site, 0] = torch.linalg.svd(spins[0, :, site, 0][None])[2][1:]
    return rows.reshape(4, 6)


def volume(integrate):
    """Ratio of phase-space volumes after and before, in frames that are transported in parallel."""
    spins, momenta = start(1)
    blocks = torch.autograd.functional.jacobian(integrate, (spins, momenta))
    full = torch.cat([torch.cat([each.reshape(6, 6) for each in row], 1) for row in blocks])  # (12, 12)
    before, after = frame(spins), frame(integrate(spins, momenta)[0])
    moved = before.reshape(4, 3, 2, 1)
    carried = -((moved * momenta).sum(1, keepdim=True) * spins).reshape(4, 6)  # keeps p tangent
    into = torch.cat([torch.cat([before, carried], 1), torch.cat([0 * before, before], 1)]).T  # (12, 8)
    return torch.linalg.det(torch.block_diag(after, after) @ full @ into).abs()


def good(spins, momenta):
    end, last = hybrid.leapfrog(State.of(spins, bond), momenta, bond, 0.3, 0.2, 7)
    return end.spins, last


def kick_and_drift(spins, momenta):
    """A whole kick, then a drift: preserves the volume, but is not its own way back."""
    return hybrid.drift(spins, momenta - 0.5 * transverse(spins, bond(spins)[1]), 0.5)


def on_chords(spins, momenta):
    """A half kick, a drift along a chord and a half kick: the volume of phase space changes."""
    momenta = momenta - 0.5 * transverse(spins, bond(spins)[1])
    moved = spins + 0.5 * momenta
    moved = moved / moved.norm(dim=1, keepdim=True)
    momenta = transverse(moved, momenta)
    return moved, momenta - 0.5 * transverse(moved, bond(moved)[1])


def test_trajectories_are_reversible_and_preserve_volume():
    assert returned(good) < 1e-12
    assert abs(volume(good) - 1) < 1e-10


def test_each_property_is_missed_where_it_is_broken():
    """Negative controls, one for each."""
    assert abs(volume(kick_and_drift) - 1) < 1e-10
    assert returned(kick_and_drift) > 1e-3
    assert abs(volume(on_chords) - 1) > 1e-3


def mean_cosine(step, steps, temperature=0.5, chains=1000, rounds=60):
    """Mean and error of S1.S2 over chains of the energy -S1.S2, after a third of the rounds."""
    generator = torch.Generator().manual_seed(2)

    def energy(spins):
        return -(spins[:, :, 0] * spins[:, :, 1]).sum((1, 2)), -spins.flip(2)

    state, total = State.of(start(chains)[0], energy), torch.zeros(chains, dtype=torch.float64)
    for turn in range(rounds):
        normals = torch.randn(state.spins.shape, dtype=torch.float64, generator=generator)
        uniforms = torch.rand(chains, dtype=torch.float64, generator=generator)
        state, _ = hybrid.trajectory(state, energy, temperature, step, steps, normals, uniforms)
        total += -state.energies * (turn >= rounds // 3)
    means = total / (rounds - rounds // 3)
    return float(means.mean()), float(means.std() / math.sqrt(chains))


def test_a_bond_has_its_exact_mean_at_any_step():
    exact = 1 / math.tanh(2) - 0.5  # Langevin function of J/T = 2
    for step in (0.3, 0.9):
        mean, error = mean_cosine(step, 3)
        assert error < 0.01
        assert abs(mean - exact) < 4 * error
