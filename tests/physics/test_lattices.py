"""Lattices, their point groups, and the Hamiltonians on them: orders with known energies, and symmetries."""

import dataclasses
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
    fixed = [each.apply(spins) for each in without_dm(system).point_group()[1:]]
    assert not any(torch.allclose(system.energy(each), system.energy(spins), rtol=1e-6) for each in fixed)


def without_dm(system):
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


VARIANTS = {
    "square": {},
    "next neighbours": {"t2": -0.3},
    "twisted": {"twist": [0.7, -1.9]},
    "triangular": {"lattice": "triangular"},
    "triangular, all": {"lattice": "triangular", "t2": 0.4, "twist": [0.3, 1.1]},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_parallel_spins_have_the_band_of_the_lattice(changes):
    """Closed form: eps(k) = -2 t sum_d cos(k.d) - 2 t2 sum_d' cos(k.d'), k = (2 pi n + theta) / L."""
    system = DoubleExchange(L=5, J=3.0, mu=-0.4, t=0.8, **changes)
    spins = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64).reshape(1, 3, 1, 1).expand(1, 3, 5, 5)
    kx, ky = ((2 * np.pi * np.indices((5, 5))[i] + system.twist[i]) / 5 for i in (0, 1))
    near = np.cos(kx) + np.cos(ky) + (np.cos(kx - ky) if system.lattice == "triangular" else 0)
    far = np.cos(kx + ky) + np.cos(kx - ky)
    if system.lattice == "triangular":
        far = np.cos(kx + ky) + np.cos(2 * kx - ky) + np.cos(kx - 2 * ky)
    band = (-2 * 0.8 * near - 2 * system.t2 * far + 0.4).ravel()
    expected = np.sort(np.concatenate([band - 1.5, band + 1.5]))
    np.testing.assert_allclose(system.levels(spins)[0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_traces_on_every_lattice(changes):
    system, n = DoubleExchange(L=5, J=3.0, mu=-0.4, t=0.8, **changes), 25
    levels = system.levels(random_spins(5)).numpy()
    neighbours = 6 if system.lattice == "triangular" else 4
    square = 0.4**2 + 1.5**2 + neighbours * (0.8**2 + system.t2**2)
    np.testing.assert_allclose(levels.sum(1), 2 * n * 0.4, rtol=1e-12)
    np.testing.assert_allclose((levels**2).sum(1), 2 * n * square, rtol=1e-12)


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_determinants_on_every_lattice(changes):
    system = DoubleExchange(L=5, J=3.0, mu=-0.4, t=0.8, J_AF=0.2, **changes)
    spins = random_spins(5)
    labels = system.label(spins, "determinant")
    torch.testing.assert_close(labels.energies, system.energy(spins), rtol=1e-10, atol=0)
    assert (labels.errors < 1e-9).all()


@pytest.mark.parametrize("changes", [{}, {"lattice": "triangular", "t2": 0.4}], ids=["square", "triangular"])
def test_a_tiled_configuration_has_the_levels_of_all_twists(changes):
    """Bloch's theorem: the levels on 2L x 2L are those on L x L with the twists 0 and pi along both axes."""
    small, spins = DoubleExchange(L=4, J=5.0, **changes), random_spins(4, count=1)
    twists = [[a * np.pi, b * np.pi] for a in (0, 1) for b in (0, 1)]
    levels = [DoubleExchange(L=4, J=5.0, twist=each, **changes).levels(spins)[0] for each in twists]
    expected = torch.cat(levels).sort().values
    torch.testing.assert_close(small.at_size(8).levels(spins.repeat(1, 1, 2, 2))[0], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("changes", [{}, {"lattice": "triangular", "J_AF": 0.3}], ids=["square", "triangular"])
@pytest.mark.parametrize("reference", ["dense", "determinant"])
def test_the_mean_over_twists_is_that_of_the_tiled_lattice(changes, reference):
    small, spins = DoubleExchange(L=4, J=5.0, mu=-2.0, twists=2, **changes), random_spins(4, count=2)
    tiled, tiles = DoubleExchange(L=8, J=5.0, mu=-2.0, **changes), spins.repeat(1, 1, 2, 2)
    labels = small.label(spins, reference)
    torch.testing.assert_close(4 * labels.energies, tiled.energy(tiles), rtol=1e-10, atol=0)
    torch.testing.assert_close(small.energy(spins), labels.energies, rtol=1e-10, atol=0)
    torch.testing.assert_close(small.fields(spins), tiled.fields(tiles)[..., :4, :4], rtol=1e-9, atol=1e-10)
    assert not torch.allclose(dataclasses.replace(small, twists=1).energy(spins), labels.energies, rtol=1e-6)
    assert len(small.point_group()) == len(tiled.point_group())
    assert small.at_size(8) == tiled
    assert small.hamiltonian() == tiled.hamiltonian()


def test_a_twist_keeps_the_operations_that_map_it_to_itself():
    counts = {(0.0, 0.0): 8, (0.7, 0.7): 2, (0.7, 0.0): 2, (np.pi, 0.0): 4, (np.pi, np.pi): 8, (0.7, 0.2): 1}
    for twist, count in counts.items():
        system, spins = DoubleExchange(L=4, J=5.0, mu=-2.0, twist=list(twist)), random_spins(4)
        assert len(system.point_group()) == count, twist
        for each in system.point_group():
            torch.testing.assert_close(system.energy(each.apply(spins)), system.energy(spins), rtol=1e-12, atol=0)
    reflected = DoubleExchange(L=4).point_group()[2].apply(spins)  # negative control
    assert not torch.allclose(system.energy(reflected), system.energy(spins), rtol=1e-8)


@pytest.mark.parametrize("changes", [{}, {"lattice": "triangular"}], ids=["square", "triangular"])
def test_superexchange_is_a_heisenberg_antiferromagnet(changes):
    spins = random_spins(4)
    without, with_it = (DoubleExchange(L=4, J_AF=each, **changes) for each in (0.0, 0.3))
    magnet = Heisenberg(L=4, J1=-0.3, **changes)
    for name in ("energy", "fields"):
        found = getattr(with_it, name)(spins) - getattr(without, name)(spins)
        torch.testing.assert_close(found, getattr(magnet, name)(spins), rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(with_it.label(spins, "dense").energies, with_it.energy(spins), rtol=0, atol=0)


@pytest.mark.parametrize("filling", [0.2, 1.0, 1.7])
def test_a_filling_is_the_mean_density_of_the_labels(filling):
    spins = random_spins(6, count=16)
    system = DoubleExchange(L=6, J=4.0, filling=filling).prepared(spins)
    assert system.filling is None
    assert system.label(spins, "dense").densities.mean().item() == pytest.approx(filling, abs=2e-5)
    if filling == 1.0:  # half filling of a bipartite lattice: levels in pairs +-e about mu = 0
        assert system.mu == pytest.approx(0.0, abs=1e-5)


def tetrahedral(size):
    """Four sublattices of 2 x 2 cells along the corners of a tetrahedron."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    x, y = np.indices((size, size)) % 2
    return torch.from_numpy(np.moveaxis(corners[2 * x + y], -1, 0)[None].copy())


def test_four_orders_of_triangular_double_exchange():
    """Energies a site at half an electron a site, J = 6, T -> 0, on 48 x 48 sites: 6 x 6 with 8 x 8 twists."""
    third, angles = 2 * np.pi / 3, [2 * np.pi * m / 8 for m in range(8)]
    orders = {
        "tetrahedral": (tetrahedral(6), -2.6238),
        "stripe": (spiral(6, (np.pi, 0)), -2.5937),
        "120 degrees": (spiral(6, (third, -third)), -2.5342),
        "ferromagnet": (spiral(6, (0, 0)), -2.5004),
    }
    for name, (spins, expected) in orders.items():
        systems = [
            DoubleExchange(L=6, lattice="triangular", J=6.0, mu=0.0, twist=[a, b]) for a in angles for b in angles
        ]
        levels = torch.cat([each.levels(spins) for each in systems], dim=1).sort().values
        filled = levels[0, : 48 * 48 // 2].sum().item() / 48**2  # T = 0
        assert filled == pytest.approx(expected, abs=2e-4), name


RECTANGLES = ["4x6", "5x3", "7x1"]


@pytest.mark.parametrize("size", RECTANGLES)
@pytest.mark.parametrize("lattice", ["square", "triangular"])
def test_parallel_spins_of_a_rectangle(size, lattice):
    """Every bond once: E = -J1 bonds for the classical model, the band of the torus for electrons."""
    (width, height), terms = map(int, size.split("x")), {"L": size, "lattice": lattice}
    spins = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64).reshape(1, 3, 1, 1).expand(1, 3, width, height)
    bonds = width * height * (1 if height == 1 else 2 if lattice == "square" else 3)
    assert Heisenberg(J1=0.7, **terms).energy(spins).item() == pytest.approx(-0.7 * bonds, rel=1e-12)
    kx, ky = (2 * np.pi * n / side for n, side in zip(np.indices((width, height)), (width, height), strict=True))
    near = np.cos(kx) + (np.cos(ky) if height > 1 else 0)
    near = near + (np.cos(kx - ky) if height > 1 and lattice == "triangular" else 0)
    band = (-2 * near + 0.4).ravel()
    levels = DoubleExchange(J=3.0, mu=-0.4, **terms).levels(spins)[0]
    np.testing.assert_allclose(levels, np.sort(np.concatenate([band - 1.5, band + 1.5])), atol=1e-12)


@pytest.mark.parametrize("size", RECTANGLES)
def test_both_references_agree_on_a_rectangle(size):
    system = DoubleExchange(L=size, J=5.0, mu=-1.0)
    spins = torch.from_numpy(system.sample("uniform_angles", Draw(0, "train", 0, 0, 3)))
    labels = system.label(spins, "determinant")
    torch.testing.assert_close(labels.energies, system.energy(spins), rtol=1e-10, atol=0)
    assert (labels.errors < 1e-9).all()


def test_a_rectangle_turned_on_its_side_has_the_same_energies():
    for lying in (Heisenberg(L="4x6", J2=0.3, K=0.2, R=0.4), DoubleExchange(L="4x6", J=5.0)):
        spins = torch.from_numpy(lying.sample("uniform_sphere", Draw(0, "train", 0, 0, 3)))
        standing = lying.at_size("6x4").energy(spins.transpose(2, 3).contiguous())
        torch.testing.assert_close(standing, lying.energy(spins), rtol=1e-12, atol=1e-11)
        assert len(lying.point_group()) == 4


def test_terms_without_bonds_on_a_chain_are_refused():
    for terms in ({"J2": 0.1}, {"R": 0.1}):
        with pytest.raises(ConfigError, match=next(iter(terms))):
            Heisenberg(L="6x1", **terms)
    with pytest.raises(ConfigError, match="t2"):
        DoubleExchange(L="6x1", t2=0.1)
    assert Heisenberg(L="8x8").L == 8
