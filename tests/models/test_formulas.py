"""Every network against its formula, written a second time: one shifted copy of the lattice for every weight."""

import pytest
import torch

from efnn_cli.models import MODELS
from efnn_cli.models.build import build

NETWORKS = [name for name in MODELS if name != "effective"]
GENERATOR = torch.Generator().manual_seed(0)


def affine(layer, x):
    """W x + b of (B, inputs)."""
    return x @ layer.weight.T + layer.bias


def correlated(weight, x):
    """Periodic cross-correlation with weights (C', C, k, k) of (B, C, L, L), shift by shift."""
    k = weight.shape[-1]
    shifts = [(i, j) for i in range(k) for j in range(k)]
    moved = [(weight[:, :, i, j], x.roll((k // 2 - i, k // 2 - j), (2, 3))) for i, j in shifts]
    return sum(torch.einsum("oc,bcxy->boxy", taps, shifted) for taps, shifted in moved)


def convolution(layer, x):
    return correlated(layer.weight, x) + layer.bias[:, None, None]


def energy(name, net, apply, first, lifted, bare):
    """Features of the last layer from the inputs of the first block, beside it, and of the quasi-particle layers."""

    def block(part, x):
        return apply(part.outer, torch.tanh(apply(part.inner, x)))

    if name == "efnn":
        for f, g, spins in zip(net.fields, net.quasi_particles, bare, strict=True):
            first = block(g, spins) * block(f, first)
        return first
    if name == "dnn":
        for part in net.layers:
            first = block(part, first)
        return first
    x, new = lifted, block(net.blocks[0], first)
    for part in net.blocks[1:]:
        x = x + new if name == "resnet" else torch.cat([x, new], dim=1)
        new = block(part, x)
    return x + new if name == "resnet" else torch.cat([x, new], dim=1)


def drawn(name, geometry, **options):
    model = build(
        MODELS[name].options(depth=3, **options), geometry, inputs=6, spin_range=(-1, 1), seed=1, dtype=torch.float64
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.6)  # a deep network would hardly see its input
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_dense_networks(name):
    model, s = drawn(name, "dense", width=5), torch.randn(4, 6, generator=GENERATOR, dtype=torch.float64)
    net = model.network
    lifted = affine(net.lift, s) if name == "resnet" else s
    wanted = energy(name, net, affine, s, lifted, [s] * 3).sum(dim=1)
    torch.testing.assert_close(model(s), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [4, 7])
@pytest.mark.parametrize("name", NETWORKS)
def test_lattice_networks(name, size):
    model = drawn(name, "lattice", width=3, kernel_size=3, block_kernel_size=3, block_kernel_size_2=1)
    spins = torch.randn(2, 3, size, size, generator=GENERATOR, dtype=torch.float64)
    spins /= spins.norm(dim=1, keepdim=True)
    net = model.network
    halves = net.invariants.weight.reshape(2, -1, 1, 3, 3)  # W0 and W1 of all layers, one after the other
    components = [correlated(halves[0], s) * correlated(halves[1], s) for s in spins.split(1, dim=1)]
    layers = sum(components).split(3, dim=1)
    features = energy(name, net, convolution, layers[0], layers[-1], layers[1:])
    wanted = convolution(net.readout, features).sum(dim=(1, 2, 3))
    torch.testing.assert_close(model(spins), wanted, rtol=1e-11, atol=1e-11)
