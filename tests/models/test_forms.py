"""Fast forms of the lattice networks: equal to the plain form in value and both gradients, at every size."""

import copy

import pytest
import torch
import torch.nn.functional as F

from efnn_cli.models import MODELS, fast
from efnn_cli.models.blocks import PeriodicConvolution, wrap
from efnn_cli.models.build import build
from efnn_cli.models.fast import accelerate, columns, convolution, neighbours
from efnn_cli.models.fast.convolution import convolved
from efnn_cli.models.fast.neighbours import Window
from efnn_cli.models.fast.products import sum_of_products
from efnn_cli.models.invariants import O3Invariants

FORMS = [
    {"depth": 3, "width": 3},  # blocks by columns
    {"depth": 2, "width": 9, "kernel_size": 3},
    {"depth": 2, "width": 12, "block_kernel_size": 1, "invariant_channels": 32, "normalise_invariants": True},
    {"depth": 2, "width": 4, "kernel_size": 7, "block_kernel_size": 3},
]


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slowly(planes, weight):
    """Periodic cross-correlation of (C, Lx, Ly, B) with weights (C', C, k, k), the slow way."""
    return F.conv2d(wrap(planes.movedim(-1, 0), weight.shape[-1] // 2), weight).movedim(0, -1)


@pytest.fixture(params=[1, 3000, 2**20], ids=["a site at a time", "some sites", "all sites"])
def blocks(request, monkeypatch):
    """Blocks of sites of every size."""
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", request.param)
    return request.param


def differentiable(function, *arguments):
    """Check the derivatives of first and second order by finite differences."""
    free = [each.requires_grad_() for each in arguments]
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(function, free, fast_mode=True)


@pytest.mark.parametrize("window", [Window(5, 5, 3), Window(4, 3, 5), Window(12, 1, 3), Window(10, 7, 5)])
@pytest.mark.parametrize("column", [0, 1000], ids=["windows", "columns"])
@pytest.mark.parametrize("product", [0, 1000], ids=["by columns", "one product"])
def test_convolutions(blocks, monkeypatch, window, column, product):
    """Both forms, with blocks of every size, and the one product of a GPU."""
    pieces = columns._pieces
    whole = product > 0  # all columns at a time where one product is too large
    monkeypatch.setattr(columns, "_pieces", lambda length, k, **_: pieces(length, k, whole=whole))
    monkeypatch.setitem(columns.ONE_PRODUCT, "cpu", product)
    monkeypatch.setattr(convolution, "COLUMN", column)
    sides, k = window[:2], window.k
    x, weight = drawn(2, *sides, 3), drawn(4, 2, k, k, seed=1)
    found = convolved(x.flatten(1, 2), weight.flatten(2), window).view(4, *sides, 3)
    torch.testing.assert_close(found, slowly(x, weight), rtol=1e-12, atol=1e-12)
    assert (found - slowly(x, weight.flip(-2))).abs().max() > 1e-2  # negative control: the other orientation
    differentiable(lambda *given: convolved(*given, window), x.flatten(1, 2), weight.flatten(2))


@pytest.mark.parametrize("window", [Window(5, 5, 3), Window(4, 3, 5), Window(12, 1, 3)])
def test_sums_of_products(blocks, window):
    sides, k = window[:2], window.k
    spins, forms = drawn(3, window.sites, 2), drawn(4, k * k, seed=1)
    phi = sum_of_products(spins, forms, window)
    u, v = torch.stack(
        [slowly(each.view(1, *sides, 2), forms.view(4, 1, k, k)).flatten(1, 2) for each in spins], dim=1
    ).chunk(2)  # (2, component, sites, B) each
    torch.testing.assert_close(phi, (u * v).sum(dim=1), rtol=1e-12, atol=1e-12)
    differentiable(lambda *given: sum_of_products(*given, window), spins, forms)


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


def field_loss(model, spins):
    """Return an energy plus the square of its fields: a loss of training on fields."""
    free = spins.clone().requires_grad_()
    energies = model(free)
    (slopes,) = torch.autograd.grad(energies.sum(), free, create_graph=True)
    return energies.square().mean() + slopes.square().sum()


@pytest.mark.parametrize("sides", [(5, 5), (10, 10), (6, 4)])
@pytest.mark.parametrize("options", FORMS, ids=["published", "k3", "pointwise", "k7"])
def test_gradients_of_fields_equal_those_of_the_plain_form(options, sides):
    """In the weights, of a loss of fields; of the single fields by finite differences."""
    chosen = MODELS["efnn"].options(**options)
    plain = build(chosen, "lattice", inputs=0, spin_range=(-1, 1), seed=1, dtype=torch.float64)
    quick = accelerate(copy.deepcopy(plain))
    spins = F.normalize(drawn(3, 3, *sides), dim=1)
    for model in (quick, plain):
        field_loss(model, spins).backward()
    for (key, a), b in zip(quick.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-8, atol=1e-9 * float(b.grad.abs().max()), msg=key)
    free = spins.clone().requires_grad_()
    assert torch.autograd.gradcheck(quick, free, fast_mode=True)


@pytest.mark.parametrize("options", [*FORMS, {"depth": 2, "width": 9, "kernel_size": 3, "block_kernel_size_2": 1}])
def test_single_precision(options):
    """Where convolutions are PyTorch's own, energies and gradients are those of double precision, to rounding."""
    chosen = MODELS["efnn"].options(**options)
    double = build(chosen, "lattice", inputs=0, spin_range=(-1, 1), seed=1, dtype=torch.float64)
    single = accelerate(copy.deepcopy(double).float())
    spins = F.normalize(drawn(3, 3, 10, 6), dim=1)
    for model in (single, double):
        field_loss(model, spins.to(model.dtype)).backward()
    torch.testing.assert_close(single(spins), double(spins), rtol=1e-5, atol=1e-5)
    for (key, a), b in zip(single.named_parameters(), double.parameters(), strict=True):
        torch.testing.assert_close(a.grad.double(), b.grad, rtol=0, atol=1e-5 * float(b.grad.abs().max()), msg=key)


@pytest.mark.skipif(not fast.ONEDNN, reason="PyTorch without oneDNN")
def test_each_form_is_taken_where_it_pays(monkeypatch):
    taken = []

    def noted(owner, name):
        kept = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args: taken.append(name) or kept(*args))

    noted(fast, "sum_of_products")
    noted(convolution, "_windows")
    noted(columns, "convolve")
    noted(F, "conv2d")
    single = torch.zeros(1, 10, 10, 9)
    inside = single.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0)  # the batch innermost
    for channels, k, x, form in (
        (3, 5, single[..., :3], "convolve"),
        (3, 5, single[..., :3].double(), "convolve"),
        (9, 5, single, "conv2d"),
        (9, 5, inside, "conv2d"),
        (9, 5, single.double(), "_windows"),
        (9, 1, single, "conv2d"),
        (9, 1, torch.zeros(9, 10, 10, 2).permute(3, 1, 2, 0), None),
    ):
        taken.clear()
        accelerate(PeriodicConvolution(channels, channels, k)).to(x.dtype)(x)
        assert taken == ([] if form is None else [form])
    taken.clear()
    accelerate(O3Invariants([3, 3], 5, normalise=False))(torch.zeros(1, 3, 10, 10))
    assert taken == ["sum_of_products"]
    taken.clear()
    O3Invariants([3, 3], 5, normalise=False)(torch.zeros(1, 3, 10, 10))
    assert "sum_of_products" not in taken
