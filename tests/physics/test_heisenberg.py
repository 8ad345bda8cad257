"""The classical Heisenberg models against closed forms, a loop over bonds and their symmetries."""

import numpy as np
import pytest
import torch

from efnn_cli.config.schema import build_system
from efnn_cli.physics import SYSTEMS
from efnn_cli.physics.system import Draw

Heisenberg = SYSTEMS["heisenberg"]
COUPLED = {"J1": 0.7, "J2": -0.4, "K": 0.3, "R": 0.9}


def random_spins(size, count=6, seed=1):
    return torch.from_numpy(Heisenberg(L=size).sample("uniform_sphere", Draw(seed, "train", 0, 0, count)))


def constant(vector, size):
    return torch.tensor(vector, dtype=torch.float64).reshape(1, 3, 1, 1).expand(1, 3, size, size)


def staggered(size):
    x, y = np.indices((size, size))
    return constant([0.0, 0.6, 0.8], size) * torch.from_numpy((-1.0) ** (x + y))


def loop_energy(spins, J1, J2, K, R):
    """The Hamiltonian site by site, as it is written down."""
    size = spins.shape[-1]
    total = 0.0
    for x in range(size):
        for y in range(size):
            s1, s2 = spins[:, x, y], spins[:, (x + 1) % size, y]
            s3, s4 = spins[:, (x + 1) % size, (y + 1) % size], spins[:, x, (y + 1) % size]
            total -= J1 * (s1 @ s2 + s1 @ s4) + K * ((s1 @ s2) ** 2 + (s1 @ s4) ** 2)
            total -= J2 * (s1 @ s3 + s2 @ s4)
            total -= R * ((s1 @ s2) * (s3 @ s4) + (s2 @ s3) * (s4 @ s1) - (s1 @ s3) * (s2 @ s4))
    return total


def test_ferromagnet_and_staggered_spins():
    assert Heisenberg(L=6).energy(constant([0.6, 0.0, 0.8], 6)).item() == pytest.approx(-2 * 36, rel=1e-14)
    assert Heisenberg(L=6).energy(staggered(6)).item() == pytest.approx(2 * 36, rel=1e-14)
    # Negative control: on an odd lattice staggered spins are frustrated along two seams.
    assert Heisenberg(L=5).energy(staggered(5)).item() == pytest.approx(2 * 25 - 2 * 2 * 5, rel=1e-14)


@pytest.mark.parametrize("size", [3, 4, 5])
def test_every_bond_and_plaquette_counts_once(size):
    spins = random_spins(size)
    expected = [loop_energy(each.numpy(), **COUPLED) for each in spins]
    np.testing.assert_allclose(Heisenberg(L=size, **COUPLED).energy(spins).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(("nx", "ny"), [(1, 0), (1, 2), (3, 1)])
def test_spin_spiral_has_a_closed_form(nx, ny):
    size = 8
    qx, qy = 2 * np.pi * nx / size, 2 * np.pi * ny / size
    x, y = np.indices((size, size))
    phase = qx * x + qy * y
    spins = torch.from_numpy(np.stack([np.cos(phase), np.sin(phase), 0 * phase])[None])
    J1, J2, K, R = COUPLED.values()
    a, b, plus, minus = np.cos(qx), np.cos(qy), np.cos(qx + qy), np.cos(qx - qy)
    density = J1 * (a + b) + J2 * (plus + minus) + K * (a**2 + b**2) + R * (a**2 + b**2 - plus * minus)
    assert Heisenberg(L=size, **COUPLED).energy(spins).item() == pytest.approx(-(size**2) * density, rel=1e-12)


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return torch.from_numpy(q * np.sign(np.diag(r)))


def test_symmetries_of_the_lattice_model():
    system, spins = Heisenberg(L=5, **COUPLED), random_spins(5)
    energy = system.energy(spins)
    rotated = torch.einsum("ij,bjxy->bixy", rotation(0), spins)
    moved = [
        rotated,
        -spins,
        spins.roll((1, 3), dims=(2, 3)),
        spins.transpose(2, 3),
        spins.flip(2),
        spins.flip(3),
        spins.rot90(1, (2, 3)),
    ]
    for each in moved:
        torch.testing.assert_close(system.energy(each), energy, rtol=1e-12, atol=1e-11)
    # Negative control: exchanging two components on half of the lattice is no symmetry.
    broken = spins.clone()
    broken[:, :, :2] = spins[:, [1, 0, 2], :2]
    assert not torch.allclose(system.energy(broken), energy)


def test_infinite_range_is_the_three_spin_energy_of_scalars():
    system = build_system({"name": "heisenberg", "variant": "infinite_range"})
    assert (system.size, system.geometry, len(system.couplings)) == (15, "dense", 455)
    spins = system.sample("uniform", Draw(0, "train", 0, 0, 20_000))
    assert np.abs(spins).max() <= 1
    energies = system.energy(torch.from_numpy(spins)).numpy()
    # Var E = sum J^2 / 27 for independent spins with <s^2> = 1/3; published: mean about 0, std about 9.3.
    assert energies.std() == pytest.approx(np.sqrt(np.sum(system.couplings**2) / 27), rel=0.03)
    assert abs(energies.mean()) < 0.1 * energies.std()
