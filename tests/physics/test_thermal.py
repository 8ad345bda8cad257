"""Thermal spins against exact averages: a bond, a ring by transfer matrix, a small lattice by quadrature."""

import numpy as np
import pytest
import torch
from scipy.special import spherical_in

from efnn_cli.core.errors import ConfigError
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.lattices import SQUARE, TRIANGULAR
from efnn_cli.physics.system import Draw
from efnn_cli.physics.thermal import Bath, Graph, Ladder, lattice_graph, run_chains


def ring(length):
    site = np.arange(length)
    neighbours = np.stack([(site + 1) % length, (site - 1) % length], axis=1)
    return Graph(neighbours, [site[0::2], site[1::2]])


BOND = Graph(np.array([[1], [0]]), [np.array([0]), np.array([1])])


def average(graph, temperature, coupling=1.0, chains=4000, sweeps=30, seed=0):
    """Mean energy per spin of the last sweep over independent chains, and its standard error."""
    bath = Bath(temperature, coupling, sweeps)
    _, energies = run_chains(graph, bath, np.full(chains, bath.temperature), np.random.default_rng(seed))
    return energies[-1].mean(), energies[-1].std() / np.sqrt(chains)


@pytest.mark.parametrize("temperature", [0.2, 0.7, 3.0])
@pytest.mark.parametrize("coupling", [1.0, -0.6])
def test_single_bond_is_the_langevin_function(temperature, coupling):
    k = coupling / temperature
    exact = -coupling * (1 / np.tanh(k) - 1 / k) / 2  # per spin
    mean, error = average(BOND, temperature, coupling)
    assert abs(mean - exact) < 4 * error
    # Negative control: at another temperature the average is another one.
    assert abs(average(BOND, temperature / 4, coupling)[0] - exact) > 8 * error


@pytest.mark.parametrize("temperature", [0.4, 1.0])
def test_ring_equals_its_transfer_matrix(temperature):
    """Z = sum_l (2l+1) i_l(K)^N with the modified spherical Bessel functions; E = -d ln Z / d(1/T)."""
    length, order = 6, np.arange(40)

    def log_z(beta):
        return np.log(np.sum((2 * order + 1) * spherical_in(order, beta) ** length))

    beta, step = 1 / temperature, 1e-5
    exact = -(log_z(beta + step) - log_z(beta - step)) / (2 * step) / length
    mean, error = average(ring(length), temperature)
    assert abs(mean - exact) < 4 * error


@pytest.mark.parametrize("size", [3, 4])
def test_small_lattice_equals_reweighted_uniform_spins(size):
    """At high temperature the average over uniform spins with Boltzmann weights is exact and converges fast."""
    temperature, graph = 4.0, lattice_graph((size, size))
    generator = np.random.default_rng(1)
    normal = generator.normal(size=(60_000, size * size, 3))
    spins = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    energy = -0.5 * np.einsum("bni,bni->b", spins, spins[:, graph.neighbours].sum(axis=2))
    weight = np.exp(-energy / temperature)
    exact = np.sum(weight * energy) / weight.sum() / size**2
    spread = np.sqrt(np.sum((weight * (energy / size**2 - exact)) ** 2)) / weight.sum()
    mean, error = average(graph, temperature)
    assert abs(mean - exact) < 4 * np.hypot(error, spread)


@pytest.mark.parametrize(
    ("kind", "sides"),
    [(SQUARE, each) for each in [(3, 3), (4, 4), (5, 5), (6, 6), (6, 3), (3, 4), (12, 1), (7, 1)]]
    + [(TRIANGULAR, each) for each in [(3, 3), (4, 4), (5, 7), (9, 6)]],
)
def test_groups_never_touch(kind, sides):
    graph = lattice_graph(sides, kind)
    assert np.array_equal(np.sort(np.concatenate(graph.groups)), np.arange(np.prod(sides)))
    for group in graph.groups:
        assert not np.isin(graph.neighbours[group], group).any()
    assert all(len(set(row)) == 2 * len(kind.on(sides).bonds) for row in graph.neighbours)
    assert len(graph.groups) <= (3 if kind is SQUARE else 7)


@pytest.mark.parametrize(("lattice", "energy"), [("square", -2.0), ("triangular", -1.5)])
def test_cold_antiferromagnets_order(lattice, energy):
    """Thermal sampling of J1 = -1 ends near its ground state: staggered, or 120 degrees on the triangular lattice."""
    system = SYSTEMS["heisenberg"](L=6, J1=-1.0, lattice=lattice)
    spins = system.sample("thermal", Draw(0, "train", 0, 0, 20, Bath(0.01, -1.0, 300, lattice)))
    found = system.energy(torch.from_numpy(spins)).mean().item() / 36
    assert found == pytest.approx(energy, abs=0.05)


def test_infinite_and_tiny_temperatures():
    hot, _ = average(lattice_graph((4, 4)), 1e9, sweeps=2)
    assert abs(hot) < 0.02
    cold, _ = average(lattice_graph((4, 4)), 1e-3, sweeps=200, chains=20)
    assert cold == pytest.approx(-2.0, abs=0.05)


@pytest.mark.parametrize("changes", [(0.0, 1.0, 10), (-1.0, 1.0, 10), (1.0, float("nan"), 10), (1.0, 1.0, 0)])
def test_bad_baths_are_refused(changes):
    with pytest.raises(ConfigError):
        Bath(*changes)


def test_on_a_ladder_every_chain_is_at_its_own_temperature():
    """Each range of temperatures has the energies of chains that are all at one of them; a share is uniform."""
    bath = Ladder(0.2, 1.0, 60, highest=2.0, uniform=0.25)
    generator = np.random.default_rng(0)
    temperatures = bath.temperatures(20_000, generator)
    finite = np.log(temperatures[np.isfinite(temperatures)])
    assert abs(len(finite) / len(temperatures) - 0.75) < 4 * np.sqrt(0.75 * 0.25 / len(temperatures))
    assert abs(finite.mean() - np.log(0.4) / 2) < 4 * np.log(10) / np.sqrt(12 * len(finite))  # log-uniform
    few = np.repeat([0.2, 0.7, np.inf], 3000)
    _, energies = run_chains(BOND, bath, few, generator)
    for temperature in (0.2, 0.7):
        k = 1 / temperature
        found = energies[-1, few == temperature]
        assert abs(found.mean() + (1 / np.tanh(k) - 1 / k) / 2) < 4 * found.std() / np.sqrt(len(found))
    free = energies[-1, np.isinf(few)]
    assert abs(free.mean()) < 4 * free.std() / np.sqrt(len(free))
