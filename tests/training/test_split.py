"""Splits: shares, disjointness, and equal configurations on one side."""

import numpy as np
import pytest

from efnn_cli.config.schema import build_system
from efnn_cli.physics.system import Draw
from efnn_cli.training.split import digests, group_equal, split


def parts(spins):
    found = split(spins)
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


@pytest.mark.parametrize("system", ["three_spin", "heisenberg", "double_exchange"])
def test_another_processor_has_the_same_split(system):
    """The last bits of its spins are others, and equal ones are equal there too."""
    physics = build_system({"name": system})
    spins = physics.sample(physics.samplings[0], Draw(0, "train", 0, 0, 400))
    spins[300:] = spins[:100]
    nudged = np.nextafter(spins, np.where(np.random.default_rng(0).random(spins[0].shape) < 0.5, -2.0, 2.0))
    assert (nudged != spins).all()
    assert all(np.array_equal(one, other) for one, other in zip(parts(spins), parts(nudged), strict=True))
    assert digests(spins) == digests(nudged)
    # Negative control: other configurations are dealt out in another order.
    assert not np.array_equal(split(spins).test, split(np.roll(spins, 1, axis=-1)).test)


@pytest.mark.parametrize("count", [3, 4, 7])
def test_tiny_datasets_have_no_empty_part(count):
    assert all(len(each) for each in parts(np.arange(2.0 * count).reshape(count, 2)))


def test_too_few_distinct_configurations_are_refused():
    with pytest.raises(ValueError, match="3 distinct"):
        split(np.array([[0.0], [1.0], [0.0], [1.0]]))
