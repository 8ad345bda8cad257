"""Moves of distant sites: each test is that of the whole energy, whatever the others do."""

import pytest
import torch

from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.models.energy import receptive_field
from efnn_cli.simulation import metropolis


def network(**keys):
    options = MODELS["efnn"].options(depth=1, width=3, kernel_size=3, block_kernel_size=1, **keys)
    model = build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=1, dtype=torch.float64)
    return model.requires_grad_(False), receptive_field(options, 1)


def configurations(chains, sides, seed=0):
    generator = torch.Generator().manual_seed(seed)
    spins = torch.randn(chains, 3, *sides, dtype=torch.float64, generator=generator)
    return spins / spins.norm(dim=1, keepdim=True), generator


@pytest.mark.parametrize("name", ["efnn", "dnn", "resnet", "densenet"])
def test_densities_sum_to_the_energy(name):
    options = MODELS[name].options(depth=2, width=3, kernel_size=3)
    model = build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=1, dtype=torch.float64)
    model.shift.fill_(-0.4)
    model.scale.fill_(2.5)
    spins, _ = configurations(4, (6, 5))
    torch.testing.assert_close(model.density(spins).sum(dim=(1, 2)), model(spins), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sides", [(9, 6), (7, 8), (4, 4)])
def test_a_move_changes_the_energy_by_the_squares_about_its_sites(sides):
    """And the densities kept for the next move are those of the new spins."""
    model, reach = network()
    model.scale.fill_(20.0)
    assert reach == 3
    spins, generator = configurations(6, sides)
    before = model.density(spins)
    count = metropolis.sites_at_once(sides, reach)
    normals = torch.randn(6, 3, count, dtype=torch.float64, generator=generator)
    uniforms = torch.rand(6, count, dtype=torch.float64, generator=generator)
    moved, after, accepted = metropolis.round_of_moves(
        spins, before, model.density, 0.1, 1.0, reach, (2, 1), normals, uniforms
    )
    assert 0 < accepted.double().mean() < 1
    torch.testing.assert_close(after, model.density(moved), rtol=0, atol=1e-12)
    x, y = metropolis.grid(sides, reach, (2, 1))
    for site in range(count):  # the test of a site is that of the energy with this site alone moved
        one = spins.clone()
        one[:, :, x[site], y[site]] = metropolis.turned(spins[:, :, x[[site]], y[[site]]], 1.0, normals[:, :, [site]])[
            ..., 0
        ]
        expected = uniforms[:, site] < (-(model(one) - model(spins)) / 0.1).exp()
        assert torch.equal(expected, accepted[:, site])


def test_sites_that_are_too_close_are_caught():
    """With squares smaller than the receptive field the tests are wrong: negative control of the one above."""
    model, _ = network(block_kernel_size_2=3)  # sees 5 x 5
    spins, generator = configurations(6, (9, 9))
    before, count = model.density(spins), metropolis.sites_at_once((9, 9), 3)
    normals = torch.randn(6, 3, count, dtype=torch.float64, generator=generator)
    uniforms = 2.0 * torch.arange(6 * count, dtype=torch.float64).reshape(6, count).remainder(2)  # every other site
    moved, after, accepted = metropolis.round_of_moves(
        spins, before, model.density, 10.0, 1.0, 3, (0, 0), normals, uniforms
    )
    assert accepted.double().mean() == 0.5
    assert (after - model.density(moved)).abs().max() > 1e-3


def test_grids_keep_their_distance():
    for sides, reach in (((10, 10), 3), ((11, 7), 3), ((20, 9), 9), ((5, 5), 9)):
        x, y = metropolis.grid(sides, reach, (4, 3))
        assert len(x) == metropolis.sites_at_once(sides, reach)
        for axis, side in ((x, sides[0]), (y, sides[1])):
            gaps = (axis[:, None] - axis[None, :]).abs()
            gaps = torch.minimum(gaps, side - gaps)[axis[:, None] != axis[None, :]]
            assert gaps.numel() == 0 or int(gaps.min()) >= reach
