"""Chains have the exact distribution whatever the network: closed forms, with networks that know nothing."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.special import spherical_in

from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.models.energy import receptive_field
from efnn_cli.models.fast import accelerate
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.physics.heisenberg import Heisenberg
from efnn_cli.simulation.chains import Sampler
from efnn_cli.simulation.gamma_method import estimate
from efnn_cli.simulation.moves import Settings

CPU = torch.device("cpu")


def bad_network(strength):
    """A network with random weights, whose energies are about as wrong as `strength`."""
    options = MODELS["efnn"].options(depth=1, width=3, kernel_size=3, block_kernel_size=1)
    model = build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=5, dtype=torch.float64)
    model.scale.fill_(strength)
    return accelerate(model), receptive_field(options, 1)


def run(system, temperature, strength, proposals, moves="hybrid", correct="formula", chains=24, warmup=20):
    model, reach = bad_network(strength)
    settings = Settings(moves, 3, 6)
    ensemble = {"system": system, "temperature": temperature, "reference": correct}
    sampler = Sampler(model=model, reach=reach, **ensemble, settings=settings, warmup=warmup, seed=1)
    start, _ = sampler.start(0, chains, CPU)
    _, rows, _ = sampler.advance(start, 0, range(proposals), CPU)
    return {name: np.moveaxis(each, 0, 1) for name, each in rows.items()}  # (chains, proposals, ...)


def off(series, exact):
    """Deviation of the mean from the exact value, in its errors."""
    found = estimate(series[..., None])
    return abs(found.mean - exact) / found.error


def squares(rows):
    return (rows["spins"].mean(axis=(3, 4)) ** 2).sum(axis=2)


@pytest.mark.parametrize("moves", ["hybrid", "metropolis", pytest.param("mixed", marks=pytest.mark.slow)])
def test_without_coupling_spins_are_independent(moves):
    """J = 0: the grand potential does not depend on the spins; <m^2> = 1 / n, <m^4> = (5 n - 2) / (3 n^3)."""
    rows = run(DoubleExchange(L=4, J=0.0, T=0.2), 0.2, 1.0, 100, moves, "dense")
    assert 0.1 < rows["accepted"].mean() < 0.9
    m2, n = squares(rows), 16
    assert off(m2, 1 / n) < 3.5
    assert off(m2**2, (5 * n - 2) / (3 * n**3)) < 3.5


def test_uncorrected_samples_of_a_bad_network_are_wrong():
    """The negative control of the test above."""
    rows = run(DoubleExchange(L=4, J=0.0, T=0.2), 0.2, 1.0, 150, correct=None)
    assert rows["accepted"].all()
    assert off(squares(rows), 1 / 16) > 6


@pytest.mark.slow
def test_an_infinite_temperature():
    rows = run(Heisenberg(L=4), 1e6, 3e6, 150)
    assert off(squares(rows), 1 / 16) < 3.5
    assert off(rows["energies"], 0.0) < 3.5


def ring_energy(sites, temperature):
    """<E> of the classical ring: Z = sum_l (2 l + 1) lambda_l^N with the modified spherical Bessel functions of 1/T."""
    k, step = 1 / temperature, 1e-5

    def log_z(k):
        terms = [(2 * order + 1) * spherical_in(order, k) ** sites for order in range(40)]
        return math.log(sum(terms))

    return -(log_z(k + step) - log_z(k - step)) / (2 * step)


@pytest.mark.parametrize("moves", [pytest.param("hybrid", marks=pytest.mark.slow), "mixed"])
def test_a_ring_has_its_closed_form(moves):
    rows = run(Heisenberg(L="6x1"), 1.2, 0.3, 120, moves, chains=32, warmup=60)
    assert 0.02 < rows["accepted"].mean() < 0.9
    assert off(rows["energies"], ring_energy(6, 1.2)) < 3.5


def test_a_segment_more_or_less_changes_nothing():
    """Interrupted after any proposal, chains go on to the same numbers, bit for bit."""
    model, reach = bad_network(1.0)
    system = DoubleExchange(L=4)
    ensemble = {"system": system, "temperature": 0.1, "reference": "dense", "fields": True}
    moves = {"settings": Settings("mixed", 2, 3), "tune_trajectories": True, "warmup": 2}
    sampler = Sampler(model=model, reach=reach, **ensemble, **moves, seed=3)
    start, _ = sampler.start(0, 4, CPU)
    _, whole, _ = sampler.advance(start, 0, range(6), CPU)
    between, first, _ = sampler.advance(start, 0, range(4), CPU)
    copied = dataclasses.replace(between, labels={name: each.copy() for name, each in between.labels.items()})
    _, second, _ = sampler.advance(copied, 0, range(4, 6), CPU)
    for name, each in whole.items():
        assert np.array_equal(each, np.concatenate([first[name], second[name]])), name
