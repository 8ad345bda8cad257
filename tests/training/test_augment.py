"""Augmentation: every operation of the point group, and energies that do not change under it."""

import pytest
import torch

from efnn_cli.physics import SYSTEMS, Draw
from efnn_cli.training.augment import OPERATIONS, point_group


def images(spins):
    """The eight images of one configuration (3, L, L) under the square's point group."""
    turned = [torch.rot90(spins, k, (1, 2)) for k in range(4)]
    return turned + [each.transpose(1, 2) for each in turned]


@pytest.mark.parametrize(
    "system",
    [
        SYSTEMS["heisenberg"](L=5, J1=0.7, J2=-0.4, K=0.3, R=0.9),
        SYSTEMS["heisenberg"](L=4, R=1.0),
        SYSTEMS["double_exchange"](L=3, J=5.0, mu=-1.0),
    ],
    ids=["all terms", "ring exchange", "double exchange"],
)
def test_energies_are_invariant_under_every_operation_of_the_augmentation(system):
    spins = torch.from_numpy(system.sample("uniform_sphere", Draw(0, "train", 0, 0, 3)))
    energy, found = system.energy(spins), set()
    for operation in range(OPERATIONS):
        moved = point_group(spins, operation)
        torch.testing.assert_close(system.energy(moved), energy, rtol=1e-12, atol=1e-11)
        found.add(moved[0].contiguous().numpy().tobytes())
    assert found == {each.contiguous().numpy().tobytes() for each in images(spins[0])}
    broken = spins.clone()  # negative control: a single row is reflected
    broken[:, :, 0] = spins[:, :, 0].flip(-1)
    assert not torch.allclose(system.energy(broken), energy, rtol=1e-6)
