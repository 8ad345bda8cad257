"""Random numbers of the networks: initial weights against PyTorch's ranges, invariants against sampled spins."""

import numpy as np
import pytest
import torch

from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.system import Draw

NETWORKS = [name for name in MODELS if name != "effective"]


def network(name, geometry="lattice", dtype=torch.float64, **options):
    made = MODELS[name].options(**options)
    return build(made, geometry, inputs=15, spin_range=(-1, 1), seed=1, dtype=dtype)


@pytest.mark.parametrize("geometry", ["lattice", "dense"])
@pytest.mark.parametrize("name", NETWORKS)
def test_initial_weights_are_uniform_up_to_one_over_the_root_of_the_fan_in(name, geometry):
    """The fan-in of a kernel is channels in times k^2; a bias has that of its kernel."""
    parameters = dict(network(name, geometry, width=24, depth=2).named_parameters())
    for key, parameter in parameters.items():
        weight = parameters[key.replace("bias", "weight")]
        fan_in = 25 if "invariants" in key else weight[0].numel()  # one spin component enters at a time
        scaled = parameter.detach() * fan_in**0.5
        assert scaled.abs().max() <= 1 + 1e-6, key
        if scaled.numel() >= 500:
            assert scaled.abs().max() > 0.98, key
            assert scaled.std() == pytest.approx(3**-0.5, rel=0.08), key
            assert abs(scaled.mean()) < 0.1, key


def test_normalised_invariants_have_the_moments_of_sampled_spins():
    """A few taps outweigh the others, so that no term of the variance is small against the errors of the sampling."""
    layer = network("efnn", width=6, depth=1, kernel_size=3, normalise_invariants=True).network.invariants
    generator = np.random.default_rng(0)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(generator.normal(size=layer.weight.shape) ** 3))
        layer.weight[1, 0] = layer.weight[0, 0]  # one invariant is a square, one is a single bond
        layer.weight[:, 1] = 0.0
        layer.weight[0, 1, 4] = layer.weight[1, 1, 5] = 2.0
    count = 40_000
    spins = torch.from_numpy(SYSTEMS["heisenberg"](L=3).sample("uniform_sphere", Draw(0, "train", 0, 0, count)))
    with torch.no_grad():
        phi = torch.cat(layer(spins), dim=-1)[:, 1, 1].numpy()  # (count, channels): independent draws
    mean, square = phi.mean(axis=0), (phi**2).mean(axis=0)
    spread = (phi**2).std(axis=0) / count**0.5
    assert (spread < 0.02).all()
    assert (np.abs(mean) < 5 / count**0.5).all()
    assert (np.abs(square - 1) < 5 * spread).all()


def test_sums_over_sites_are_taken_in_double_precision():
    """A million sites of one sign: in single precision the sum would lose four digits."""
    readout = network("efnn", dtype=torch.float32, width=2, depth=1, kernel_size=3).network.readout
    x = 1000.0 + torch.rand(1, 1000, 1000, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = readout(x)
        kernel = readout.weight[0].double().sum(dim=(1, 2)).numpy()
        wanted = x.numpy().astype(np.float64).sum(axis=(1, 2)) @ kernel + 1e6 * float(readout.bias)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-13)
