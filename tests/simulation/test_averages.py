"""Observables of samples against closed forms: the classical ring, disorder, order, and free electrons."""

import math

import numpy as np
import pytest
import torch
from scipy.special import spherical_in
from test_exactness import run

from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.physics.heisenberg import Heisenberg
from efnn_cli.physics.system import Draw
from efnn_cli.physics.thermal import Bath
from efnn_cli.simulation.observables import measure, warnings_of
from efnn_cli.storage.samples_file import Samples


def samples_of(rows, system, temperature):
    """Samples of rows (chains, proposals, ...)."""
    chains, proposals = rows["accepted"].shape
    flat = {name: np.moveaxis(each, 0, 1).reshape(-1, *each.shape[2:]) for name, each in rows.items()}
    head = {"chains": chains, "proposals": proposals, "T": temperature, "corrected": True}
    return Samples(flat, head)


def ring(sites, coupling):
    """Z and <S_0 S_r> of a ring: sum over l of (2 l + 1) i_l^N, and products with neighbouring l."""
    order = np.arange(60)
    weights = spherical_in(order, coupling)
    z = float(((2 * order + 1) * weights**sites).sum())

    def correlation(r):
        up = (order[:-1] + 1) * weights[:-1] ** (sites - r) * weights[1:] ** r
        down = order[1:] * weights[1:] ** (sites - r) * weights[:-1] ** r
        return float(up.sum() + down.sum()) / z

    return z, np.array([correlation(r) for r in range(sites)])


def heat_of_ring(sites, coupling, step=1e-3):
    """C a site = K^2 d^2 ln Z / dK^2 / N."""
    low, middle, high = (math.log(ring(sites, coupling + each)[0]) for each in (-step, 0.0, step))
    return coupling**2 * (high - 2 * middle + low) / step**2 / sites


def test_a_classical_ring():
    """Susceptibility, correlation length and specific heat of a chain of 12 sites within 3.5 errors."""
    sites, temperature = 12, 0.8
    system = Heisenberg(L=f"{sites}x1")
    bath = Bath(temperature, 1.0, 60, system.kind_of_lattice.name)
    spins = system.sample("thermal", Draw(0, "ring", 0, 0, 4800, bath))  # independent, by heat bath
    energies = system.energy(torch.from_numpy(spins)).numpy().reshape(24, 200)
    thermal = {"internal_energies": energies, "level_fluctuations": np.zeros((24, 200)), "energies": energies}
    samples = made_up(spins.reshape(24, 200, *spins.shape[1:]), system, temperature, **thermal)
    found = measure(samples, system).observables
    _, correlations = ring(sites, 1 / temperature)
    q1 = 2 * math.pi / sites
    s0, s1 = correlations.sum(), (correlations * np.cos(q1 * np.arange(sites))).sum()
    exact = {
        "susceptibility": s0 / (3 * temperature),
        "correlation_length": math.sqrt(s0 / s1 - 1) / (2 * math.sin(q1 / 2)),
        "specific_heat": heat_of_ring(sites, 1 / temperature),
        "energy": -correlations[1],
    }
    for name, value in exact.items():
        assert found[name].error < 0.1 * abs(value), name
        assert abs(found[name].mean - value) < 3.5 * found[name].error, name


def made_up(spins, system, temperature, **more):
    """Samples of given spins (chains, proposals, 3, L, L), all accepted, of energy zero."""
    shape = spins.shape[:2]
    zeros = dict.fromkeys(("energies", "network_energies", "error_differences"), np.zeros(shape))
    return samples_of({"spins": spins, "accepted": np.ones(shape, dtype=bool), **zeros, **more}, system, temperature)


def test_disorder_and_order():
    """Binder cumulant and susceptibility of independent spins, and of parallel ones."""
    system, temperature, n = DoubleExchange(L=4), 0.5, 16
    normals = np.random.default_rng(0).normal(size=(8, 800, 3, 4, 4))
    spins = normals / np.linalg.norm(normals, axis=2, keepdims=True)
    found = measure(made_up(spins, system, temperature), system).observables
    binder = 1 - 3 * ((5 * n - 2) / (3 * n**3)) / (5 / n**2)
    assert abs(found["binder"].mean - binder) < 3.5 * found["binder"].error
    assert abs(found["susceptibility"].mean - 1 / (3 * temperature)) < 3.5 * found["susceptibility"].error
    parallel = np.broadcast_to(spins[..., :1, :1], spins.shape)
    found = measure(made_up(parallel, system, temperature), system).observables
    assert found["binder"].mean == pytest.approx(0.4, abs=1e-12)
    assert found["m"].mean == pytest.approx(1.0)


def test_the_specific_heat_of_free_electrons():
    """J = 0: levels do not depend on the spins, so that C is <v> / (n T^2) of the bands, by their derivative."""
    temperature = 0.3
    system = DoubleExchange(L=4, J=0.0, T=temperature, mu=-1.0)
    rows = run(system, temperature, 0.5, 20, "hybrid", "dense", warmup=2)
    found = measure(samples_of(rows, system, temperature), system).observables["specific_heat"].mean
    k = 2 * math.pi * np.arange(4) / 4
    bands = (-2 * (np.cos(k)[:, None] + np.cos(k)[None, :]) + 1.0).ravel()  # e - mu, twice for the spin

    def energy(t):
        return float((2 * bands / (np.exp(bands / t) + 1)).sum())

    step = 1e-5
    derivative = (energy(temperature + step) - energy(temperature - step)) / (2 * step) / 16
    assert found == pytest.approx(derivative, rel=1e-6)


def test_chains_that_do_not_move_are_told():
    system = DoubleExchange(L=4)
    spins = np.zeros((4, 30, 3, 4, 4))
    spins[:, :, 2] = 1
    stuck = made_up(spins, system, 0.1, accepted=np.zeros((4, 30), dtype=bool))
    assert any("4 of 4 chains accepted no proposal" in each for each in warnings_of(measure(stuck, system), 30))
