"""Double exchange: two constructions of H, closed-form spectra, trace identities, symmetries, limits of T."""

import dataclasses

import numpy as np
import pytest
import torch

from efnn_cli.core.errors import NumericalError
from efnn_cli.physics import SYSTEMS, diagonalise, free_fermions
from efnn_cli.physics.system import Draw

DoubleExchange = SYSTEMS["double_exchange"]
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def random_spins(size, count=3, seed=5):
    return torch.from_numpy(DoubleExchange(L=size).sample("uniform_sphere", Draw(seed, "train", 0, 0, count)))


def band(size):
    k = 2 * np.pi * np.arange(size) / size
    return (-2 * (np.cos(k)[:, None] + np.cos(k)[None, :])).ravel()


def loop_hamiltonian(system, spins):
    """H bond by bond through Kronecker products, as it is written down; state (site, spin)."""
    size, sites = system.size, system.size**2
    matrix = np.zeros((2 * sites, 2 * sites), dtype=complex)
    for x in range(size):
        for y in range(size):
            for neighbour in ((x + 1) % size * size + y, x * size + (y + 1) % size):
                hop = np.zeros((sites, sites))
                hop[x * size + y, neighbour] = hop[neighbour, x * size + y] = -system.t
                matrix += np.kron(hop, np.eye(2))
            site = np.zeros((sites, sites))
            site[x * size + y, x * size + y] = 1.0
            local = -system.J / 2 * np.einsum("a,aij->ij", spins[:, x, y], PAULI) - system.mu * np.eye(2)
            matrix += np.kron(site, local)
    return matrix


def levels_of(system, spins):
    return system.levels(spins).numpy()


@pytest.mark.parametrize("size", [3, 4])
def test_assembly_equals_the_loop_over_bonds(size):
    system, spins = DoubleExchange(L=size, t=0.8, J=3.0), random_spins(size)
    for matrix, each in zip(system.hamiltonians(spins).numpy(), spins.numpy(), strict=True):
        np.testing.assert_allclose(matrix, loop_hamiltonian(system, each), atol=1e-15)
        np.testing.assert_array_equal(matrix, matrix.conj().T)


def test_second_quantisation_on_one_plaquette_of_levels():
    """Omega of the levels = -T ln of the sum over all 2^N occupations, on the 12 lowest of them."""
    levels = levels_of(DoubleExchange(L=3), random_spins(3, 1))[0][:12]
    temperature = 0.7
    occupations = (np.arange(2**12)[:, None] >> np.arange(12)) & 1
    exponents = -(occupations @ levels) / temperature
    expected = -temperature * (exponents.max() + np.log(np.exp(exponents - exponents.max()).sum()))
    found = free_fermions.grand_potential(torch.from_numpy(levels[None]), temperature).item()
    assert found == pytest.approx(expected, rel=1e-12)


def test_closed_forms():
    size, zone = 4, band(4)
    parallel = torch.zeros(1, 3, size, size, dtype=torch.float64)
    parallel[:, 1] = 1.0
    sign = torch.from_numpy((-1.0) ** np.add(*np.indices((size, size))))
    system = DoubleExchange(L=size, J=5.0, mu=-1.3)
    cases = [
        (system, parallel, np.concatenate([zone + 1.3 - 2.5, zone + 1.3 + 2.5])),
        (system, parallel * sign, np.concatenate([1.3 + s * np.sqrt(zone**2 + 6.25) for s in (-1, 1)])),
        (dataclasses.replace(system, J=0.0), random_spins(size, 1), np.repeat(zone + 1.3, 2)),
        (dataclasses.replace(system, t=0.0), random_spins(size, 1), np.repeat([1.3 - 2.5, 1.3 + 2.5], size**2)),
    ]
    for each, spins, expected in cases:
        np.testing.assert_allclose(levels_of(each, spins)[0], np.sort(expected), atol=1e-12)
    # Negative control: random spins have none of these spectra.
    assert not np.allclose(levels_of(system, random_spins(size, 1))[0], np.sort(cases[0][2]), atol=1e-3)


def test_strong_coupling_leaves_electrons_that_follow_the_spins():
    """For J -> infinity t <chi_i|chi_j> joins the states along the spins: -J/2 - mu plus its levels, up to t^2 / J."""
    hund, size, spins = 1e5, 4, random_spins(4, 1)
    x, y, z = spins[0].flatten(1).numpy()
    along = np.stack([np.sqrt((1 + z) / 2), (x + 1j * y) / np.sqrt(2 * (1 + z))])  # spinors chi_i
    site = np.arange(size * size).reshape(size, size)
    bonds = np.zeros((size * size, size * size))
    for axis in (0, 1):
        for step in (1, -1):
            bonds[site, np.roll(site, step, axis)] = 0.8
    expected = np.linalg.eigvalsh(-bonds * (along.conj().T @ along)) - hund / 2 + 1.3
    lower = levels_of(DoubleExchange(L=size, t=0.8, J=hund, mu=-1.3), spins)[0][: size * size]
    np.testing.assert_allclose(lower, expected, rtol=0, atol=20 / hund)
    frozen = np.linalg.eigvalsh(-bonds) - hund / 2 + 1.3  # negative control: spins that are all parallel
    assert np.abs(lower - frozen).max() > 0.1


