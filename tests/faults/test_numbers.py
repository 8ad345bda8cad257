"""Numbers at the edge: what is refused, what is defined, and that no weights are stored that are not finite."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.conftest import call

from efnn_cli.config.schema import build_system
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


@pytest.mark.parametrize("words", [("lr=10",), ("lr=1e30", "training.ema=0.9")])
def test_exploding_gradients(example: Example, words: tuple[str, ...]):
    """Either it trains, or it ends with exit 4; what is stored is finite either way, and no run is called finished."""
    outcome = call(*TRAIN, "seed=3", *words, cwd=example.root)
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
    call("train", "--data", "three.h5", *TRAIN[1:], cwd=here).done()
    call("train", "--data", "two.h5", *TRAIN[1:], cwd=here).failed(3, "two.h5", "too small")


@pytest.mark.parametrize("value", [np.nan, np.inf])
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


def test_a_network_that_cannot_fit_is_refused(example: Example):
    words = ("train", "model=efnn", "width=8192", "depth=64")
    call(*words, "--dry-run", cwd=example.root).failed(5, "GiB")
    call(*words, cwd=example.root).failed(5, "GiB")
    assert json.loads(call(*DATA, "--json", cwd=example.root).done().out)["status"] == "ok"
