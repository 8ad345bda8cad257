"""Printed errors of networks against plain formulas: on the test split, at other sizes, of an ensemble."""

from __future__ import annotations

import numpy as np
import pytest

import efnn_cli
from efnn_cli.storage import dataset
from efnn_cli.training.split import split

from .conftest import Workshop, call

NAMES = ("lattice net", "lattice twin")


def predicted(shop: Workshop, names: tuple[str, ...], spins: np.ndarray) -> np.ndarray:
    """Energies (members, B) of every network, one configuration at a time."""
    runs = [efnn_cli.load(shop.root / shop.run(name), device="cpu") for name in names]
    return np.array([[run.predict(each[None])[0] for each in spins] for run in runs])


def plain_errors(energies: np.ndarray, true: np.ndarray, sites: int) -> dict[str, float | None]:
    error = energies - true
    rmse = float(np.sqrt(np.sum(error**2) / len(true)))
    centred = np.sqrt(np.sum((true - true.mean()) ** 2) / len(true))
    return {
        "samples": len(true),
        "rmse": rmse,
        "rmse_over_std": rmse / centred,
        "relative_error": rmse / abs(true.mean()) if abs(true.mean()) >= centred else None,
        "rmse_per_site": rmse / sites,
        "bias_per_site": float(np.sum(error)) / len(true) / sites,
    }


def is_close(found: dict[str, float], wanted: dict[str, float | None]) -> bool:
    return all(
        found[key] == (None if value is None else pytest.approx(value, rel=1e-5)) for key, value in wanted.items()
    )


@pytest.mark.parametrize("names", [NAMES[:1], NAMES], ids=["one network", "ensemble"])
def test_errors_on_the_test_split(workshop: Workshop, names: tuple[str, ...]) -> None:
    data = dataset.read(workshop.root / workshop.dataset("lattice"))
    found = call("evaluate", *map(workshop.run, names), "--json", cwd=workshop.root).done().json()["metrics"]
    parts = split(data.spins)
    for part in ("test", "val"):
        chosen = parts.part(part)
        energies = predicted(workshop, names, data.spins[chosen]).mean(axis=0)
        wanted = plain_errors(energies, data.energies[chosen], 36)
        assert is_close(found, wanted) == (part == "test")  # negative control: those of another split


def test_errors_at_another_size_are_of_new_configurations_of_the_same_hamiltonian(copied: Workshop) -> None:
    words = ("extrapolate", *map(copied.run, NAMES), "--L", 5, "--samples", 7, "--json")
    (found,) = call(*words, cwd=copied.root).done().json()["metrics"]["sizes"]
    data = dataset.read(next(copied.root.glob("data/references/heisenberg-L5-n7-*.h5")))
    bonds = [np.roll(data.spins, -1, axis) * data.spins for axis in (2, 3)]
    np.testing.assert_allclose(data.energies, -sum(each.sum(axis=(1, 2, 3)) for each in bonds), rtol=1e-12)
    energies = predicted(copied, NAMES, data.spins)
    assert is_close(found, plain_errors(energies.mean(axis=0), data.energies, 25))
    spread = np.sqrt(np.mean((energies[0] - energies[1]) ** 2 / 2)) / 25  # sample deviation of two
    assert found["spread_per_site"] == pytest.approx(spread, rel=1e-5)
    for member, each in zip(found["members"], energies, strict=True):
        wanted = plain_errors(each, data.energies, 25)
        assert is_close(member, {key: wanted[key] for key in ("rmse", "rmse_per_site", "bias_per_site")})


def test_the_reference_configurations_are_those_of_no_training_seed(copied: Workshop) -> None:
    """At the size and seed of the training too."""
    call("extrapolate", copied.run(NAMES[0]), "--L", 6, "--samples", 60, cwd=copied.root).done()
    trained = dataset.read(copied.root / copied.dataset("lattice"))
    found = dataset.read(next(copied.root.glob("data/references/heisenberg-L6-n60-*.h5")))
    assert trained.metadata["seed"] == found.metadata["seed"]
    assert not {each.tobytes() for each in trained.spins} & {each.tobytes() for each in found.spins}


def test_fields_of_a_network_are_its_downhill_slope(workshop: Workshop) -> None:
    """Central differences along a rotation of one spin: dE = -F . dS."""
    run = efnn_cli.load(workshop.root / workshop.run(NAMES[0]), device="cpu")
    spins = dataset.read(workshop.root / workshop.dataset("lattice")).spins[:2]
    fields, step = run.fields(spins), 2e-2
    across = np.cross(spins[:, :, 2, 3], [[0.3, 0.5, -0.8], [0.6, -0.1, 0.7]])
    turned = []
    for angle in (step, -step):
        moved = spins.copy()
        new = spins[:, :, 2, 3] + angle * across
        moved[:, :, 2, 3] = new / np.linalg.norm(new, axis=1, keepdims=True)
        turned.append(run.predict(moved))
    slope = (turned[0] - turned[1]) / (2 * step)
    np.testing.assert_allclose(np.sum(fields[:, :, 2, 3] * across, axis=1), -slope, rtol=0.02, atol=2e-3)
    assert np.abs(slope).max() > 0.02
