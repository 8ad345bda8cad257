"""The linear effective model: exact where the Hamiltonian is contained, its terms against loops."""

import numpy as np
import pytest
import torch

from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.models.linear_model import (
    bond,
    four_spin_terms,
    pair_terms,
    shells_of,
    triangular_four_spin_terms,
)
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.system import Draw

Heisenberg = SYSTEMS["heisenberg"]


def spins(size, count=4, seed=0):
    return torch.from_numpy(Heisenberg(L=size).sample("uniform_sphere", Draw(seed, "train", 0, 0, count)))


def effective(**options):
    options = MODELS["effective"].options(**options)
    return build(options, "lattice", inputs=0, spin_range=(-1, 1), seed=0)


def fitted(system, x, **options):
    model = effective(**options)
    model.network.fit(model.network.features(x), system.energy(x))
    return model


def test_fit_is_exact_for_a_model_that_contains_the_hamiltonian():
    """J1, J2, K and the ring exchange R are combinations of its terms, so it extrapolates without error."""
    system = Heisenberg(L=6, J1=0.7, J2=-0.3, K=0.5, R=0.8)
    model = fitted(system, spins(6, 60))
    for size in (5, 9):
        x = spins(size, 8, seed=1)
        torch.testing.assert_close(model(x), system.at_size(size).energy(x), rtol=1e-10, atol=1e-9)
    # Negative control: without the four-spin terms K and R are out of reach.
    poor = fitted(system, spins(6, 60), four_spin=False)
    assert (poor(spins(6, 8, 1)) - system.energy(spins(6, 8, 1))).abs().max() > 0.1


@pytest.mark.parametrize(("lattice", "mixed", "largest"), [("square", 0, 10), ("triangular", 1, 13)])
def test_shells_hold_half_of_all_displacements_once(lattice, mixed, largest):
    shells = shells_of(lattice)[:7]
    lengths = [{x * x + mixed * x * y + y * y for x, y in shell} for shell in shells]
    assert all(len(each) == 1 for each in lengths)
    assert [min(each) for each in lengths] == sorted(min(each) for each in lengths)
    every = [d for shell in shells for d in shell]
    full = set(every) | {(-x, -y) for x, y in every}
    assert len(full) == 2 * len(every)
    inside = {(x, y) for x in range(-6, 7) for y in range(-6, 7) if 0 < x * x + mixed * x * y + y * y <= largest}
    assert full == inside


def test_four_spin_terms_of_the_triangular_lattice_equal_loops_over_sites():
    x = spins(5, 1)
    s = x[0].numpy()
    around = [(1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1)]

    def at(site, d):
        return (site[0] + d[0]) % 5, (site[1] + d[1]) % 5

    def b(site, other):
        return float(s[:, *site] @ s[:, *other])

    sharp = blunt = parallel = square = line = 0.0
    for site in np.ndindex(5, 5):
        for k, d in enumerate(around):
            sharp += b(site, at(site, d)) * b(site, at(site, around[(k + 1) % 6]))
            blunt += b(site, at(site, d)) * b(site, at(site, around[(k + 2) % 6]))
            square += b(site, at(site, d)) ** 2 / 2
            line += b(site, at(site, d)) * b(site, at(site, around[(k + 3) % 6])) / 2
            for e in (around[(k + 1) % 6], around[(k + 2) % 6]):  # a rhombus has two pairs of parallel sides
                parallel += b(site, at(site, d)) * b(at(site, e), at(at(site, e), d)) / 2
    found = [float(term) for term in triangular_four_spin_terms(x)]
    assert found == pytest.approx([sharp, blunt, parallel, square, line], rel=1e-12)


def test_triangular_terms_are_exact_for_couplings_of_that_lattice_only():
    system = Heisenberg(L=6, lattice="triangular", J1=0.7, J2=-0.3, K=0.5)
    x = spins(9, 8, seed=1)
    exact = system.at_size(9).energy(x)
    torch.testing.assert_close(fitted(system, spins(6, 60), lattice="triangular")(x), exact, rtol=1e-10, atol=1e-9)
    assert (fitted(system, spins(6, 60), lattice="square")(x) - exact).abs().max() > 0.1  # negative control


def test_four_spin_terms_equal_loops_over_sites():
    x = spins(5, 1)
    s = x[0].numpy()

    def b(i, j, k, m):
        return float(s[:, i % 5, j % 5] @ s[:, k % 5, m % 5])

    corner = parallel = diagonal = square = line = 0.0
    for i, j in np.ndindex(5, 5):
        for dx in (1, -1):
            for dy in (1, -1):
                corner += b(i, j, i + dx, j) * b(i, j, i, j + dy)
        parallel += b(i, j, i + 1, j) * b(i, j + 1, i + 1, j + 1) + b(i, j, i, j + 1) * b(i + 1, j, i + 1, j + 1)
        diagonal += b(i, j, i + 1, j + 1) * b(i + 1, j, i, j + 1)
        square += b(i, j, i + 1, j) ** 2 + b(i, j, i, j + 1) ** 2
        line += b(i - 1, j, i, j) * b(i, j, i + 1, j) + b(i, j - 1, i, j) * b(i, j, i, j + 1)
    found = [float(term) for term in four_spin_terms(x)]
    assert found == pytest.approx([corner, parallel, diagonal, square, line], rel=1e-12)


def test_pair_terms_are_size_consistent_where_bonds_wrap():
    x = spins(3, 2)
    tiled = x.repeat(1, 1, 2, 2)
    for small, large in zip(pair_terms(x, 7), pair_terms(tiled, 7), strict=True):
        torch.testing.assert_close(large, 4 * small)
    assert bond(x, 1, 0).shape == (2, 3, 3)
