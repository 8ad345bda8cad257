"""Lattices, their point groups, and the Hamiltonians on them: orders with known energies, and symmetries."""

import itertools

import numpy as np
import pytest
import torch

from efnn_cli.core.errors import ConfigError
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.lattices import SQUARE, TRIANGULAR, point_group
from efnn_cli.physics.system import Draw

Heisenberg, DoubleExchange = SYSTEMS["heisenberg"], SYSTEMS["double_exchange"]
COUPLED = {"J1": 0.7, "J2": -0.4, "K": 0.3}
TWISTED = {"D": 0.6, "J1": 0.7, "A": 0.2}


def random_spins(size, count=3):
    return torch.from_numpy(Heisenberg(L=size).sample("uniform_sphere", Draw(1, "train", 0, 0, count)))


def images(spins):
    """The eight images of one configuration (3, L, L) under the square's point group."""
    turned = [torch.rot90(spins, k, (1, 2)) for k in range(4)]
    return turned + [each.transpose(1, 2) for each in turned]


def test_operations_of_the_square_are_its_rotations_and_reflections():
    spins = random_spins(4, count=1)
    found = {each.apply(spins)[0].contiguous().numpy().tobytes() for each in point_group(SQUARE, (4, 4))}
    assert found == {each.contiguous().numpy().tobytes() for each in images(spins[0])}


@pytest.mark.parametrize(
    ("lattice", "sides", "count"),
    [(SQUARE, (6, 6), 8), (SQUARE, (6, 4), 4), (TRIANGULAR, (6, 6), 12), (TRIANGULAR, (6, 4), 2)],
)
def test_only_operations_that_map_the_torus_to_itself(lattice, sides, count):
    operations = point_group(lattice, sides)
    matrices = [np.array(each.matrix) for each in operations]
    assert len(operations) == count
    assert (matrices[0] == np.eye(2)).all()
    found = {each.tobytes() for each in matrices}
    assert all((a @ b).tobytes() in found for a, b in itertools.product(matrices, matrices))  # a group


CASES = {
    "all terms": Heisenberg(L=5, R=0.9, **COUPLED),
    "ring exchange": Heisenberg(L=4, R=1.0),
    "field and anisotropy": Heisenberg(L=4, h=0.5, A=-0.3),
    "triangular": Heisenberg(L=4, lattice="triangular", **COUPLED),
    "interfacial": Heisenberg(L=4, **TWISTED),
    "bulk": Heisenberg(L=4, dm="bulk", **TWISTED),
    "interfacial in a field": Heisenberg(L=5, h=0.8, **TWISTED),
    "bulk in a field": Heisenberg(L=5, dm="bulk", h=0.8, **TWISTED),
    "triangular, interfacial": Heisenberg(L=4, lattice="triangular", h=0.8, **TWISTED),
    "triangular, bulk": Heisenberg(L=4, lattice="triangular", dm="bulk", h=0.8, **TWISTED),
    "double exchange": DoubleExchange(L=3, J=5.0, mu=-1.0),
}


@pytest.mark.parametrize("system", CASES.values(), ids=CASES)
def test_energies_are_invariant_under_every_operation_of_the_augmentation(system):
    spins = random_spins(system.size)
    energy = system.energy(spins)
    moved = [each.apply(spins) for each in system.point_group()]
    for each in moved:
        torch.testing.assert_close(system.energy(each), energy, rtol=1e-12, atol=1e-11)
    assert len({each.contiguous().numpy().tobytes() for each in moved}) == (12 if "triang" in str(system) else 8)
    broken = spins.clone()  # negative control: a single row is reflected
    broken[:, :, 0] = spins[:, :, 0].flip(-1)
    assert not torch.allclose(system.energy(broken), energy, rtol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"dm": "bulk"}, {"lattice": "triangular"}])
def test_with_dm_exchange_spins_turn_with_the_lattice(changes):
    """Negative control: operations that leave the spin vectors alone change the energy."""
    system = Heisenberg(L=4, **TWISTED, **changes)
    spins = random_spins(4)
    fixed = [each.apply(spins) for each in dataclass_without_dm(system).point_group()[1:]]
    assert not any(torch.allclose(system.energy(each), system.energy(spins), rtol=1e-6) for each in fixed)


