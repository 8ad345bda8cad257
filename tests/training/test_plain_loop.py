"""The trainer against a plain loop over the batches that it really showed to the network."""

import copy
import math

import numpy as np
import pytest
import torch
from plain import OPERATIONS
from torch import nn

from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.system import Draw
from efnn_cli.training.optimizers import build_optimizer
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.trainer import Labelled, Trainer

EPOCHS, COUNT, BATCH = 3, 40, 7
SYSTEM = SYSTEMS["heisenberg"](L=4, J2=0.3)


class Recorder(nn.Module):
    """A network that keeps what it is trained on."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.seen = []

    def forward(self, spins):
        if self.training:
            self.seen.append(spins.clone())
        return self.network(spins)


def labelled(count, seed):
    spins = torch.from_numpy(SYSTEM.sample("uniform_sphere", Draw(seed, "train", 0, 0, count)))
    return Labelled(spins, SYSTEM.energy(spins))


def images(spins):
    """The eight images of one configuration (3, L, L) under the square's point group."""
    turned = [torch.rot90(spins, k, (1, 2)) for k in range(4)]
    return turned + [each.transpose(1, 2) for each in turned]


def identified(batch, train):
    """Number of the training configuration, and of its image, for every configuration of `batch`."""
    table = {each.numpy().tobytes(): (i, k) for i, s in enumerate(train.spins) for k, each in enumerate(images(s))}
    return [table[each.contiguous().numpy().tobytes()] for each in batch]


def trained(augment, **changes):
    model = build(
        MODELS["efnn"].options(depth=1, width=2, kernel_size=3),
        "lattice", inputs=0, spin_range=(-1, 1), seed=1, dtype=torch.float64,
    )  # fmt: skip
    options = TrainingOptions(
        **{"epochs": EPOCHS, "batch_size": BATCH, "lr": 0.02, "dtype": "float64", "augment": augment, **changes}
    )
    train, val = labelled(COUNT, 0), labelled(16, 1)
    initial, recorder = copy.deepcopy(model), Recorder(model)
    trainer = Trainer(recorder, options, train, val, 5, OPERATIONS)
    rows = [trainer.run_epoch() for _ in range(EPOCHS)]
    return initial, recorder, trainer, rows


def shown(recorder, train):
    """Per epoch the numbers of the configurations in the order shown, and the images of every batch."""
    found = [identified(batch, train) for batch in recorder.seen]
    steps = math.ceil(COUNT / BATCH)
    epochs = [found[first : first + steps] for first in range(0, len(found), steps)]
    orders = [[index for batch in epoch for index, _ in batch] for epoch in epochs]
    return orders, [[{image for _, image in batch} for batch in epoch] for epoch in epochs]


@pytest.mark.parametrize("augment", [False, True])
def test_every_epoch_shows_every_configuration_once_in_an_order_of_its_own(augment):
    _, recorder, trainer, _ = trained(augment)
    orders, moved = shown(recorder, trainer.train)
    assert len(orders) == EPOCHS
    assert all(sorted(order) == list(range(COUNT)) for order in orders)
    assert len({tuple(order) for order in orders}) == EPOCHS
    assert all(len(images) == 1 for epoch in moved for images in epoch)  # one operation for a whole batch
    used = {image for epoch in moved for images in epoch for image in images}
    assert len(used) > 4 if augment else used == {0}
    assert len({str(epoch) for epoch in moved}) == (EPOCHS if augment else 1)


@pytest.mark.parametrize(
    ("optimizer", "ema"), [(torch.optim.Adam, 0.0), (torch.optim.AdamW, 0.8)], ids=["adam", "adamw-averaged"]
)
def test_weights_are_those_of_a_plain_loop(optimizer, ema):
    """Mean squared error in units of std(E), a warm-up and a cosine at the middle of each step, decay, average."""
    decay, spread = 0.05, 0.3
    twin, recorder, trainer, rows = trained(
        augment=True, optimizer=optimizer.__name__.lower(), weight_decay=decay, ema=ema,
        initial_spread=spread, schedule="cosine", warmup=0.2,
    )  # fmt: skip
    train, val, done, average = trainer.train, trainer.val, 0, None
    unit = train.energies.numpy().std()
    plain, losses, ends = optimizer(twin.parameters(), lr=1.0, weight_decay=decay), [], []
    for batch in recorder.seen:
        progress = (done + len(batch) / 2) / (EPOCHS * COUNT)
        rising = min(progress / 0.2, 1.0)
        plain.param_groups[0]["lr"] = 0.02 * rising * (1 + math.cos(math.pi * max(0.0, progress - 0.2) / 0.8)) / 2
        wanted = train.energies[[index for index, _ in identified(batch, train)]]
        loss = ((twin(batch) - wanted) ** 2).sum() / len(batch) / unit**2
        plain.zero_grad()
        loss.backward()
        plain.step()
        losses.append(loss.item() * len(batch))
        done += len(batch)
        now = torch.cat([each.detach().flatten() for each in twin.parameters()])
        average = now if average is None else ema * average + (1 - ema) * now
        if done % COUNT == 0:
            ends.append(average)
    found = torch.cat([each.detach().flatten() for each in trainer.model.parameters()])
    torch.testing.assert_close(found, now, rtol=1e-9, atol=1e-11)
    last = sum(losses[-math.ceil(COUNT / BATCH) :]) / COUNT
    assert rows[-1].loss == pytest.approx(last, rel=1e-9)
    assert rows[-1].train_rmse == pytest.approx(unit * math.sqrt(last), rel=1e-9)
    kept = torch.cat([trainer.best.weights[key].flatten() for key, _ in trainer.model.named_parameters()])
    torch.testing.assert_close(kept, ends[trainer.best.epoch - 1], rtol=1e-9, atol=1e-11)
    for row, weights in zip(rows, ends, strict=True):
        nn.utils.vector_to_parameters(weights, twin.parameters())
        error = (twin(val.spins) - val.energies).detach().numpy()
        assert row.val_rmse == pytest.approx(math.sqrt(np.mean(error**2)), rel=1e-9)


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
