"""The loop: it lands on a known answer, resumes, follows its schedule, and stops where numbers overflow."""

import copy
import dataclasses
import math

import numpy as np
import plain
import pytest
import torch
from torch import nn

from efnn_cli.core.errors import ConfigError, NumericalError
from efnn_cli.models import MODELS
from efnn_cli.models.build import build, parameter_count
from efnn_cli.storage import checkpoint
from efnn_cli.training.gradients import Gradients, GraphedGradients, gradients_on
from efnn_cli.training.labelled import Labelled, OneSize
from efnn_cli.training.optimizers import build_optimizer, learning_rate
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.trainer import Trainer


class Linear(nn.Module):
    """One number to learn: E = a times the sum of the spins."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.zeros(()))

    def forward(self, spins):
        return self.a.double() * spins.flatten(1).sum(1).double()


def labelled(count, seed, slope=2.5):
    spins = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 6))).float()
    return Labelled(spins, slope * spins.sum(1).double())


def lattice_data(count, seed, side=4):
    vectors = np.random.default_rng(seed).normal(size=(count, 3, side, side))
    spins = torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    fields = spins.roll(1, dims=2) + spins.roll(-1, dims=2)
    return Labelled(spins.float(), -(spins * spins.roll(1, dims=2)).sum((1, 2, 3)), fields.float())


def lattice_trainer(more=(), **changes):
    options = TrainingOptions(**{"epochs": 4, "batch_size": 7, "lr": 1e-2, "initial_spread": 0.3, **changes})
    chosen = MODELS["efnn"].options(depth=2, width=2, kernel_size=3)
    model = build(chosen, "lattice", inputs=0, spin_range=(-1, 1), seed=1)
    return Trainer(model, options, lattice_data(40, 0), lattice_data(16, 1), 5, plain.OPERATIONS, more=more)


def test_training_lands_on_the_known_slope():
    model = Linear()
    options = TrainingOptions(lr=0.1, epochs=40, batch_size=20, schedule="cosine", initial_spread=1.0)
    trainer = Trainer(model, options, labelled(200, 0), labelled(50, 1), seed=0)
    while not trainer.finished:
        row = trainer.run_epoch()
    assert model.a.item() == pytest.approx(2.5, abs=1e-5)
    assert trainer.best.val_rmse <= row.val_rmse < 1e-4
    # Negative control: with a vanishing learning rate nothing is learned.
    still = Trainer(Linear(), TrainingOptions(lr=1e-12, epochs=3), labelled(200, 0), labelled(50, 1), seed=0)
    assert still.run_epoch().val_rmse > 1


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "soap"])
@pytest.mark.parametrize(("augment", "ema", "fields"), [(False, 0.0, False), (True, 0.9, False), (True, 0.9, True)])
def test_resumed_it_equals_a_plain_loop(tmp_path, optimizer, augment, ema, fields):
    """Stopped after every epoch, and continued from a real file, which may lose what a copy in memory keeps."""
    options = TrainingOptions(
        optimizer=optimizer, augment=augment, ema=ema, epochs=4, batch_size=7, lr=1e-2, initial_spread=0.3,
        schedule="cosine", warmup=0.2, weight_decay=1e-3, dtype="float64", field_weight=0.7,
    )  # fmt: skip
    train, val = plain.lattice_data(40, 0), plain.lattice_data(16, 1)
    if fields:
        train, val = plain.with_fields(train), plain.with_fields(val)
    rows, weights = plain.plain_training(plain.network(), options, train, val, seed=5)
    found, state = [], None
    for _ in rows:
        trainer = Trainer(plain.network(), options, Labelled(*train), Labelled(*val), 5, plain.OPERATIONS)
        if state is not None:
            trainer.resume(state)
        row = trainer.run_epoch()
        found.append((row.loss, row.lr, row.val_rmse))
        checkpoint.write(tmp_path / "last.h5", {}, trainer.state())
        state = checkpoint.read(tmp_path / "last.h5").state
    assert trainer.finished
    tolerance = 1e-6 if optimizer == "soap" else 1e-9
    np.testing.assert_allclose(found, rows, rtol=tolerance, atol=1e-12)
    for key, value in weights.items():
        torch.testing.assert_close(trainer.best.weights[key], value, rtol=tolerance, atol=tolerance)


def test_several_sizes_have_errors_per_site_and_resume():
    """A size of `scale` sites counts energies divided by it; stopped and resumed it is the uninterrupted training."""
    more = [OneSize(lattice_data(30, 2, side=6), lattice_data(12, 3, side=6), plain.OPERATIONS, scale=36 / 16)]
    straight, first = (lattice_trainer(augment=True, more=more) for _ in range(2))
    errors = [np.sqrt(np.mean(each.energies.numpy() ** 2)) for each in (lattice_data(16, 1), more[0].val)]
    expected = np.sqrt((16 * errors[0] ** 2 + 12 * (errors[1] / (36 / 16)) ** 2) / 28)
    for parameter in first.model.parameters():
        torch.nn.init.zeros_(parameter)  # predicts zero
    assert first.validate().error == pytest.approx(expected, rel=1e-6)
    rows = [straight.run_epoch() for _ in range(3)]
    assert rows[0].step == 6 + 5  # batches of 7: no batch holds both sizes
    begun, resumed = (lattice_trainer(augment=True, more=more) for _ in range(2))
    begun.run_epoch()
    resumed.resume(copy.deepcopy(begun.state()))
    assert [resumed.run_epoch().val_rmse for _ in range(2)] == [row.val_rmse for row in rows[1:]]


def test_best_weights_are_those_of_the_best_epoch():
    trainer = lattice_trainer(lr=0.3, epochs=8)
    errors, weights = [], []
    while not trainer.finished:
        errors.append(trainer.run_epoch().val_rmse)
        weights.append(copy.deepcopy(trainer.model.state_dict()))
    best = int(np.argmin(errors))
    assert trainer.best.epoch == best + 1
    for key, value in weights[best].items():
        assert torch.equal(value, trainer.best.weights[key])


def test_early_stop_waits_for_patience():
    options = TrainingOptions(lr=1e-30, epochs=50, patience=3)
    trainer = Trainer(Linear(), options, labelled(20, 0), labelled(10, 1), seed=0)
    while not trainer.finished:
        trainer.run_epoch()
    assert trainer.epoch == trainer.best.epoch + 3 < 50


def test_non_finite_loss_stops_with_a_reason():
    data = labelled(20, 0)
    bad = Labelled(data.spins, data.energies.clone())
    bad.energies[3] = math.inf
    trainer = Trainer(Linear(), TrainingOptions(), bad, labelled(10, 1), seed=0)
    with pytest.raises(NumericalError, match="epoch 1"):
        trainer.run_epoch()
    assert trainer.epoch == 0


def test_learning_rate_schedules():
    cosine = TrainingOptions(lr=1.0, epochs=10, schedule="cosine", warmup=0.1)
    rates = [learning_rate(step / 100, step // 10, cosine) for step in range(100)]
    assert rates[:10] == pytest.approx([k / 10 for k in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[-1] < 1e-3
    assert learning_rate(1.0, 9, cosine) == pytest.approx(0.0, abs=1e-15)
    assert np.all(np.diff(rates[10:]) < 0)
    step = TrainingOptions(lr=1.0, epochs=10, schedule="step", step_epochs=3, step_factor=0.5)
    assert [learning_rate(e / 10, e, step) for e in range(10)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]
    assert learning_rate(0.07, 0, TrainingOptions(lr=0.3)) == 0.3
    timed = dataclasses.replace(step, budget="10min")  # whatever epoch it is in
    assert [learning_rate(e / 10 + 0.01, 500, timed) for e in range(10)] == [
        1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125,
    ]  # fmt: skip
    assert learning_rate(1.0, 500, timed) == 0.125


def test_a_budget_ends_the_schedule_with_the_time():
    """The learning rate falls to nothing as the time runs out, in whatever epoch that is; then training is over."""
    trainer = lattice_trainer(budget="2s", epochs=1, schedule="cosine", warmup=0.1)
    rows = []
    while not trainer.finished:
        rows.append(trainer.run_epoch())
    assert len(rows) > 1  # `epochs` is not what counts
    assert rows[-1].step == trainer.steps > trainer.epoch
    assert 0.9 * 2 <= trainer.seconds < 4
    assert max(row.lr for row in rows) > 5e-3
    assert rows[-1].lr < 1e-3 * trainer.options.lr
    assert trainer.progress() == 1.0


def test_a_resumed_budget_has_what_was_left():
    half = lattice_trainer(budget="1h", epochs=1)
    half.run_epoch()
    half.seconds = 3500.0  # as if it had taken its time
    other = lattice_trainer(budget="1h", epochs=1)
    other.resume(copy.deepcopy(half.state()))
    assert not other.finished
    assert other.progress(5.0) == pytest.approx(3505 / (0.99 * 3600), abs=1e-3)
    assert other.steps == half.steps


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10min", 600), ("1.5h", 5400), ("2 min", 120)])
def test_lengths_of_time(text, seconds):
    assert TrainingOptions(budget=text).budget_seconds == seconds


@pytest.mark.parametrize("text", ["ten min", "-1s", "1d", "nan s"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(ConfigError, match="budget"):
        TrainingOptions(budget=text)


def test_the_batch_doubles_on_the_way():
    """Three sizes at equal distances; every configuration is still seen once an epoch, and a resumed run agrees."""
    options = TrainingOptions(batch_size=10, batch_doublings=2)
    assert [options.batch_size_at(at) for at in (0.0, 0.33, 0.34, 0.66, 0.67, 1.0)] == [10, 10, 20, 20, 40, 40]
    whole = lattice_trainer(epochs=3, batch_size=8, batch_doublings=2, schedule="cosine")
    steps = [whole.run_epoch().step for _ in range(3)]
    assert steps == [5, 5 + 3, 5 + 3 + 2]  # of 40 configurations in batches of 8, 16 and 32
    assert whole.samples == 3 * 40
    first = lattice_trainer(epochs=3, batch_size=8, batch_doublings=2, schedule="cosine")
    first.run_epoch()
    second = lattice_trainer(epochs=3, batch_size=8, batch_doublings=2, schedule="cosine")
    second.resume(copy.deepcopy(first.state()))
    while not second.finished:
        second.run_epoch()
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[key]), key
    still = lattice_trainer(epochs=3, batch_size=8, schedule="cosine")
    assert [still.run_epoch().step for _ in range(3)] == [5, 10, 15]  # negative control


def test_a_learned_activation_scale():
    """One more number a block; it moves, stays positive, and the network starts as the one with a fixed scale."""
    fixed = MODELS["efnn"].options(depth=2, width=2, kernel_size=3, activation_scale=0.1)
    learned = MODELS["efnn"].options(depth=2, width=2, kernel_size=3, activation_scale=0.1, learn_activation_scale=True)
    a, b = (build(each, "lattice", inputs=0, spin_range=(-1, 1), seed=1) for each in (fixed, learned))
    spins = lattice_data(20, 0).spins
    torch.testing.assert_close(a(spins), b(spins), rtol=1e-5, atol=1e-6)
    assert parameter_count(b) == parameter_count(a) + 4
    options = TrainingOptions(lr=1e-2, epochs=2, batch_size=7, initial_spread=0.3)
    Trainer(b, options, lattice_data(40, 0), lattice_data(16, 1), seed=5).run_epoch()
    scales = [block.log_scale.exp().item() for block in b.modules() if hasattr(block, "log_scale")]
    assert len(scales) == 4
    assert all(scale > 0 and abs(scale / 0.1 - 1) > 1e-3 for scale in scales)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "soap"])
def test_without_a_gradient_only_the_decay_moves_the_weights(optimizer):
    """Decoupled: w (1 - lr decay) a step. As an L2 term, Adam scales it to a step of lr towards zero."""
    initial = torch.tensor([[1.0, -2.0], [3.0, 0.5]], dtype=torch.float64)
    moved = {}
    for decay in (0.0, 0.01):
        weight = nn.Parameter(initial.clone())
        made = build_optimizer([weight], TrainingOptions(optimizer=optimizer, lr=0.1, weight_decay=decay))
        steps = 1 + (optimizer == "soap")  # SOAP's first step only sets up its basis
        for _ in range(steps):
            weight.grad = torch.zeros_like(weight)
            made.step()
        moved[decay] = weight.detach()
    expected = initial - 0.1 * initial.sign() if optimizer == "adam" else initial * (1 - 0.1 * 0.01)
    torch.testing.assert_close(moved[0.01], expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(moved[0.0], initial, rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("optimizer", ["adam", "soap"])
@pytest.mark.parametrize("fields", [False, True])
def test_a_cuda_graph_trains_like_operation_by_operation(optimizer, fields):
    """Two epochs with an uneven last batch, so two graphs; equal to rounding."""
    found = []
    for kind in (Gradients, GraphedGradients):
        trainer = lattice_trainer(optimizer=optimizer, augment=True, ema=0.9, field_weight=float(fields))
        (size,) = trainer.sizes
        data = [each.map(lambda tensor: tensor.cuda()) for each in (size.train, size.val)]
        trainer = Trainer(trainer.model.cuda(), trainer.options, *data, 5, plain.OPERATIONS)
        trainer.gradients = kind(trainer.model)
        found.append([trainer.run_epoch().loss for _ in range(2)])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_graphs_are_for_one_process_on_cuda():
    model = nn.Linear(2, 1)
    assert type(gradients_on(torch.device("cpu"), 1, model)) is Gradients
    assert type(gradients_on(torch.device("cuda", 0), 1, model)) is GraphedGradients
    assert type(gradients_on(torch.device("cuda", 0), 2, model)) is Gradients


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_a_graph_is_recorded_on_the_device_of_its_tensors():
    """Recorded on another one it would be empty, and every step would repeat the first gradients."""
    found = []
    for place in ("cuda:0", "cuda:1"):
        trainer = lattice_trainer(optimizer="adam")
        (size,) = trainer.sizes
        data = [each.map(lambda tensor, place=place: tensor.to(place)) for each in (size.train, size.val)]
        trainer = Trainer(trainer.model.to(place), trainer.options, *data, 5, plain.OPERATIONS)
        assert type(trainer.gradients) is GraphedGradients
        found.append([trainer.run_epoch().loss for _ in range(2)])
    assert found[0] == pytest.approx(found[1], rel=1e-4)
