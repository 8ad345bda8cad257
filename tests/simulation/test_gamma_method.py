"""Errors of correlated series: closed forms of an autoregressive process, and independent repetitions."""

import math

import numpy as np
import pytest

from efnn_cli.simulation.gamma_method import estimate, split_r_hat


def process(rho, chains, count, seed=0):
    """x_{t+1} = rho x_t + sqrt(1 - rho^2) noise: variance 1, tau = (1 + rho) / (2 (1 - rho))."""
    generator = np.random.default_rng(seed)
    found = np.empty((chains, count))
    found[:, 0] = generator.normal(size=chains)
    for t in range(1, count):
        found[:, t] = rho * found[:, t - 1] + math.sqrt(1 - rho**2) * generator.normal(size=chains)
    return found


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_the_autocorrelation_time_is_that_of_the_process(rho):
    tau = (1 + rho) / (2 * (1 - rho))
    found = estimate(process(rho, 8, 4000)[..., None])
    assert abs(found.tau - tau) < 4 * found.tau_error + 0.02
    assert found.error == pytest.approx(math.sqrt(2 * tau / 32_000), rel=0.15)


def test_many_short_chains_are_as_good_as_one_long():
    """The window weighs bias against the noise of all chains together, not of one."""
    found = [estimate(process(0.9, 16, 40, seed)[..., None]) for seed in range(100)]
    assert np.mean([each.tau for each in found]) == pytest.approx(9.5, rel=0.25)
    assert np.mean([each.error for each in found]) == pytest.approx(np.std([each.mean for each in found]), rel=0.2)


def test_errors_of_a_derived_quantity_are_those_of_repetitions():
    """<x^2> / <x>^2 of a shifted process, 200 times: the errors that are told are the spread that is seen."""

    def ratio(means):
        return float(means[1] / means[0] ** 2)

    values, errors = [], []
    for seed in range(200):
        x = 2.0 + process(0.7, 4, 250, seed)
        found = estimate(np.stack([x, x**2], axis=-1), ratio)
        values.append(found.mean)
        errors.append(found.error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)
    naive = np.sqrt(np.mean(errors) ** 2 * (1 - 0.7) / (1 + 0.7))
    assert naive < 0.6 * np.std(values)  # without autocorrelation the error is far too small


def test_chains_that_remember_their_starts():
    mixed = process(0.5, 6, 500)
    assert split_r_hat(mixed) < 1.02
    assert split_r_hat(mixed + np.arange(6)[:, None]) > 1.5
    assert split_r_hat(mixed[:, :3]) is None


def test_constant_and_short_series():
    found = estimate(np.ones((2, 50, 1)))
    assert (found.mean, found.error, found.tau) == (1.0, 0.0, 0.5)
    assert estimate(np.ones((2, 3, 1))).error is None


PYERRORS = {  # of pyerrors 2.17.0, S = 1.5, on `2 + process(rho, 4, 1000, 3)`: x, and <x^2> / <x>^2
    0.0: ((2.0124868879559474, 0.015837803259479366, 0.5004998750), (1.2476694580676013, 0.006875872566, 0.5124057217)),
    0.5: ((2.021281772538964, 0.027431645291670397, 1.5061614117), (1.2452471812242925, 0.009620106147, 1.0343263206)),
    0.9: ((2.0461106876185253, 0.06710840801654962, 8.9673253236), (1.2443086363545677, 0.026181873851, 7.5553289860)),
}


@pytest.mark.parametrize("rho", PYERRORS)
def test_another_implementation_finds_the_same(rho):
    """It joins several chains in another way: the normalisation of long correlations differs by some per cent."""
    x = 2.0 + process(rho, 4, 1000, 3)
    ratio = estimate(np.stack([x, x**2], axis=-1), lambda means: float(means[1] / means[0] ** 2))
    for found, (mean, error, tau) in zip((estimate(x[..., None]), ratio), PYERRORS[rho], strict=True):
        assert found.mean == pytest.approx(mean, rel=1e-12)
        assert found.error == pytest.approx(error, rel=0.05)
        assert found.tau == pytest.approx(tau, rel=0.05)
