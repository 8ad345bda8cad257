"""Splits: shares, disjointness, and equal configurations on one side."""

import numpy as np
import pytest

from efnn_cli.training.split import group_equal, split


def parts(spins, name="abc"):
    found = split(spins, name)
    return found.train, found.val, found.test


def test_shares_and_disjointness():
    spins = np.random.default_rng(0).normal(size=(2000, 3, 4, 4))
    found = parts(spins)
    assert [len(each) for each in found] == [1440, 160, 400]
    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(2000))


def test_equal_configurations_stay_together():
    spins = np.random.default_rng(0).integers(0, 2, (5000, 9)).astype(float)  # 512 states: nearly all repeat
    train, val, test = ({row.tobytes() for row in spins[each]} for each in parts(spins))
    assert not train & val
    assert not train & test
    assert not val & test
    shares = [len(each) / 5000 for each in parts(spins)]
    np.testing.assert_allclose(shares, [0.72, 0.08, 0.20], atol=0.01)
    # Negative control: dealing out rows as they come puts equal ones on both sides.
    assert {row.tobytes() for row in spins[:4000]} & {row.tobytes() for row in spins[4000:]}


def test_negative_zero_equals_zero():
    assert group_equal(np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 1.0]])).tolist() == [0, 0, 1]


def test_the_hash_of_the_dataset_decides():
    spins = np.random.default_rng(0).normal(size=(300, 5))
    assert np.array_equal(split(spins, "a").test, split(spins, "a").test)
    assert not np.array_equal(split(spins, "a").test, split(spins, "b").test)


@pytest.mark.parametrize("count", [3, 4, 7])
def test_tiny_datasets_have_no_empty_part(count):
    assert all(len(each) for each in parts(np.arange(2.0 * count).reshape(count, 2)))


def test_too_few_distinct_configurations_are_refused():
    with pytest.raises(ValueError, match="3 distinct"):
        split(np.array([[0.0], [1.0], [0.0], [1.0]]), "a")
