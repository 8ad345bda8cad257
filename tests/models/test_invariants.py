"""Invariants of each symmetry: what leaves them alone, what does not, and their moments for independent spins."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from efnn_cli.core.errors import ConfigError
from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.system import Draw

AXES = {"z": (0, 1, 2), "x": (1, 2, 0)}


def spins_of(size, count, seed=0):
    return torch.from_numpy(SYSTEMS["heisenberg"](L=size).sample("uniform_sphere", Draw(seed, "train", 0, 0, count)))


def network(name="efnn", **options):
    chosen = MODELS[name].options(**{"depth": 1, "width": 4, "kernel_size": 3, **options})
    return build(chosen, "lattice", inputs=0, spin_range=(-1, 1), seed=1, dtype=torch.float64)


def turned(spins, axis, angle=0.7):
    a, b, _ = AXES[axis]
    image = spins.clone()
    image[:, a] = np.cos(angle) * spins[:, a] - np.sin(angle) * spins[:, b]
    image[:, b] = np.sin(angle) * spins[:, a] + np.cos(angle) * spins[:, b]
    return image


@pytest.mark.parametrize("name", ["efnn", "dnn", "resnet", "densenet"])
@pytest.mark.parametrize(
    ("symmetry", "linear", "kept"),
    [("o3", False, "zx-"), ("axial", False, "z-"), ("axial", True, "z"), ("none", False, "-"), ("none", True, "")],
)
def test_a_network_has_its_symmetry_and_no_other(name, symmetry, linear, kept):
    model = network(name, symmetry=symmetry, linear_terms=linear)
    spins = spins_of(4, 3)
    images = {"z": turned(spins, "z"), "x": turned(spins, "x"), "-": -spins}
    with torch.no_grad():
        energy = model(spins)
        found = [key for key, each in images.items() if torch.allclose(model(each), energy, rtol=1e-9)]
        assert "".join(found) == kept
        torch.testing.assert_close(model(spins.roll((1, 2), (2, 3))), energy, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(model(spins.repeat(1, 1, 2, 2)), 4 * energy, rtol=1e-12, atol=1e-12)


def test_cross_products_distinguish_the_handedness_of_a_spiral():
    """axial has (S x S')_z: a spiral and its mirror image, equal in all S.S', differ."""
    x = np.indices((6, 6))[0]
    left, right = (
        torch.from_numpy(np.stack([np.cos(q * x), np.sin(q * x), 0.0 * x])[None]) for q in (np.pi / 3, -np.pi / 3)
    )
    with torch.no_grad():
        same, other = (network(symmetry=each) for each in ("o3", "axial"))
        torch.testing.assert_close(same(left), same(right), rtol=1e-12, atol=1e-12)
        assert (other(left) - other(right)).abs() > 1e-3


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("symmetry", ["axial", "none"])
def test_normalised_invariants_have_the_moments_of_sampled_spins(symmetry, linear):
    """A few taps outweigh the others, so that no term of the variance is small against the errors of the sampling."""
    options = {"width": 6, "normalise_invariants": True, "symmetry": symmetry, "linear_terms": linear}
    layer = network(**options).network.invariants
    generator = np.random.default_rng(0)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(generator.normal(size=layer.weight.shape) ** 3))
        layer.weight[1, 0] = layer.weight[0, 0]  # one invariant holds a square: same-site terms count
    count = 40_000
    spins = spins_of(3, count)
    with torch.no_grad():
        phi = torch.cat(layer(spins), dim=-1)[:, 1, 1].numpy()  # (count, channels): independent draws
    mean, square = phi.mean(axis=0), (phi**2).mean(axis=0)
    spread = (phi**2).std(axis=0) / count**0.5
    assert (np.abs(mean) < 5 / count**0.5).all()
    assert (np.abs(square - 1) < 5 * spread).all()


def test_fields_of_a_general_network_are_its_gradient():
    model = network(symmetry="none", linear_terms=True)
    spins = F.normalize(torch.randn(1, 3, 3, 3, dtype=torch.float64), dim=1).requires_grad_()
    assert torch.autograd.gradcheck(model, spins)


def test_linear_terms_need_a_symmetry_that_has_them():
    with pytest.raises(ConfigError, match="linear_terms"):
        MODELS["efnn"].options(symmetry="o3", linear_terms=True)
    with pytest.raises(ConfigError, match="symmetry"):
        MODELS["efnn"].options(symmetry="o4")


def test_cross_products_half_a_lattice_apart_cancel_on_the_smallest_torus():
    """The reason for a warning: sum_i (S_i x S_{i+4})_z is zero at L = 8, and not at L = 16."""
    model = network(symmetry="axial", kernel_size=5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        layer = model.network.invariants
        layer.weight[4, 0, 2] = layer.weight[5, 0, 22] = 1.0  # (S x S')_z of the first and the last row of the kernel
        small, large = (layer(spins_of(size, 1))[0][..., 0].sum().item() for size in (8, 16))
    assert abs(small) < 1e-12
    assert abs(large) > 0.1
