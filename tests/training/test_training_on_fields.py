"""Training on fields: the loss by finite differences, only the transverse part counts, fields alone are enough."""

import dataclasses

import numpy as np
import plain
import pytest
import torch

from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.system import Draw
from efnn_cli.training.fields import measure_fields
from efnn_cli.training.labelled import Labelled, OneSize
from efnn_cli.training.loss import Loss
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.predict import predict_fields, predict_tensor
from efnn_cli.training.trainer import Trainer

TRAIN, VAL = (Labelled(*plain.with_fields(plain.lattice_data(count, seed))) for count, seed in ((40, 0), (16, 1)))


@torch.no_grad()
def slow_square(model, data, step=1e-5):
    """Mean square of a transverse component of the error, by turning each spin of one configuration a little."""
    spins, fields = data.spins[0], data.fields[0]
    total = 0.0
    for x, y in np.ndindex(4, 4):
        here = spins[:, x, y]
        first = torch.linalg.cross(here, torch.eye(3, dtype=torch.float64)[here.abs().argmin()])
        for across in (first / first.norm(), torch.linalg.cross(here, first / first.norm())):
            ends = torch.stack([spins, spins])
            ends[0, :, x, y] += step * across
            ends[1, :, x, y] -= step * across
            above, below = model(ends)
            total += float((below - above) / (2 * step) - fields[:, x, y] @ across) ** 2
    return total / 32


def test_the_loss_of_fields_is_that_of_turned_spins():
    model, one = plain.network(), TRAIN.part(slice(0, 1))
    loss = Loss(unit=3.0, field_unit=2.0, field_weight=0.5)
    terms = loss.terms(model, one).detach()
    of_energies, of_fields = terms.tolist()
    assert of_fields * 2.0**2 == pytest.approx(slow_square(model, one), rel=1e-6)
    assert of_energies * 3.0**2 == pytest.approx(
        (predict_tensor(model, one.spins) - one.energies).item() ** 2, rel=1e-12
    )
    assert loss.total(torch.tensor([1.0, 10.0]), one) == 6.0


def test_the_component_along_a_spin_does_not_count():
    model, loss = plain.network(), Loss.on(TRAIN, 1.0, standardised=True)
    longer = dataclasses.replace(TRAIN, fields=TRAIN.fields + 100 * TRAIN.spins)
    torch.testing.assert_close(loss.terms(model, longer), loss.terms(model, TRAIN), rtol=1e-10, atol=0)
    assert Loss.on(longer, 1.0, standardised=True).field_unit == pytest.approx(loss.field_unit, rel=1e-10)
    found, true, spins = (each.numpy() for each in (TRAIN.fields, longer.fields, TRAIN.spins))
    assert measure_fields(found, true, spins).relative_error < 1e-12
    turned = TRAIN.fields + torch.linalg.cross(TRAIN.spins, TRAIN.fields, dim=1)  # negative control: a torque of 90 deg
    assert measure_fields(turned.numpy(), true, spins).relative_error == pytest.approx(1.0)


def test_scalar_spins_have_whole_fields():
    spins, fields = np.ones((5, 6)), np.arange(30.0).reshape(5, 6)
    errors = measure_fields(fields + 2, fields, spins)
    assert errors.rmse == pytest.approx(2.0)
    assert errors.relative_error == pytest.approx(2 / np.sqrt(np.mean(fields**2)))


def test_fields_of_moved_spins_are_moved_fields():
    """Augmentation takes the operation of the spins for the fields; with D.(S x S') it turns the spins too."""
    system = SYSTEMS["heisenberg"](L=4, D=0.7)
    spins = torch.from_numpy(system.sample("uniform_sphere", Draw(0, "train", 0, 0, 3)))
    data = Labelled(spins, system.energy(spins), system.fields(spins))
    operations = system.point_group()
    assert len(operations) > 1
    for operation in operations:
        moved = data.moved(operation.apply)
        torch.testing.assert_close(moved.fields, system.fields(moved.spins), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(moved.energies, system.energy(moved.spins), rtol=1e-12, atol=1e-12)


def test_fields_alone_train_the_energy_up_to_a_constant():
    options = TrainingOptions(
        epochs=30, batch_size=10, lr=2e-2, initial_spread=0.3, field_weight=1.0, schedule="cosine", dtype="float64"
    )
    alone, held_out = dataclasses.replace(TRAIN, energies=None), dataclasses.replace(VAL, energies=None)
    trainer = Trainer(plain.network(), options, alone, held_out, seed=0)
    before = trainer.validate()
    assert before.energies is None
    while not trainer.finished:
        row = trainer.run_epoch()
    assert row.val_rmse == row.val_field_rmse < 0.5 * before.error
    assert trainer.best.val_rmse == pytest.approx(trainer.validate().error, rel=0.2)
    found = predict_fields(trainer.model, VAL.spins)
    errors = measure_fields(*(each.numpy() for each in (found, VAL.fields, VAL.spins)))
    assert errors.rmse == pytest.approx(row.val_field_rmse)
    difference = predict_tensor(trainer.model, VAL.spins) - VAL.energies
    assert difference.std() < 0.5 * VAL.energies.std()  # the constant is free


def test_datasets_with_and_without_fields():
    """In one training: every dataset teaches what it has."""
    options = TrainingOptions(epochs=2, batch_size=10, lr=1e-3, initial_spread=0.3, field_weight=1.0, dtype="float64")
    more = OneSize(Labelled(*plain.lattice_data(20, 2)), Labelled(*plain.lattice_data(8, 3)))
    trainer = Trainer(plain.network(), options, TRAIN, VAL, seed=0, more=[more])
    bare = dataclasses.replace(TRAIN, fields=None)
    energies_alone = Trainer(plain.network(), options, bare, dataclasses.replace(VAL, fields=None), seed=0, more=[more])
    row, other = trainer.run_epoch(), energies_alone.run_epoch()
    assert row.val_field_rmse > 0
    assert other.val_field_rmse is None
    assert row.val_rmse != other.val_rmse
