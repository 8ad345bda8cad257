"""Domain and error bars on the command line."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import efnn_cli

from .conftest import call

QUICK = ("epochs=3", "-q")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks of one dataset."""
    here = tmp_path_factory.mktemp("trust")
    call("generate", "heisenberg", "--L", 6, "--samples", 800, "-q", cwd=here).done()
    for seed in (0, 1):
        call("train", *QUICK, f"seed={seed}", cwd=here).done()
    return here


def runs(place: Path) -> list[str]:
    return sorted(str(each.relative_to(place)) for each in place.glob("outputs/*"))


def test_error_bars_of_a_network_and_of_an_ensemble(place: Path):
    for members in (runs(place)[:1], runs(place)):
        found = call("evaluate", *members, "--coverage", 0.9, "--json", "-q", cwd=place).done().json()["metrics"]
        assert found["coverage"]["wanted"] == 0.9
        assert 0.8 < found["coverage"]["reached"] <= 1
        assert found["coverage"]["half_width"] < 3 * found["rmse"]
        assert found["outside"] == {"configurations": 0, "share": 0.0}
    bare = call("evaluate", runs(place)[0], "--json", "-q", cwd=place).done().json()["metrics"]
    assert "coverage" not in bare


def test_predicted_intervals_are_those_of_python(place: Path):
    spins = np.random.default_rng(3).normal(size=(30, 3, 12, 12))
    spins /= np.linalg.norm(spins, axis=1, keepdims=True)
    np.save(place / "mine.npy", spins)
    words = ("predict", runs(place)[0], "--spins", "mine.npy", "--coverage", 0.8, "--json", "-q")
    said = call(*words, cwd=place).done().json()
    with h5py.File(place / said["outputs"]["energies"]) as file:
        widths = file["half_widths"][:]
    assert widths.mean() == pytest.approx(said["metrics"]["coverage"]["half_width"])
    bars = efnn_cli.load(place / runs(place)[0]).intervals
    assert widths == pytest.approx(bars.quantile(0.8) * 12 * bars.scale(np.zeros(30)), rel=1e-6)


def test_another_ensemble_is_told(place: Path):
    cold = np.zeros((5, 3, 6, 6))
    cold[:, 2] = 1.0
    np.save(place / "cold.npy", cold)
    done = call("predict", runs(place)[0], "--spins", "cold.npy", "--json", cwd=place).done()
    assert done.json()["metrics"]["outside"]["configurations"] == 5
    assert "5 of 5 configurations lie outside" in done.warnings()[0]
    words = ("sampling=thermal", "spin_temperature=0.2", "--samples", 10, "--json", "-q")
    found = call("extrapolate", runs(place)[0], "--L", 6, *words, cwd=place).done()
    (size,) = found.json()["metrics"]["sizes"]
    assert size["outside"] == 1.0
    assert any("lie outside" in each for each in found.warnings())


def test_extrapolation_always_has_error_bars(place: Path):
    """They hold at the size of training and grow as sqrt(sites); the bias of a poor network at 12 x 12 is in none."""
    found = (
        call("extrapolate", *runs(place), "--L", "6,12", "--out", "ensemble", "--json", "-q", cwd=place).done().json()
    )
    small, large = (size["coverage"] for size in found["metrics"]["sizes"])
    assert small["wanted"] == large["wanted"] == 0.95
    assert small["reached"] > 0.85
    assert 0 <= large["reached"] <= 1
    assert large["half_width"] == pytest.approx(2 * small["half_width"], rel=0.2)


def test_a_coverage_that_is_none(place: Path):
    call("evaluate", "--coverage", 1, cwd=place).failed(2, "--coverage", "0.95")
    call("predict", runs(place)[0], "--spins", "none.npy", "--coverage", -0.5, cwd=place).failed(2, "--coverage")
    few = call("evaluate", runs(place)[0], "--coverage", 0.999, "--json", "-q", cwd=place).done()
    assert any("needs 999 validation configurations" in each for each in few.json()["warnings"])
