"""Metrics against hand-made numbers."""

import math

import numpy as np
import pytest

from efnn_cli.training.metrics import measure, sampling_error, share


def test_figures_of_a_hand_made_example():
    true, predicted = np.array([-10.0, -12.0, -14.0]), np.array([-9.0, -12.0, -16.0])
    found = measure(predicted, true)
    rmse, std = np.sqrt(5 / 3), np.sqrt(8 / 3)
    assert found.samples == 3
    assert found.rmse == pytest.approx(rmse)
    assert found.mae == pytest.approx(1.0)
    assert found.bias == pytest.approx(-1 / 3)
    assert found.relative_error == pytest.approx(rmse / 12)
    assert found.rmse_over_std == pytest.approx(rmse / std)
    assert found.r2 == pytest.approx(1 - 5 / 8)


def test_relative_error_is_undefined_where_the_mean_is_below_the_spread():
    assert measure(np.zeros(4), np.array([-1.0, 1.0, -2.0, 2.1])).relative_error is None


def test_no_spread_leaves_what_needs_one_undefined():
    found = measure(np.array([2.0, 2.0]), np.array([1.0, 1.0]))
    assert (found.rmse, found.rmse_over_std, found.r2, found.relative_error) == (1.0, None, None, 1.0)


def test_float32_predictions_are_measured_in_float64():
    true = np.full(1000, -3200.0) + np.linspace(0, 1e-3, 1000)
    assert measure(true.astype(np.float32), true).rmse < 2.5e-4
    assert measure(true, true).rmse == 0.0


@pytest.mark.parametrize("bias", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("quantity", ["rmse", "rmse_over_std"])
def test_errors_of_errors_are_the_spread_of_repetitions(quantity, bias):
    """Errors with a mean: the more of the RMSE is bias, the better it is known."""
    generator, count = np.random.default_rng(0), 60
    true = generator.normal(size=(4000, count))
    error = bias + generator.normal(size=true.shape)
    found = [measure(t + e, t) for t, e in zip(true, error, strict=True)]
    values = [getattr(each, quantity) for each in found]
    told = sampling_error(quantity, np.mean(values), count, share(bias, math.hypot(bias, 1)))
    assert told == pytest.approx(np.std(values), rel=0.1)


@pytest.mark.parametrize("shapes", [((3,), (4,)), ((0,), (0,))])
def test_mismatched_or_empty_arrays_are_refused(shapes):
    with pytest.raises(ValueError, match="shapes"):
        measure(np.zeros(shapes[0]), np.zeros(shapes[1]))
