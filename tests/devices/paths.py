"""Every path of a device, rehearsed with fake tensors where there is no GPU.

What this cannot show: CUDA graphs, memory, speed, and numbers. `make gpu` does, on a machine that has one.
"""

import numpy as np
import pytest
import torch
from rehearsal import NAME, Rehearsal

from efnn_cli.core import doubles
from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.models.energy import receptive_field
from efnn_cli.models.fast import accelerate, columns
from efnn_cli.physics import determinant, determinant_fields
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.physics.heisenberg import Heisenberg
from efnn_cli.physics.lattices import SQUARE, point_group
from efnn_cli.runs.units import centre
from efnn_cli.simulation import chains, tuning
from efnn_cli.simulation.moves import NetworkMoves, Settings
from efnn_cli.training.labelled import Labelled
from efnn_cli.training.options import OPTIMIZERS, TrainingOptions
from efnn_cli.training.predict import fields_of, predict, predict_fields, predict_tensor
from efnn_cli.training.trainer import Trainer

NETWORKS = ("efnn", "dnn", "resnet", "densenet")


@pytest.fixture
def stage(monkeypatch):
    """The device, for which every form is that of CUDA."""
    rehearsal = Rehearsal()
    for table in (columns.ONE_PRODUCT, determinant.CROSSOVER, determinant_fields.CROSSOVER):
        monkeypatch.setitem(table, NAME, table["cuda"])
    return rehearsal


def spins(size=6, count=5, dtype=torch.float64):
    found = torch.from_numpy(np.random.default_rng(0).normal(size=(count, 3, size, size)))
    return (found / found.norm(dim=1, keepdim=True)).to(dtype)


def network(name="efnn", depth=2, width=3, dtype=torch.float32, **keys):
    options = MODELS[name].options(depth=depth, width=width, kernel_size=3, **keys)
    return accelerate(build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=0, dtype=dtype)), options


@pytest.mark.parametrize("reference", ["dense", "determinant"])
@pytest.mark.parametrize("fields", [False, True])
def test_labels(stage, reference, fields):
    system = DoubleExchange(L=6)
    with stage.running() as waits:
        found = system.label(stage.tensor(spins()), reference, fields=fields)
    assert found.energies.device == stage.device
    assert found.energies.shape == (5,)
    if fields:
        assert found.fields.device == stage.device
        assert found.fields.shape == (5, 3, 6, 6)
    assert len(waits.found) <= 12, waits.found


def test_labels_of_a_formula(stage):
    system = Heisenberg(L=6, J2=0.3, K=0.2, R=0.1, D=0.5, h=0.3)
    with stage.running() as waits:
        found = system.label(stage.tensor(spins()), "formula", fields=True)
    assert found.fields.device == stage.device
    assert waits.found == []


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_predictions(stage, name, dtype):
    model = stage.moved(network(name, dtype=dtype)[0])
    with stage.running() as waits:
        energies = predict_tensor(model, stage.tensor(spins()))
        fields = predict_fields(model, stage.tensor(spins()))
        density = model.density(stage.tensor(spins()))
    assert (energies.device, energies.dtype, energies.shape) == (stage.device, torch.float64, (5,))
    assert (fields.device, fields.shape) == (stage.device, (5, 3, 6, 6))
    assert (density.device, density.shape) == (stage.device, (5, 6, 6))
    assert waits.found == []


@pytest.mark.parametrize("symmetry", ["axial", "none"])
def test_other_symmetries(stage, symmetry):
    model = stage.moved(network(symmetry=symmetry, linear_terms=True)[0])
    with stage.running() as waits:
        assert predict_fields(model, stage.tensor(spins())).device == stage.device
    assert waits.found == []


def test_the_linear_model(stage):
    options = MODELS["effective"].options()
    model = stage.moved(build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=0))
    with stage.running():
        assert predict_tensor(model, stage.tensor(spins())).device == stage.device


def prepared(stage, name="efnn", fields=True):
    """A network and its data on the device."""
    few = spins(count=12, dtype=torch.float32)
    labels = (few, torch.zeros(12, dtype=torch.float64), few if fields else None)
    data = Labelled(*(None if each is None else stage.tensor(each) for each in labels))
    return stage.moved(network(name)[0]), data


def trainer(model, data, optimizer="adam", **keys):
    options = TrainingOptions(
        batch_size=4, epochs=10, optimizer=optimizer, field_weight=1.0, augment=True, initial_spread=None, **keys
    )
    operations = [each.apply for each in point_group(SQUARE, (6, 6))]
    return Trainer(model, options, data, data, seed=0, operations=operations)


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
@pytest.mark.parametrize("ema", [0.0, 0.99])
@pytest.mark.filterwarnings("ignore:Accessing the data pointer")
def test_a_step_of_every_optimizer(stage, optimizer, ema):
    """Energies and fields, augmentation, average: the host waits at most once a step."""
    model, data = prepared(stage)
    with stage.running() as waits:
        training = trainer(model, data, optimizer=optimizer, ema=ema)
        batches = training._batches()
        training._step(0.0, *batches[0])
        before = len(waits.found)
        training._step(0.3, *batches[1])
    assert len(waits.found) - before <= 1, waits.found[before:]
    assert all(each.device == stage.device for each in training.model.parameters())


