"""Networks under the transforms of PyTorch: the plain network comes out, and no call leaves anything for the next."""

import pytest
import torch
from torch import func
from torch.export import Dim, export

from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.models.fast import accelerate, neighbours
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.system import Draw

WIDE = {"depth": 1, "width": 4, "kernel_size": 7, "normalise_invariants": True}
CASES = [pytest.param(name, {}, id=name) for name in MODELS] + [pytest.param("efnn", WIDE, id="efnn-k7")]


def network(name, seed=1, **options):
    options = options if options or name == "effective" else {"depth": 2}
    made = MODELS[name].options(**options)
    model = build(made, "lattice", inputs=0, spin_range=(-1, 1), seed=seed, dtype=torch.float64)
    if name == "effective":
        torch.nn.init.ones_(model.network.coefficients)
    return accelerate(model)


def spins(count, size, seed=0):
    drawn = SYSTEMS["heisenberg"](L=size).sample("uniform_sphere", Draw(seed, "train", 0, 0, count))
    return torch.from_numpy(drawn)


def close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("name", "options"), [CASES[0], *CASES[-2:]])
def test_exported_with_any_batch_and_size(name, options):
    smallest = 1 + options.get("kernel_size", 5) // 2  # smaller ones are wrapped another way
    model, side = network(name, **options), Dim("L", min=smallest)
    exported = export(model, (spins(4, 6),), dynamic_shapes=({0: Dim("B"), 2: side, 3: side},)).module()
    for count, size in ((1, smallest), (5, 6), (2, 10), (3, 13)):
        close(exported(spins(count, size)), model(spins(count, size)))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_mapped_and_differentiated(name, options):
    """By `vmap` over configurations and over an ensemble, by `jacrev` in spins and in weights."""
    model, other, x = network(name, **options), network(name, seed=2, **options), spins(3, 7)
    close(func.vmap(lambda one: model(one[None])[0])(x), model(x))
    free = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(free).sum(), free)
    close(func.jacrev(model)(x).sum(dim=1), gradient)
    weights = dict(model.named_parameters())
    slopes = func.jacrev(lambda each: func.functional_call(model, each, (x,)).sum())(weights)
    model(x).sum().backward()
    for key, weight in weights.items():
        close(slopes[key], weight.grad)
    stacked = func.stack_module_state([model, other])
    together = func.vmap(lambda state: func.functional_call(model, state, (x,)))(stacked)
    close(together, torch.stack([model(x), other(x)]))


def in_inference_mode(model, x):
    with torch.inference_mode():
        model(x)


BEFORE = {
    "export": lambda model, x: export(model, (x,)),
    "vmap": lambda model, x: func.vmap(lambda one: model(one[None]))(x),
    "jacrev": lambda model, x: func.jacrev(model)(x),
    "inference": in_inference_mode,
}


@pytest.mark.parametrize("size", [6, 11])
@pytest.mark.parametrize("before", BEFORE)
def test_nothing_of_one_call_survives_in_another(before, size):
    model, x = network("efnn"), spins(2, size)
    neighbours.kept.cache_clear()
    neighbours._blocks.cache_clear()
    BEFORE[before](model, x)
    plain = build(MODELS["efnn"].options(depth=2), "lattice", inputs=0, spin_range=(-1, 1), seed=1, dtype=torch.float64)
    close(model(x), plain(x))
    model(x).sum().backward()
