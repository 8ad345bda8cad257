"""Numbers at the edge: what is refused, what is defined, and that no weights are stored that are not finite."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.conftest import call, files_below

from efnn_cli.config.schema import build_system
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.storage import checkpoint, dataset

from .conftest import DATA, TRAIN, Example

SYSTEM = {"name": "heisenberg", "L": 3}


def write(path: Path, spins: np.ndarray, energies: np.ndarray) -> None:
    """A dataset of any spins and energies on the lattice."""
    system = build_system(SYSTEM)
    head = {
        "system": {"name": system.name, **system.parameters()}, "purpose": "train", "samples": len(spins),
        "sampling": "uniform_sphere", "seed": 0,
        "reference": {"method": "formula", "seconds": 1.0, "seconds_per_configuration": 0.1},
    }  # fmt: skip
    dataset.write(path, {"spins": spins, "energies": energies}, head)


def unit_spins(samples: int) -> np.ndarray:
    spins = np.random.default_rng(0).normal(size=(samples, 3, 3, 3))
    return spins / np.linalg.norm(spins, axis=1, keepdims=True)


def finite(path: Path) -> bool:
    """Return whether every tensor of a checkpoint is finite."""

    def check(node: object) -> bool:
        if isinstance(node, torch.Tensor):
            return bool(torch.isfinite(node).all())
        items = node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ()
        return all(map(check, items))

    return check(checkpoint.read(path).state)


@pytest.mark.parametrize(
    "words", [("lr=1e30",), ("lr=1e200",), ("lr=10", "epochs=30"), ("lr=1e30", "training.ema=0.9")]
)
def test_exploding_gradients(example: Example, words: tuple[str, ...]):
    """Either it trains, or it ends with exit 4; what is stored is finite either way, and no run is called finished."""
    settings = [
        word for word in TRAIN if not (word.startswith("epochs") and any(w.startswith("epochs") for w in words))
    ]
    outcome = call(*settings, "seed=3", *words, cwd=example.root)
    assert outcome.code in (0, 4), outcome.err
    assert "Traceback" not in outcome.err
    (run,) = set((example.root / "outputs").iterdir()) - {example.run}
    assert (run / "summary.json").exists() == (outcome.code == 0)
    for path in run.glob("*.h5"):
        assert finite(path), path
    if outcome.code == 4:
        outcome.failed(4, "not finite", "lr")
        assert "nan" not in (run / "metrics.csv").read_text().lower()


@pytest.mark.parametrize("model", ["effective", "efnn"])
def test_all_energies_equal(here: Path, model: str):
    write(here / "d.h5", unit_spins(30), np.full(30, -2.0))
    words = ("train", "--data", "d.h5", f"model={model}", *(TRAIN[2:] if model != "effective" else ()), "--json")
    metrics = call(*words, cwd=here).done().json()["metrics"]
    assert metrics["test"]["rmse_over_std"] is None
    assert np.isfinite(metrics["test"]["rmse"])
    assert call("inspect", "d.h5", "--json", cwd=here).done().json()["metrics"]["energy"]["std"] == 0


def test_equal_configurations_stay_on_one_side(here: Path):
    """Three different ones, each ten times: a split of three; two different ones cannot be split."""
    spins = np.repeat(unit_spins(3), 10, axis=0)
    energies = build_system(SYSTEM).label(torch.from_numpy(spins), "formula").energies.numpy()
    write(here / "three.h5", spins, energies)
    write(here / "two.h5", spins[:20], energies[:20])
    write(here / "one.h5", spins[:1], energies[:1])
    call("train", "--data", "three.h5", *TRAIN[1:], cwd=here).done()
    shown = call("inspect", "three.h5", "--json", cwd=here).done().json()["metrics"]
    assert shown["duplicates"] == 27
    for name in ("two.h5", "one.h5"):
        call("train", "--data", name, *TRAIN[1:], cwd=here).failed(3, name, "too small")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(here: Path, value: float):
    energies = np.zeros(30)
    energies[7] = value
    write(here / "e.h5", unit_spins(30), energies)
    spins = unit_spins(30)
    spins[7, 0, 0, 0] = value
    write(here / "s.h5", spins, np.zeros(30))
    for name in ("e.h5", "s.h5"):
        call("train", "--data", name, *TRAIN[1:], cwd=here).failed(3, name)


def test_energies_beyond_what_can_be_squared(here: Path):
    """Finite, but not their variance: refused."""
    write(here / "d.h5", unit_spins(30), np.linspace(-1e200, 1e200, 30))
    call("train", "--data", "d.h5", "model=effective", cwd=here).failed(3, "d.h5", "1e+100")


def test_the_smallest_lattice(here: Path):
    """L = 3: every site is its own second neighbour's neighbour, and all references agree."""
    for reference in ("dense", "determinant"):
        words = ("generate", "double_exchange", "--L", 3, "--samples", 12, f"reference={reference}")
        call(*words, "--out", f"{reference}.h5", cwd=here).done()
    one, other = (dataset.read(here / f"{name}.h5") for name in ("dense", "determinant"))
    assert np.array_equal(one.spins, other.spins)
    assert np.allclose(one.energies, other.energies, rtol=1e-9)
    call("train", "--data", "dense.h5", "model=effective", cwd=here).done()
    call("extrapolate", "--L", 3, "--samples", 2, cwd=here).done()


@pytest.mark.parametrize("temperature", [1e-300, 1e-6, 1e3, 1e6])
def test_temperatures_very_small_and_very_large(temperature: float):
    """Towards T = 0 the grand potential is the sum of the levels below mu, for large T it is -T ln 2 a level."""
    system = build_system({"name": "double_exchange", "L": 3, "T": temperature})
    assert isinstance(system, DoubleExchange)
    spins = torch.from_numpy(unit_spins(4))
    energies = system.label(spins, "dense").energies
    assert torch.isfinite(energies).all()
    levels = system.levels(spins)
    if temperature < 1e-3:
        assert torch.allclose(energies, levels.clamp(max=0).sum(dim=1), atol=1e-3)
    else:
        assert torch.allclose(energies / temperature, torch.tensor(-18 * np.log(2.0)), rtol=0.1)


def test_the_dense_reference_of_a_large_lattice_is_refused(here: Path):
    """L = 200: a matrix of 80 000 rows; refused at once, with the size that it needs, and nothing is written."""
    outcome = call("generate", "double_exchange", "--L", 200, "--samples", 1, "reference=dense", cwd=here)
    outcome.failed(5, "GiB", "L = 200")
    assert not files_below(here)


def test_a_network_that_cannot_fit_is_refused(example: Example):
    words = ("train", "model=efnn", "width=8192", "depth=64")
    call(*words, "--dry-run", cwd=example.root).failed(5, "GiB")
    call(*words, cwd=example.root).failed(5, "GiB")
    assert json.loads(call(*DATA, "--json", cwd=example.root).done().out)["status"] == "ok"
