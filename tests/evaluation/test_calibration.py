"""Calibration of synthetic ensembles whose errors are known."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import t as student

from efnn_cli.evaluation.calibration import calibrate, rank_correlation

B = 20_000


def draws(members, seed=0):
    """Centres (B,), widths (B,) that vary tenfold between configurations, unit normal numbers (members, B) and (B,)."""
    generator = np.random.default_rng(seed)
    centre, width = generator.normal(-50, 1, B), np.exp(generator.uniform(np.log(0.01), np.log(0.1), B))
    return centre, width, generator.normal(size=(members, B)), generator.normal(size=B)


def shares(members, ratio):
    """Expected shares within one and two spreads, where the error of the mean has `ratio` times the members' width."""
    return [1 - 2 * student.sf(k / ratio, members - 1) for k in (1, 2)]


@pytest.mark.parametrize("members", [2, 5, 20])
def test_independent_members(members):
    """Errors that are independent average out: 1 / sqrt(M), and nothing in common."""
    true, width, noise, _ = draws(members)
    found = calibrate(true + width * noise, true)
    assert found.expected_if_independent == pytest.approx(members**-0.5)
    assert found.error_over_spread == pytest.approx(members**-0.5, rel=0.03)
    assert found.common_error < 0.2 * found.rms_spread
    assert abs(found.bias_over_spread) < 0.03
    assert [found.within_1_spread, found.within_2_spreads] == pytest.approx(shares(members, members**-0.5), abs=0.01)
    assert found.rms_spread == pytest.approx(np.sqrt(np.mean(width**2)), rel=0.03)


@pytest.mark.parametrize("members", [2, 5, 100])
def test_truth_like_one_more_member(members):
    """For many members 68 % and 95 % of the errors within one and two spreads."""
    centre, width, noise, own = draws(members)
    found = calibrate(centre + width * noise, centre + width * own)
    ratio = (1 + 1 / members) ** 0.5
    assert found.expected_if_exchangeable == pytest.approx(ratio)
    assert found.error_over_spread == pytest.approx(ratio, rel=0.03)
    assert [found.within_1_spread, found.within_2_spreads] == pytest.approx(shares(members, ratio), abs=0.01)
    if members == 100:
        assert [found.within_1_spread, found.within_2_spreads] == pytest.approx([0.68, 0.95], abs=0.015)
        assert found.rank_correlation > 0.4
    assert found.common_error == pytest.approx(np.sqrt(np.mean(width**2)), rel=0.05)


def test_a_common_bias_is_not_seen_by_the_spread():
    true, width, noise, _ = draws(5)
    honest, shifted = calibrate(true + width * noise, true), calibrate(true + 0.5 + width * noise, true)
    assert shifted.rms_spread == pytest.approx(honest.rms_spread)
    assert shifted.error_over_spread > 10 * honest.error_over_spread
    assert shifted.bias_over_spread == pytest.approx(0.5 / shifted.rms_spread, rel=0.01)
    assert shifted.common_error == pytest.approx(0.5, rel=0.01)
    assert shifted.within_2_spreads < 0.01


def test_a_spread_that_says_nothing():
    """The same errors with the spreads of other configurations: only the rank correlation tells."""
    centre, width, noise, own = draws(200)  # so many that their mean is the centre
    wrong = np.random.default_rng(1).permutation(width)
    true_widths, wrong_widths = (calibrate(centre + each * noise, centre + width * own) for each in (width, wrong))
    assert true_widths.rank_correlation > 0.4
    assert abs(wrong_widths.rank_correlation) < 0.03
    assert wrong_widths.error_over_spread == pytest.approx(true_widths.error_over_spread, rel=0.03)


def test_figures_of_a_hand_made_example():
    """Errors of the mean 1, -2, 3, 0; spreads sqrt(2) times 1, 2, 3, 4."""
    true = np.array([-10.0, -20.0, -30.0, -40.0])
    mean, half = true + np.array([1.0, -2.0, 3.0, 0.0]), np.array([1.0, 2.0, 3.0, 4.0])
    found = calibrate(np.stack([mean - half, mean + half]), true)
    assert found.members == 2
    assert found.rms_spread == pytest.approx(15**0.5)
    assert found.error_over_spread == pytest.approx((14 / 4 / 15) ** 0.5)
    assert found.member_rmse**2 == pytest.approx(14 / 4 + 15 / 2)
    assert found.common_error == 0.0
    assert found.bias_over_spread == pytest.approx(0.5 / 15**0.5)
    assert found.rank_correlation == pytest.approx(-0.2)  # ranks 2 3 4 1 against 1 2 3 4
    assert (found.within_1_spread, found.within_2_spreads) == (1.0, 1.0)


def test_what_is_undefined_is_none():
    true = np.array([-1.0, -2.0, -3.0])
    equal = dataclasses.asdict(calibrate(np.stack([true + 0.1] * 3), true))
    assert [key for key, value in equal.items() if value is None] == [
        "error_over_spread", "common_error", "bias_over_spread", "rank_correlation", "within_1_spread",
        "within_2_spreads",
    ]  # fmt: skip
    assert calibrate(np.array([[1.0, 2.0], [1.5, 2.1]]), true[:2]).rank_correlation is None
    assert calibrate(np.stack([true - 0.1, true + 0.3]), true).rank_correlation is None  # equal errors and spreads
    assert rank_correlation(np.arange(3.0), np.ones(3)) is None