def test_no_mean_error(stage):
    model, data = prepared(stage)
    with stage.running() as waits:
        centre(model, [data])
    assert model.shift.device == stage.device
    assert len(waits.found) <= 2  # for predicted and exact energies


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("fields", [False, True])
def test_a_step_of_every_network(stage, name, fields):
    model, data = prepared(stage, name, fields=fields)
    with stage.running() as waits:
        training = trainer(model, data)
        training._step(0.0, *training._batches()[0])
    assert all(each.grad is not None and each.grad.device == stage.device for each in training.model.parameters())
    assert waits.found == []


@pytest.mark.parametrize("moves", ["hybrid", "metropolis"])
def test_moves_of_chains(stage, moves):
    model, options = network(depth=1, block_kernel_size=1)
    stage.moved(model.requires_grad_(False))
    with stage.running() as waits:
        kernel = NetworkMoves(model, receptive_field(options, 1), 0.1)
        state = kernel.state(stage.tensor(spins()))
        generator = torch.Generator().manual_seed(0)
        end = kernel.propose(state, Settings(moves, 2, 3), generator)
    assert (end.spins.device, end.energies.device) == (stage.device, stage.device)
    assert len(waits.found) <= 2 * (1 if moves == "hybrid" else 3)  # the share of accepted moves


@pytest.mark.parametrize("reference", ["dense", "determinant"])
@pytest.mark.parametrize("fields", [False, True])
def test_proposals_with_their_exact_test(stage, monkeypatch, reference, fields):
    monkeypatch.setattr(tuning, "TUNING", 2)
    model, options = network(depth=1, block_kernel_size=1)
    model.requires_grad_(False)
    stage.moved(model)
    with stage.running():
        ensemble = {"system": DoubleExchange(L=6), "temperature": 0.1, "reference": reference, "fields": fields}
        moves = {"reach": receptive_field(options, 1), "settings": Settings("hybrid", 2, 3), "warmup": 1}
        sampler = chains.Sampler(model=model, **ensemble, **moves, seed=0)
        begun, labels = sampler.start(0, 5, stage.device)
        after, rows, _ = sampler.advance(begun, 0, range(2), stage.device)
    assert after.spins.shape == (5, 3, 6, 6)
    assert rows["energies"].shape == rows["accepted"].shape == (2, 5)
    assert ("fields" in rows) == fields
    assert labels["spins"].shape[1:] == (3, 6, 6)


@pytest.fixture
def narrow(monkeypatch):
    """A device without float64, as MPS is."""
    monkeypatch.setattr(doubles, "WITHOUT", {NAME})
    monkeypatch.setitem(columns.ONE_PRODUCT, NAME, columns.ONE_PRODUCT["mps"])
    return Rehearsal(doubles=False)


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_without_doubles(narrow, name):
    """Network on the device, sums and units in float64 on the CPU."""
    with narrow.running():
        model = network(name)[0].on(narrow.device)
        energies = predict(model, spins().numpy(), narrow.device)
        fields = fields_of(model, spins().numpy(), narrow.device)
    assert {each.device.type for each in model.network.parameters()} == {NAME}
    assert (energies.dtype, energies.shape) == (np.float64, (5,))
    assert (fields.dtype, fields.shape) == (np.float64, (5, 3, 6, 6))


@pytest.mark.parametrize("name", ["efnn", "densenet"])
def test_predictions_of_scalar_spins_without_doubles(narrow, name):
    options = MODELS[name].options(depth=2, width=4)
    scalars = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (5, 4)))
    with narrow.running():
        model = build(options, "dense", inputs=4, spin_range=(-1.0, 1.0), seed=0).on(narrow.device)
        assert predict(model, scalars.numpy(), narrow.device).shape == (5,)


@pytest.mark.parametrize("name", ["efnn", "resnet"])
@pytest.mark.parametrize("fields", [False, True])
@pytest.mark.filterwarnings("ignore:Accessing the data pointer")
def test_a_step_and_errors_without_doubles(narrow, name, fields):
    few = spins(count=12, dtype=torch.float32)
    with narrow.running():
        model = network(name)[0].on(narrow.device)
        there = narrow.tensor(few)
        data = Labelled(there, torch.linspace(0, 1, 12, dtype=torch.float64), there if fields else None)
        model.calibrate(data.spins, data.energies, 0.1)
        training = trainer(model, data, ema=0.99)
        training._step(0.0, *training._batches()[0])
        training.validate()
    assert all(each.grad is not None and each.grad.device == narrow.device for each in model.parameters())


def test_a_double_on_a_device_without_is_found(narrow):
    with narrow.running(), pytest.raises(TypeError, match="float64"):
        narrow.tensor(spins(dtype=torch.float32)).double()


def test_a_tensor_left_on_the_cpu_is_found(stage):
    """Negative controls: of the network, of the labels, and a wait that is not counted would be none."""
    model = stage.moved(network()[0])
    model.scale = torch.tensor(1.0, dtype=torch.float64).reshape(1)  # one number in a vector: no scalar to be moved
    with stage.running(), pytest.raises(Exception, match="device"):
        predict_tensor(model, stage.tensor(spins()))
    with stage.running() as waits:
        float(stage.tensor(spins()).sum())
        stage.tensor(spins()).cpu()
    assert waits.found == ["item", "copy to the CPU"]
