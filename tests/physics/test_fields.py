"""Effective fields -dE/dS against central differences of the energy."""

import numpy as np
import pytest
import torch

from efnn_cli.core.errors import ConfigError, NumericalError
from efnn_cli.physics import SYSTEMS, diagonalise, free_fermions, hopping, subsets
from efnn_cli.physics.infinite_range import InfiniteRange
from efnn_cli.physics.system import Draw

CASES = [
    SYSTEMS["three_spin"](L=7, r=4),
    SYSTEMS["heisenberg"](L=4, J1=0.7, J2=-0.3, K=0.5, R=0.8),
    InfiniteRange(L=7),
    SYSTEMS["double_exchange"](L=3, J=5.0, mu=-2.0, T=0.3),
]


def unchecked_energy(system, spins):
    """Energy of spins that are not unit vectors."""
    if system.name != "double_exchange":
        return system.energy(spins)
    return free_fermions.grand_potential(diagonalise.dense_levels(system.hamiltonians(spins)), system.T)


@pytest.mark.parametrize("system", CASES, ids=lambda system: system.kind)
def test_fields_are_the_gradient_of_the_energy(system):
    spins = torch.from_numpy(system.sample(system.samplings[0], Draw(0, "train", 0, 0, 2)))
    fields = system.fields(spins)
    assert fields.shape == spins.shape
    step = 1e-5
    for index in np.random.default_rng(0).choice(spins[0].numel(), 6, replace=False):
        shift = torch.zeros_like(spins)
        shift.reshape(2, -1)[:, index] = step
        plus, minus = (unchecked_energy(system, spins + sign * shift) for sign in (1, -1))
        slope = -(plus - minus) / (2 * step)
        torch.testing.assert_close(fields.reshape(2, -1)[:, index], slope, rtol=1e-7, atol=1e-7)
    assert fields.abs().max() > 0.01


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("system", CASES, ids=lambda system: system.kind)
def test_fields_where_gradients_are_switched_off(system, off):
    subsets.indices.cache_clear()
    hopping.hopping_matrix.cache_clear()
    spins = torch.from_numpy(system.sample(system.samplings[0], Draw(0, "train", 0, 0, 2)))
    with off():
        inside = system.fields(spins)
        energies = system.energy(spins)
    torch.testing.assert_close(inside, system.fields(spins), rtol=0, atol=0)
    torch.testing.assert_close(energies, system.energy(spins), rtol=0, atol=0)


WITHOUT_GRADIENT = {
    "NumPy": lambda spins: torch.from_numpy(np.sin(spins.numpy()).sum(axis=(1, 2, 3))),
    "detached": lambda spins: spins.detach().sum(dim=(1, 2, 3)),
    "of other spins": lambda spins: torch.ones(len(spins), dtype=torch.float64, requires_grad=True),
    "no derivative": lambda spins: torch.special.zeta(spins + 3, spins + 3).sum(dim=(1, 2, 3)),
}


@pytest.mark.parametrize("energy", WITHOUT_GRADIENT.values(), ids=WITHOUT_GRADIENT)
def test_energies_without_a_gradient_are_said_to_have_none(monkeypatch, energy):
    system = CASES[1]
    monkeypatch.setattr(type(system), "energy", lambda self, spins: energy(spins))
    spins = torch.from_numpy(system.sample("uniform_sphere", Draw(0, "train", 0, 0, 2)))
    with pytest.raises(ConfigError, match="heisenberg_lattice has no fields") as caught:
        system.fields(spins)
    assert "write fields(spins)" in caught.value.hint


def test_other_failures_of_an_energy_stay_what_they_are(monkeypatch):
    """Above all too little memory, for which callers take smaller batches."""

    def fail(self, spins):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(type(CASES[1]), "energy", fail)
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
        CASES[1].fields(torch.zeros(1, 3, 4, 4))


def test_fields_turn_with_the_spins():
    system = CASES[3]
    spins = torch.from_numpy(system.sample("uniform_sphere", Draw(0, "train", 0, 0, 2)))
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    rotation = torch.from_numpy(q * np.sign(np.linalg.det(q)))

    def turn(vectors):
        return torch.einsum("ij,bjxy->bixy", rotation, vectors)

    torch.testing.assert_close(system.fields(turn(spins)), turn(system.fields(spins)), rtol=1e-9, atol=1e-10)


def corrupt(monkeypatch, times, how):
    """Let the first `times` diagonalisations return wrong eigenvectors, as accelerators have been reported to."""
    honest, calls = diagonalise.dense_states, []

    def wrong(matrices):
        levels, states = honest(matrices)
        calls.append(len(matrices))
        if len(calls) <= times:
            how(levels[0], states[0])
        return levels, states

    monkeypatch.setattr(diagonalise, "dense_states", wrong)
    return calls


DAMAGE = {
    "level": lambda levels, states: levels[3].add_(1e-6),
    "twice the same": lambda levels, states: states[:, 4].copy_(states[:, 3]),
    "zero": lambda levels, states: states[:, 3].zero_(),
    "nan": lambda levels, states: states[0, 3].fill_(torch.nan),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_wrong_eigenvectors_are_computed_again_or_refused(monkeypatch, kind):
    system = CASES[3]
    spins = torch.from_numpy(system.sample("uniform_sphere", Draw(0, "train", 0, 0, 3)))
    exact = system.fields(spins)
    with monkeypatch.context() as patch:
        calls = corrupt(patch, 1, DAMAGE[kind])
        torch.testing.assert_close(system.fields(spins), exact, rtol=0, atol=1e-12)
        assert calls == [3, 1]
    corrupt(monkeypatch, 2, DAMAGE[kind])
    with pytest.raises(NumericalError, match="1 of 3 sets of eigenvectors"):
        system.fields(spins)


def test_eigenvectors_that_do_not_converge_are_no_defect(monkeypatch):
    def fail(matrices):
        raise torch.linalg.LinAlgError("failed to converge")

    monkeypatch.setattr(torch.linalg, "eigh", fail)
    system = CASES[3]
    with pytest.raises(NumericalError, match="did not converge"):
        system.fields(torch.from_numpy(system.sample("uniform_sphere", Draw(0, "train", 0, 0, 1))))
