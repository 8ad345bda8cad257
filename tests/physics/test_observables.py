"""Observables of configurations whose values are known."""

import numpy as np
import pytest

from efnn_cli.physics.observables import chirality, magnetisation, structure_factor, topological_charge


def unit(x, y, z):
    spins = np.stack(np.broadcast_arrays(x, y, z)).astype(np.float64)[None]
    return spins / np.linalg.norm(spins, axis=1, keepdims=True)


def skyrmion(side=24, radius=5.0, winding=1):
    """Spins down in the middle and up outside, turning once around it."""
    x, y = np.indices((side, side)) - (side - 1) / 2
    r, phi = np.hypot(x, y), winding * np.arctan2(y, x)
    theta = np.pi * np.clip(1 - r / (2 * radius), 0, 1)
    return unit(np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta))


def random_spins(count=5, sides=(6, 7)):
    spins = np.random.default_rng(0).normal(size=(count, 3, *sides))
    return spins / np.linalg.norm(spins, axis=1, keepdims=True)


def test_ordered_states():
    parallel = unit(np.zeros((4, 6)), 0.6, 0.8)
    assert magnetisation(parallel) == pytest.approx(1)
    assert structure_factor(parallel)[0, 0, 0] == pytest.approx(24)
    x, y = np.indices((4, 6))
    staggered = unit(0 * x, 0 * x, (-1.0) ** (x + y))
    assert structure_factor(staggered)[0, 2, 3] == pytest.approx(24)
    assert magnetisation(staggered) == pytest.approx(0, abs=1e-15)
    spiral = unit(np.cos(2 * np.pi * x / 4), np.sin(2 * np.pi * x / 4), 0 * x)
    factors = structure_factor(spiral)[0]
    assert factors[1, 0] == pytest.approx(12)
    assert factors[3, 0] == pytest.approx(12)


def test_structure_factors_sum_to_the_number_of_sites():
    factors = structure_factor(random_spins())
    assert factors.mean(axis=(1, 2)) == pytest.approx(np.ones(5))
    assert factors[:, 0, 0] == pytest.approx(42 * magnetisation(random_spins()) ** 2)


@pytest.mark.parametrize("winding", [1, -1, 2])
def test_a_skyrmion_has_its_charge(winding):
    assert topological_charge(skyrmion(winding=winding))[0] == pytest.approx(-winding, abs=1e-9)
    assert topological_charge(skyrmion(winding=winding)[:, :, ::-1])[0] == pytest.approx(winding, abs=1e-9)  # mirrored


def test_charges_are_integers_and_chirality_is_odd():
    spins = random_spins(50)
    charges = topological_charge(spins)
    assert charges == pytest.approx(np.round(charges), abs=1e-9)
    assert len(set(np.round(charges))) > 3
    assert chirality(-spins) == pytest.approx(-chirality(spins))
    assert abs(chirality(spins)).max() > 1e-3
    assert chirality(spins[:, :, :, :1]).tolist() == [0.0] * 50
