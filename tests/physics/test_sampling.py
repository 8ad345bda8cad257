"""Distributions of unit vectors: moments, independence of streams, and the documented published draw."""

import numpy as np
import pytest

from efnn_cli.core.errors import ConfigError
from efnn_cli.physics.sampling import sample
from efnn_cli.physics.system import Draw


def moments(name):
    spins = sample(name, Draw(0, "train", 0, 0, 4000), 6)  # 144 000 spins: standard error of <z^2> below 1e-3
    x, y, z = np.moveaxis(spins, 1, 0)
    return [np.mean(each) for each in (x, y, z, x * x, z * z, x * y, z * z * z * z)]


def test_uniform_sphere_is_isotropic():
    expected = [0, 0, 0, 1 / 3, 1 / 3, 0, 1 / 5]
    np.testing.assert_allclose(moments("uniform_sphere"), expected, atol=6e-3)


def test_uniform_angles_is_denser_at_the_poles():
    expected = [0, 0, 0, 1 / 4, 1 / 2, 0, 3 / 8]
    np.testing.assert_allclose(moments("uniform_angles"), expected, atol=6e-3)
    # Negative control: these moments are not those of the sphere.
    assert abs(moments("uniform_angles")[4] - 1 / 3) > 0.1


def test_published_is_the_documented_draw_bit_for_bit():
    spins = sample("published", Draw(2, "train", 5, 40, 3), 4)
    for i, each in enumerate(spins):
        seed = 100 + (40 + i) + 1_000_000 * 2
        theta = np.random.RandomState(seed).uniform(0, 1, (4, 4)) * np.pi
        phi = np.random.RandomState(seed).uniform(0, 1, (4, 4)) * 2 * np.pi
        wanted = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
        np.testing.assert_array_equal(each, wanted)


def test_published_does_not_depend_on_shards():
    whole = sample("published", Draw(0, "train", 0, 0, 7), 3)
    parts = [sample("published", Draw(0, "train", k, 2 * k, min(2, 7 - 2 * k)), 3) for k in range(4)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_published_references_use_their_own_block_of_seeds():
    reference = sample("published", Draw(3, "reference", 0, 0, 1), 4)[0]
    theta = np.random.RandomState(100 + 1_000_000 * 1003).uniform(0, 1, (4, 4)) * np.pi
    np.testing.assert_array_equal(reference[2], np.cos(theta))


@pytest.mark.parametrize(("seed", "first"), [(1000, 0), (0, 999_999)])
def test_published_refuses_what_would_repeat(seed, first):
    with pytest.raises(ConfigError):
        sample("published", Draw(seed, "train", 0, first, 2), 3)
