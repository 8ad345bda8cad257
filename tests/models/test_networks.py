"""What every registered network promises: counts, symmetries, size-consistency, neutral options."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from efnn_cli.core.errors import ConfigError, InputError
from efnn_cli.models import MODELS
from efnn_cli.models.build import build, parameter_count, receptive_field_of

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "gated.py"
NETWORKS = [name for name in MODELS if name != "effective"]
ON_LATTICES = [*NETWORKS, "gated"]
LATTICE_COUNTS = {
    "efnn": (1288, 2350, 3412, 26434),
    "dnn": (1138, 2050, 2962, 25084),
    "resnet": (832, 1288, 1744, 13330),
    "densenet": (907, 1663, 2644, 20080),
}
DENSE_COUNTS = {
    "efnn": (9240, 21180, 33120),
    "dnn": (11940, 26580, 41220),
    "resnet": (5580, 12900, 20220),
    "densenet": (4620, 12840, 24660),
}
# Beyond the published form: everything switched on.
EXTENDED = {
    "kernel_size": 3,
    "block_kernel_size": 3,
    "block_kernel_size_2": 1,
    "invariant_channels": 5,
    "normalise_invariants": True,
    "activation_scale": 0.1,
}


@pytest.fixture(scope="module", autouse=True)
def _network_of_ones_own():
    MODELS.load_file(f"{EXAMPLE}:Gated")
    yield
    MODELS.files.clear()


def lattice(name, dtype=torch.float64, seed=0, **options):
    model = build(MODELS[name].options(**options), "lattice", inputs=0, spin_range=(-1, 1), seed=seed, dtype=dtype)
    with torch.no_grad():
        if name == "effective":
            model.network.coefficients.copy_(torch.linspace(-1, 1, 13))
        for parameter in model.network.parameters():
            parameter.mul_(1.6)  # PyTorch's initial weights are small: a deep network would hardly see its input
    model.shift.fill_(-0.5)
    model.scale.fill_(2.0)
    return model


def dense(name, dtype=torch.float64, seed=0, n=15, **options):
    return build(MODELS[name].options(**options), "dense", inputs=n, spin_range=(0, 1), seed=seed, dtype=dtype)


def spins(size=6, count=3, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, 3, size, size))
    return torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", LATTICE_COUNTS)
def test_published_parameter_counts(name):
    shapes = [(1, 3), (2, 3), (3, 3), (3, 9)]
    found = tuple(parameter_count(lattice(name, depth=d, width=c)) for d, c in shapes)
    assert found == LATTICE_COUNTS[name]
    assert tuple(parameter_count(dense(name, depth=d, width=60)) for d in (1, 2, 3)) == DENSE_COUNTS[name]


def test_published_receptive_fields():
    fields = [receptive_field_of(MODELS["efnn"].options(depth=d)) for d in (1, 2, 3)]
    assert fields == [13, 21, 29]
    pointwise = MODELS["efnn"].options(depth=3, block_kernel_size=1)
    assert receptive_field_of(pointwise) == 5


@pytest.mark.parametrize("name", ON_LATTICES)
@pytest.mark.parametrize("options", [{"depth": 1}, {"depth": 2, "block_kernel_size": 3, "kernel_size": 3}])
def test_receptive_field_is_what_the_gradient_sees(name, options):
    """The energy density of one site depends on exactly the spins inside the computed square."""
    model = lattice(name, width=2, **options)
    field, size = receptive_field_of(MODELS[name].options(width=2, **options)), 29
    x = spins(size, 1).requires_grad_()
    seen = {}
    model.network.readout.register_forward_pre_hook(lambda module, args: seen.update(density=args[0]))
    model(x)
    seen["density"][0, 14, 14].sum().backward()
    rows = torch.nonzero(x.grad.abs().sum(dim=(0, 1, 3))).flatten()
    assert int(rows.max() - rows.min()) + 1 == field


@pytest.mark.parametrize("options", [{}, EXTENDED], ids=["published", "extended"])
@pytest.mark.parametrize("name", [*ON_LATTICES, "effective"])
class TestLatticeForm:
    def model(self, name, options):
        return lattice(name, **({} if name == "effective" else {"depth": 2, "width": 3, **options}))

    def test_rotations_and_reversal_of_all_spins(self, name, options):
        model, x = self.model(name, options), spins()
        q = torch.from_numpy(np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0])
        close(model(torch.einsum("ij,bjxy->bixy", q, x)), model(x))
        close(model(-x), model(x))
        # Negative control: turning the spins of a single row changes the energy.
        turned = x.clone()
        turned[:, :, 0] = torch.einsum("ij,bjy->biy", q, x[:, :, 0])
        assert not torch.allclose(model(turned), model(x))

    def test_translations(self, name, options):
        model, x = self.model(name, options), spins()
        for shift in ((1, 0), (2, 5), (3, 3)):
            close(model(x.roll(shift, dims=(2, 3))), model(x))

    def test_tiling_multiplies_the_energy(self, name, options):
        model, x = self.model(name, options), spins()
        close(model(x.repeat(1, 1, 2, 2)), 4 * model(x))
        close(model(x.repeat(1, 1, 3, 3)), 9 * model(x))

    def test_batch_independence(self, name, options):
        model, x = self.model(name, options), spins()
        close(torch.cat([model(each[None]) for each in x]), model(x))

    def test_dtype_seed_and_gradient_flow(self, name, options):
        model, x = self.model(name, options), spins()
        energy = model(x)
        assert energy.dtype == torch.float64
        assert torch.equal(energy, self.model(name, options)(x))
        (energy**2).sum().backward()
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", NETWORKS)
def test_lattice_networks_are_not_invariant_under_the_point_group(name):
    """Learned, not built in; `effective` has it by construction."""
    x = spins()
    assert not torch.allclose(lattice(name)(x.transpose(2, 3)), lattice(name)(x))
    close(lattice("effective")(x.transpose(2, 3)), lattice("effective")(x))
    close(lattice("effective")(x.rot90(1, (2, 3))), lattice("effective")(x))


@pytest.mark.parametrize("name", NETWORKS)
def test_dense_networks_have_no_translation_symmetry(name):
    model = dense(name, depth=2, width=20)
    s = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (6, 15)).astype(float))
    energy = model(s)
    assert energy.dtype == torch.float64
    assert torch.equal(energy, dense(name, depth=2, width=20)(s))
    assert not torch.equal(energy, dense(name, depth=2, width=20, seed=1)(s))
    assert not torch.allclose(model(s.roll(1, dims=1)), energy)
    close(torch.cat([model(each[None]) for each in s]), energy)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_of_a_dense_network_learns(name):
    model = dense(name, depth=3, width=8)
    (model(torch.rand(4, 15, dtype=torch.float64)) ** 2).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_activation_scale_spans_the_same_functions(name):
    """eps folds into the weights: W1 -> eps W1, b1 -> eps b1, W2 -> W2 / eps gives the published block."""
    eps = 0.05
    for scaled, plain, x in (
        (dense(name, width=12, activation_scale=eps), dense(name, width=12), torch.rand(4, 15).double()),
        (lattice(name, activation_scale=eps), lattice(name), spins()),
    ):
        folded = {}
        for key, value in scaled.state_dict().items():
            factor = eps if ".inner." in key else 1 / eps if key.endswith("outer.weight") else 1.0
            folded[key] = value * factor
        plain.load_state_dict(folded)
        close(scaled(x), plain(x))
        assert not torch.allclose(scaled(x), dense(name, width=12)(x) if x.ndim == 2 else lattice(name)(x))


def test_neutral_options_leave_the_published_network():
    """Every option beyond the paper, given its neutral value explicitly, changes nothing at all."""
    neutral = {
        "activation_scale": 1.0,
        "block_kernel_size": 5,
        "block_kernel_size_2": 5,
        "invariant_channels": 3,
        "normalise_invariants": False,
        "quasi_particle_bias": 0.0,
    }
    assert torch.equal(lattice("efnn", **neutral)(spins()), lattice("efnn")(spins()))
    assert not torch.equal(
        lattice("efnn", **(neutral | {"quasi_particle_bias": 1.0}))(spins()), lattice("efnn")(spins())
    )


def test_calibration_sets_mean_and_spread():
    model, x = lattice("efnn", dtype=torch.float32), spins(6, 200)
    energies = 30.0 + 5.0 * torch.randn(200, generator=torch.Generator().manual_seed(0)).double()
    model.calibrate(x, energies, 0.3)
    predicted = model(x)
    assert predicted.mean().item() == pytest.approx(energies.mean().item(), abs=1e-3)
    assert predicted.std().item() == pytest.approx(0.3 * energies.std().item(), rel=1e-4)
    torch.testing.assert_close(model(x.repeat(1, 1, 2, 2)), 4 * predicted, rtol=1e-6, atol=0)  # weights are float32
    precise = lattice("efnn")
    precise.calibrate(x, energies, 0.3)
    close(precise(x.repeat(1, 1, 2, 2)), 4 * precise(x))


def test_centred_binary_spins():
    """{0, 1} spins enter as 2 s - 1."""
    plain, centred = dense("efnn", depth=2), dense("efnn", depth=2, centre_spins=True)
    s = torch.tensor([[0.0, 1.0] * 7 + [1.0]], dtype=torch.float64)
    close(centred(s), plain(2 * s - 1))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", NETWORKS)
def test_cuda_agrees_with_the_cpu(name):
    model, x = lattice(name, dtype=torch.float64), spins()
    expected = model(x)
    torch.testing.assert_close(model.cuda()(x.cuda()).cpu(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("changes", [{"depth": 0}, {"block_kernel_size": 2}, {"activation_scale": math.nan}])
def test_bad_options_are_refused(changes):
    with pytest.raises(ConfigError, match=f"model.{next(iter(changes))}|{next(iter(changes))}"):
        MODELS["efnn"].options(**changes)


@pytest.mark.parametrize("shape", [(3, 10, 10), (2, 10, 10, 3), (2, 2, 6, 6), (2, 3, 2, 2)])
@pytest.mark.parametrize("name", MODELS)
def test_spins_of_no_lattice_are_refused_whoever_calls(name, shape):
    model = lattice(name)
    for call in (model, model.bare, lambda x: model.calibrate(x, torch.zeros(len(x)), 1.0)):
        with pytest.raises(InputError, match=r"wanted spins of shape \(samples, 3, Lx, Ly\)"):
            call(torch.ones(shape, dtype=torch.float64))


@pytest.mark.parametrize("name", MODELS)
def test_no_configurations_have_no_energies(name):
    assert lattice(name)(spins(3)[:0]).shape == (0,)