def dataclass_without_dm(system):
    return Heisenberg(L=system.L, lattice=system.lattice)


def turned(spins, angle, axis):
    """All spins turned about z or x."""
    c, s = np.cos(angle), np.sin(angle)
    matrix = {"z": [[c, -s, 0], [s, c, 0], [0, 0, 1]], "x": [[1, 0, 0], [0, c, -s], [0, s, c]]}[axis]
    return torch.einsum("ab,nbxy->naxy", torch.tensor(matrix, dtype=spins.dtype), spins)


@pytest.mark.parametrize("lattice", ["square", "triangular"])
@pytest.mark.parametrize(
    ("terms", "kept"), [({}, "zx-"), ({"A": 0.4}, "z-"), ({"h": 0.4}, "z"), ({"D": 0.4}, "-"), ({"D": 0.4, "h": 1}, "")]
)
def test_each_term_has_its_symmetry(lattice, terms, kept):
    system = Heisenberg(L=4, lattice=lattice, **terms)
    spins = random_spins(4)
    images = {"z": turned(spins, 0.7, "z"), "x": turned(spins, 0.7, "x"), "-": -spins}
    energy = system.energy(spins)
    found = [key for key, each in images.items() if torch.allclose(system.energy(each), energy, rtol=1e-10)]
    assert "".join(found) == kept
    assert system.symmetry == ("o3" if "x" in kept else "axial" if "z" in kept else "none")
    assert system.even == ("-" in kept)


def spiral(size, phase):
    """Spins in the plane at the angle phase . r."""
    x, y = np.indices((size, size))
    angle = phase[0] * x + phase[1] * y
    return torch.from_numpy(np.stack([np.cos(angle), np.sin(angle), 0 * angle])[None])


def test_orders_of_the_triangular_lattice():
    size, third = 6, 2 * np.pi / 3
    antiferromagnet = Heisenberg(L=size, lattice="triangular", J1=-1.0)
    order = spiral(size, (third, -third))  # neighbours along all three bonds differ by 120 degrees
    assert antiferromagnet.energy(order).item() == pytest.approx(-1.5 * size**2, rel=1e-12)
    assert antiferromagnet.energy(spiral(size, (0, 0))).item() == pytest.approx(3 * size**2, rel=1e-12)
    next_ones = Heisenberg(L=size, lattice="triangular", J1=0.0, J2=1.0)  # parallel within a sublattice
    assert next_ones.energy(order).item() == pytest.approx(-3 * size**2, rel=1e-12)
    with pytest.raises(ConfigError, match="plaquettes"):
        Heisenberg(lattice="triangular", R=1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_dm_exchange_of_a_spiral_in_closed_form(sign):
    """A spiral in the plane along x with angle q a bond: S_i x S_j = z sin q, so only D along z would count.

    Turned into the plane of z and x it is a cycloid: bonds along x have D along y (interfacial), -D sin q each.
    """
    size, q = 8, sign * 2 * np.pi / 8
    x = np.indices((size, size))[0]
    cycloid = torch.from_numpy(np.stack([np.sin(q * x), 0.0 * x, np.cos(q * x)])[None])
    interfacial, bulk = (Heisenberg(L=size, J1=0.0, D=0.5, dm=each) for each in ("interfacial", "bulk"))
    assert interfacial.energy(cycloid).item() == pytest.approx(0.5 * size**2 * np.sin(q), rel=1e-12)
    assert bulk.energy(cycloid).item() == pytest.approx(0.0, abs=1e-12)
    screw = torch.from_numpy(np.stack([0.0 * x, np.cos(q * x), np.sin(q * x)])[None])
    assert bulk.energy(screw).item() == pytest.approx(0.5 * size**2 * np.sin(q), rel=1e-12)
    assert interfacial.energy(screw).item() == pytest.approx(0.0, abs=1e-12)


def test_field_and_anisotropy_of_parallel_spins():
    spins = torch.tensor([0.0, 0.6, 0.8], dtype=torch.float64).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
    assert Heisenberg(L=4, J1=0.0, h=0.5, A=2.0).energy(spins).item() == pytest.approx(-16 * (0.4 + 1.28), rel=1e-12)
