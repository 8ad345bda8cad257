"""Fast forms of the lattice networks: equal to the plain form in value and both gradients, at every size."""

import copy

import pytest
import torch
import torch.nn.functional as F

from efnn_cli.models import MODELS, fast
from efnn_cli.models.blocks import PeriodicConvolution, wrap
from efnn_cli.models.build import build
from efnn_cli.models.fast import accelerate
from efnn_cli.models.fast.matrices import Circulant, patches, row_matrix, rows
from efnn_cli.models.fast.products import SumOfProducts
from efnn_cli.models.invariants import O3Invariants

FORMS = [
    {"depth": 3, "width": 3},  # circulant blocks, invariants by rows up to L = 10
    {"depth": 2, "width": 9, "kernel_size": 3},
    {"depth": 2, "width": 12, "block_kernel_size": 1, "invariant_channels": 32, "normalise_invariants": True},
    {"depth": 2, "width": 4, "kernel_size": 7, "block_kernel_size": 3},
]


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def convolved(planes, weight):
    """Periodic cross-correlation of (B, C, L, L), the slow way."""
    return F.conv2d(wrap(planes, weight.shape[-1] // 2), weight)


@pytest.mark.parametrize(("size", "k"), [(3, 3), (5, 5), (7, 3), (10, 5), (8, 7)])
def test_circulant_matrix_is_the_convolution(size, k):
    weight, x = drawn(4, 2, k, k), drawn(3, 2, size, size, seed=1)
    matrix = Circulant.apply(weight, size)
    found = (x.permute(0, 2, 3, 1).flatten(1) @ matrix.t()).view(3, size, size, 4).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, convolved(x, weight), rtol=1e-12, atol=1e-12)
    assert (found - convolved(x, weight.flip(-1))).abs().max() > 1  # negative control: the other orientation
    pull = drawn(*matrix.shape, seed=2)  # the gradient of (pull * matrix).sum() by its definition, linear in the weight
    (gradient,) = torch.autograd.grad((Circulant.apply(weight.requires_grad_(), size) * pull).sum(), weight)
    unit = torch.zeros_like(weight)
    unit[3, 1, 0, k - 1] = 1.0
    torch.testing.assert_close(gradient[3, 1, 0, k - 1], (Circulant.apply(unit, size) * pull).sum())
    torch.testing.assert_close((gradient * weight).sum(), (matrix * pull).sum())


@pytest.mark.parametrize(("size", "k"), [(3, 3), (5, 5), (10, 5)])
def test_rows_and_patches_are_the_convolution(size, k):
    weight, spins = drawn(4, k, k), drawn(2, 3, size, size, seed=1)
    slow = convolved(spins.view(-1, 1, size, size), weight[:, None]).view(2, 3, 4, size, size).permute(1, 0, 3, 4, 2)
    by_rows = (rows(spins, k) @ row_matrix(weight, size)).view(3, 2, size, size, 4)
    by_patches = (patches(spins, k) @ weight.flatten(1).t()).view(3, 2, size, size, 4)
    torch.testing.assert_close(by_rows, slow, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(by_patches, slow, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("block", [1, 2, 5, 100])
def test_sums_of_products_in_blocks(block):
    """Value and gradient do not depend on how many configurations are taken at a time."""
    spins, matrix = drawn(5, 3, 4, 4), drawn(9, 6, seed=1).requires_grad_()
    both = patches(spins, 3) @ matrix
    slow = (both[..., :3] * both[..., 3:]).sum(dim=0)
    fast = SumOfProducts.apply(spins, matrix, patches, 3, block)
    torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-12)
    pull = drawn(*slow.shape, seed=2)
    (by_hand,) = torch.autograd.grad(fast, matrix, pull)
    (by_autograd,) = torch.autograd.grad(slow, matrix, pull)
    torch.testing.assert_close(by_hand, by_autograd, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sides", [(3, 3), (5, 5), (10, 10), (13, 13), (6, 4), (12, 1)])
@pytest.mark.parametrize("options", FORMS, ids=["published", "k3", "pointwise", "k7"])
@pytest.mark.parametrize("name", ["efnn", "dnn", "resnet", "densenet"])
def test_accelerated_networks_equal_the_plain_ones(name, options, sides):
    chosen = MODELS[name].options(**options)
    plain = build(chosen, "lattice", inputs=0, spin_range=(-1, 1), seed=1, dtype=torch.float64)
    quick = accelerate(copy.deepcopy(plain))
    assert list(quick.state_dict()) == list(plain.state_dict())
    spins = F.normalize(drawn(7, 3, *sides), dim=1)
    for model in (quick, plain):
        model(spins).square().sum().backward()
    torch.testing.assert_close(quick(spins), plain(spins), rtol=1e-11, atol=1e-11)
    free = [spins.clone().requires_grad_() for _ in range(2)]
    slopes = [torch.autograd.grad(model(x).sum(), x)[0] for model, x in zip((quick, plain), free, strict=True)]
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-11)
    for (key, a), b in zip(quick.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-9 * float(b.grad.abs().max()), msg=key)


def test_each_form_is_taken_where_it_pays(monkeypatch):
    taken = []

    def noted(owner, name):
        kept = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args: taken.append(name) or kept(*args))

    noted(fast, "rows")
    noted(fast, "patches")
    noted(fast.Circulant, "apply")
    few, many = (accelerate(O3Invariants([n, n], 5, normalise=False)) for n in (3, 32))
    for layers, size in ((few, 10), (few, 11), (few, 4), (many, 10)):
        layers(torch.zeros(1, 3, size, size))
    assert taken == ["rows", "patches", "patches", "patches"]
    taken.clear()
    for channels in (3, 9):
        accelerate(PeriodicConvolution(channels, channels, 5))(torch.zeros(1, 10, 10, channels))
    assert taken == ["apply"]
    O3Invariants([3, 3], 5, normalise=False)(torch.zeros(1, 3, 10, 10))
    assert taken == ["apply"]


def test_gradients_of_the_spins_are_there():
    """The fast form has none: the plain one is taken for fields -dE/dS of a network."""
    chosen = MODELS["efnn"].options(depth=1)
    model = accelerate(build(chosen, "lattice", inputs=0, spin_range=(-1, 1), seed=1, dtype=torch.float64))
    spins = F.normalize(drawn(2, 3, 5, 5), dim=1).requires_grad_()
    assert torch.autograd.gradcheck(model, spins)
