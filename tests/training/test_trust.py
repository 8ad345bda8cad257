"""Domain and error bars on known distributions: shares that are flagged, coverage, growth with the number of sites."""

import numpy as np
import pytest

from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.sampling import sample
from efnn_cli.physics.statistics import fluctuation, statistics
from efnn_cli.physics.system import Draw
from efnn_cli.physics.thermal import Bath
from efnn_cli.training.domain import Domain
from efnn_cli.training.intervals import Intervals
from efnn_cli.training.split import some


def drawn(size, count, temperature=None, seed=0):
    bath = None if temperature is None else Bath(temperature, 1.0, 60)
    return sample("thermal" if bath else "uniform_sphere", Draw(seed, "train", 0, 0, count, bath), size)


def share_outside(domain, size, count, temperature=None, seed=1):
    system = SYSTEMS["heisenberg"](L=size)
    masks = domain.outside(statistics(drawn(size, count, temperature, seed), system), system.sites)
    return np.any(list(masks.values()), axis=0).mean()


def domain_of(size, count, temperature=None):
    system = SYSTEMS["heisenberg"](L=size)
    return Domain.of(statistics(drawn(size, count, temperature), system), system.sites)


def test_statistics_of_known_configurations():
    system = SYSTEMS["heisenberg"](L=4)
    up, staggered = np.zeros((1, 3, 4, 4)), np.zeros((1, 3, 4, 4))
    up[:, 2], staggered[:, 2] = 1.0, (-1.0) ** np.add(*np.indices((4, 4)))
    assert [each.item() for each in statistics(up, system).values()] == pytest.approx([1, 1, 1])
    assert [each.item() for each in statistics(staggered, system).values()] == pytest.approx([-1, 1, 0])
    found = next(iter(statistics(drawn(8, 4000), SYSTEMS["heisenberg"](L=8)).values()))
    assert found.std() == pytest.approx(fluctuation(SYSTEMS["heisenberg"](L=8)), rel=0.05)


@pytest.mark.parametrize("temperature", [None, 0.7])
@pytest.mark.parametrize("count", [150, pytest.param(1500, marks=pytest.mark.slow)])
def test_at_most_a_hundredth_of_the_same_ensemble_is_flagged(temperature, count):
    domain = domain_of(8, count, temperature)
    assert share_outside(domain, 8, 1500, temperature) <= 0.01
    assert share_outside(domain, 16, 300, temperature) <= 0.01  # fluctuations are smaller there
    assert share_outside(domain, 6, 600, temperature) <= 0.015


def test_another_ensemble_is_flagged():
    assert share_outside(domain_of(8, 500), 8, 100, temperature=0.2) == 1.0
    assert share_outside(domain_of(8, 500, temperature=0.2), 8, 100) == 1.0


def test_coverage_of_errors_whose_size_depends_on_the_ensemble():
    """|error| grows with c and as sqrt(sites): the bars hold everywhere, and are narrow where errors are small."""
    generator = np.random.default_rng(0)

    def errors(count, sites):
        c = generator.uniform(0, 1, count)
        return c, np.sqrt(sites) * 0.01 * np.exp(-3 * c) * generator.normal(size=count)

    train, val = errors(1000, 100), errors(400, 100)
    bars = Intervals.fit((train[0], 0.3 * train[1]), val, 100, noise=0.05)  # an overfitted network: q repairs the size
    for sites in (100, 400, 1600):
        c, error = errors(4000, sites)
        inside = np.abs(error) <= bars.half_widths(c, sites, 0.95)
        assert 0.93 <= inside.mean() <= 0.98
        assert min(inside[c < 0.2].mean(), inside[c > 0.8].mean()) > 0.9
    narrow, wide = bars.half_widths(np.array([0.9, 0.1]), 100, 0.95)
    assert wide / narrow == pytest.approx(np.exp(2.4), rel=0.5)
    flat = Intervals.fit(train, val, 100, noise=1.0)  # negative control: without the statistic they do not
    c, error = errors(4000, 100)
    assert (np.abs(error) <= flat.half_widths(c, 100, 0.95))[c < 0.2].mean() < 0.9


