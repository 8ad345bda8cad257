"""The grand potential from determinants against eigenvalues: never outside its own error estimate."""

import dataclasses

import numpy as np
import pytest
import torch

from efnn_cli.core.errors import NumericalError
from efnn_cli.physics import SYSTEMS, block_recursion, determinant, matsubara, sparse_determinant
from efnn_cli.physics.system import Draw

DoubleExchange = SYSTEMS["double_exchange"]
EPS = np.finfo(float).eps


def spins_of(kind, size, seed):
    if kind == "random":
        return torch.from_numpy(DoubleExchange(L=size).sample("uniform_sphere", Draw(seed, "train", 0, 0, 1)))
    spins = torch.zeros(1, 3, size, size, dtype=torch.float64)
    spins[:, 2] = 1.0
    if kind == "staggered":
        spins = spins * torch.from_numpy((-1.0) ** np.add(*np.indices((size, size))))
    return spins


def cases(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        size, hund = int(rng.integers(3, 13)), rng.uniform(0, 30)
        temperature = float(np.exp(rng.uniform(np.log(0.02), np.log(5))))
        system = DoubleExchange(L=size, T=temperature, J=hund, mu=float(rng.uniform(-1, 1) * (4 + hund / 2)))
        yield system, spins_of(rng.choice(["random", "ferromagnet", "staggered"]), size, int(rng.integers(1000)))


def check(system, spins):
    """Inside its estimate, up to the rounding of the eigenvalues themselves; and the estimate is no fantasy."""
    exact = system.energy(spins).item()
    labels = system.label(spins, "determinant")
    found, estimate = labels.energies.item(), labels.errors.item()
    error, levels = abs(found - exact), 2 * system.size**2
    rounding = EPS * levels * max(system.bound, system.T)
    assert error <= estimate + rounding, (system, error, estimate)
    assert estimate <= 100 * (error + 100 * rounding), (system, error, estimate)
    assert estimate <= 1e-10 * max(abs(found), levels * system.T)


def test_error_estimate_holds_for_random_parameters():
    for system, spins in cases(24, seed=0):
        check(system, spins)


@pytest.mark.slow
def test_error_estimate_holds_for_two_hundred_random_parameters():
    for system, spins in cases(200, seed=1):
        check(system, spins)


def test_sparse_hamiltonian_is_the_dense_one():
    for size in (3, 5):
        system, spins = DoubleExchange(L=size, t=0.7), spins_of("random", size, 0)
        dense = system.hamiltonians(spins)[0].numpy()
        np.testing.assert_allclose(system.sparse_hamiltonian(spins[0]).toarray(), dense, atol=1e-15)


@pytest.mark.parametrize("size", [3, 4, 7])
def test_block_recursion_equals_sparse_factors(size):
    """Two configurations at once, a hopping that is not one, small and large frequencies; L = 3 has no middle row."""
    system = DoubleExchange(L=size, t=0.7, mu=0.4)
    spins = torch.cat([spins_of("random", size, seed) for seed in (0, 1)])
    frequencies = np.array([1e-2, 0.3, 7.0, 100.0])
    found = block_recursion.log_determinants(system.diagonal_rows(spins), -system.t, torch.from_numpy(frequencies))
    for each, logs in zip(spins, found.numpy(), strict=True):
        sparse = sparse_determinant.log_determinants(system.sparse_hamiltonian(each), frequencies)
        np.testing.assert_allclose(logs, sparse, rtol=1e-12)
    wrong = block_recursion.log_determinants(system.diagonal_rows(spins), +0.9, torch.from_numpy(frequencies))
    assert not torch.allclose(wrong, found, rtol=1e-6)


def test_labels_do_not_depend_on_the_elimination(monkeypatch):
    """Sparse factors, blocks, and blocks in groups of a single frequency."""
    system, spins = DoubleExchange(L=5), torch.cat([spins_of("random", 5, seed) for seed in range(3)])
    blocks = system.label(spins, "determinant").energies
    monkeypatch.setattr(determinant, "batch_bytes", lambda device: 1)
    torch.testing.assert_close(system.label(spins, "determinant").energies, blocks, rtol=1e-13, atol=0)
    monkeypatch.setattr(determinant, "BLOCKS_UP_TO", 0)
    torch.testing.assert_close(system.label(spins, "determinant").energies, blocks, rtol=1e-12, atol=0)


def test_determinants_and_moments_equal_those_of_the_levels():
    system, spins = DoubleExchange(L=4), spins_of("random", 4, 0)
    levels = system.levels(spins)[0].numpy()
    matrix = system.sparse_hamiltonian(spins[0])
    frequencies = np.array([0.3, 7.0, 100.0])
    expected = 0.5 * np.log(levels[None] ** 2 + frequencies[:, None] ** 2).sum(1)
    np.testing.assert_allclose(sparse_determinant.log_determinants(matrix, frequencies), expected, rtol=1e-13)
    moments = [np.sum(levels ** (2 * m)) for m in range(1, 5)]
    np.testing.assert_allclose(sparse_determinant.even_moments(matrix, 4), moments, rtol=1e-12)


def test_measured_truncation_errors():
    """At the published parameters K = 48, 64, 96 with M = 6 err by 3e-5, 8e-7, 4.3e-9 relative: measured before."""
    system, spins = DoubleExchange(L=6), spins_of("random", 6, 0)
    levels = system.levels(spins)[0].numpy()
    exact = system.energy(spins).item()
    for frequencies, wanted in ((48, 3e-5), (64, 8e-7), (96, 4.3e-9)):
        how = matsubara.Truncation(system.T, frequencies, 6)
        logs = 0.5 * np.log(levels[None] ** 2 + how.matsubara()[:, None] ** 2).sum(1)
        moments = [np.sum(levels ** (2 * m)) for m in range(1, 8)]
        omega, estimate = matsubara.grand_potential(how, len(levels), levels.sum(), logs, moments)
        error = abs(omega - exact) / abs(exact)
        assert wanted / 3 < error < wanted * 3
        assert error <= estimate / abs(exact) < 10 * error


def test_what_cannot_be_reached_is_refused():
    system, spins = DoubleExchange(L=3), spins_of("random", 3, 0)
    with pytest.raises(NumericalError, match="frequencies"):
        dataclasses.replace(system, T=1e-6).label(spins, "determinant")
    with pytest.raises(NumericalError, match="exceeds the tolerance"):
        system.label(spins, "determinant", tolerance=1e-15)


def test_auto_takes_the_cheaper_method():
    assert DoubleExchange(L=10).fastest_reference("cpu") == "dense"
    assert DoubleExchange(L=40).fastest_reference("cpu") == "determinant"
    assert DoubleExchange(L=40, T=1e-6).fastest_reference("cpu") == "dense"