@pytest.mark.parametrize(("hopping", "hund"), [(0.7, 2.0), (1.0, -3.0)])
def test_effective_coupling_at_high_temperature(hopping, hund):
    """Order 1 / T^3 of Omega at mu = 0 is tr H^4 / 192 T^3, in which 2 t^2 J^2 sum S_i.S_j depends on the spins."""
    system = DoubleExchange(L=4, t=hopping, J=hund, mu=0.0, T=20.0)
    expected = -((hopping * hund) ** 2) / (96 * system.T**3)
    assert system.effective_coupling() == pytest.approx(expected, rel=0.03)
    assert SYSTEMS["heisenberg"](J1=-0.7).effective_coupling() == -0.7


@pytest.mark.parametrize("size", [3, 4, 5])
def test_trace_identities(size):
    system, n = DoubleExchange(L=size), size**2
    levels = levels_of(system, random_spins(size))
    np.testing.assert_allclose(levels.sum(1), -2 * n * system.mu, rtol=1e-12)
    np.testing.assert_allclose((levels**2).sum(1), 2 * n * (system.mu**2 + system.J**2 / 4 + 4), rtol=1e-12)


def corrupt_once(monkeypatch, times):
    """Let the first `times` diagonalisations give one wrong level, as accelerators have been reported to."""
    honest, calls = diagonalise.dense_levels, []

    def corrupt(matrices):
        levels = honest(matrices)
        calls.append(len(matrices))
        if len(calls) <= times:
            levels[0, 3] += 1e-6
        return levels

    monkeypatch.setattr(diagonalise, "dense_levels", corrupt)
    return calls


def test_spectra_that_stay_wrong_are_no_labels(monkeypatch):
    system = DoubleExchange(L=4)
    spins = torch.from_numpy(system.sample("uniform_sphere", Draw(0, "train", 0, 0, 2)))
    corrupt_once(monkeypatch, times=2)
    with pytest.raises(NumericalError, match="1 of 2 spectra violate"):
        system.label(spins, "dense")


def test_a_wrong_diagonalisation_is_refused(monkeypatch):
    monkeypatch.setattr(diagonalise, "dense_levels", lambda h: torch.linalg.eigvalsh(h) * (1 + 1e-6))
    with pytest.raises(NumericalError, match="tr H"):
        DoubleExchange(L=3).energy(random_spins(3))


def test_symmetries_of_the_spectrum():
    system, spins = DoubleExchange(L=4), random_spins(4)
    expected = levels_of(system, spins)
    q = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    q *= np.sign(np.linalg.det(q))
    same = [
        (system, torch.einsum("ij,bjxy->bixy", torch.from_numpy(q), spins)),
        (system, spins.roll((1, 2), dims=(2, 3))),
        (system, spins.transpose(2, 3)),
        (system, spins.flip(2)),
        (system, -spins),
        (dataclasses.replace(system, J=-system.J), spins),
        (dataclasses.replace(system, t=-1.0), spins),
    ]
    for other, moved in same:
        np.testing.assert_allclose(levels_of(other, moved), expected, atol=1e-11)


def test_sign_of_hopping_matters_on_an_odd_lattice():
    spins = random_spins(3)
    plus, minus = (levels_of(DoubleExchange(L=3, t=t), spins) for t in (1.0, -1.0))
    assert np.abs(plus - minus).max() > 0.1


def test_grand_potential_at_extreme_temperatures():
    spins = random_spins(3)
    levels = DoubleExchange(L=3).levels(spins)
    filled = levels.clamp(max=0).sum(1)
    for temperature in (1e-300, 1e-12, 1e-6):
        found = free_fermions.grand_potential(levels, temperature)
        torch.testing.assert_close(found, filled, rtol=1e-12, atol=1e-4 * temperature)
    hot = 1e6
    expected = -hot * 18 * np.log(2) + levels.sum(1) / 2  # ln(1 + e^-x) = ln 2 - x/2 + O(x^2)
    torch.testing.assert_close(free_fermions.grand_potential(levels, hot), expected, rtol=1e-9, atol=0)