def test_error_bars_of_a_ladder_are_no_wider_than_they_must_be():
    """Errors that vanish as (1 - c)^1.5, nearly all bias where spins are ordered: 1.96 RMSE would cover normal ones."""
    generator = np.random.default_rng(1)

    def errors(count, low=0.0, high=0.95):
        c = generator.uniform(low, high, count)
        size = 0.1 * (1 - c) ** 1.5
        return c, size * np.where(c > 0.7, 1 + 0.3 * generator.normal(size=count), generator.normal(size=count))

    bars = Intervals.fit(errors(1440), errors(160), 100, noise=0.04)
    for low, high in ((0.0, 0.2), (0.3, 0.5), (0.6, 0.7), (0.8, 0.85), (0.88, 0.93)):
        c, error = errors(4000, low, high)
        half = bars.half_widths(c, 100, 0.95)
        assert (np.abs(error) <= half).mean() > 0.9
        assert np.sqrt(np.mean(half**2)) < 2.5 * np.sqrt(np.mean(error**2))


@pytest.mark.parametrize("seed", [0, 16, 19, 26])
def test_error_bars_with_outliers(seed):
    """Some errors are 1e10 times the others: bars are finite and cover what they should."""
    generator = np.random.default_rng(seed)
    c = generator.uniform(0.0, 0.9, 1000)
    error = np.where(generator.random(1000) < 0.003, 1e6, 1e-4) * generator.normal(size=1000)
    half = Intervals.fit((c, error), (c, error), 100, noise=0.01).half_widths(c, 100, 0.9)
    assert np.isfinite(half).all()
    assert (np.abs(error) <= half).mean() == pytest.approx(0.9, abs=0.01)


def test_error_bars_of_ordered_and_of_any_scalar_spins_are_finite():
    c, error = np.array([-1.0, 0.0, 1.0, 1 + 1e-15] * 50), np.tile([1e-3, -0.1, 0.0, 1e-3], 50)
    for noise in (0.05, np.inf):
        bars = Intervals.fit((c, error), (c, error), 16, noise)
        assert np.isfinite(bars.half_widths(np.array([-1.0, 1.0, 7.0]), 16, 0.9)).all()
        exact = Intervals.fit((c, 0 * error), (c, 0 * error), 16, noise)
        assert (exact.half_widths(np.array([-1.0, 0.3]), 16, 0.9) < 1e-90).all()


def test_error_bars_of_older_runs_are_read_as_they_were_made():
    stored = {"coefficients": [0.0, 1.0], "centre": 0.5, "width": 0.5, "scores": [1.0]}
    assert Intervals.read(stored).scale(np.array([0.5, 0.75])) == pytest.approx(np.exp([0.0, 0.5]))


def test_a_few_rows_are_of_all_rows():
    rows = np.arange(10, 5010)
    few = some(rows, 200, 3, "purpose")
    assert len(few) == len(np.unique(few)) == 200
    assert np.isin(few, rows).all()
    assert few.mean() == pytest.approx(rows.mean(), abs=400)  # four standard errors
    assert np.array_equal(few, some(rows, 200, 3, "purpose"))
    assert np.array_equal(some(rows, 9999, 3, "purpose"), rows)


def test_the_quantile_is_that_of_a_finite_sample():
    """Of n scores the k-th, k = ceil((n + 1) P): covers a new one of the same distribution at least as often as P."""
    generator = np.random.default_rng(1)
    hits = []
    for _ in range(3000):
        scores = np.sort(np.abs(generator.normal(size=20)))
        bars = Intervals([0.0], 0.0, 1.0, scores.tolist())
        hits.append(abs(generator.normal()) <= bars.quantile(0.8))
    assert np.mean(hits) == pytest.approx(17 / 21, abs=0.02)  # k / (n + 1), exactly
    assert bars.quantile(0.96) is None
    assert Intervals.read(bars.as_json()) == bars
    domain = domain_of(4, 20)
    assert Domain.read(domain.as_json()) == domain
