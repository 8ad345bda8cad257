"""Devices without float64, as MPS is: the CPU declared to be one, so that the numbers are real."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from efnn_cli.core import doubles

from .conftest import call

QUICK = ("epochs=3", "width=4", "model.kernel_size=3", "training.optimizer=adam", "-q", "--device", "cpu")


def array(path: Path, name: str) -> np.ndarray:
    with h5py.File(path) as file:
        return np.asarray(file[name])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels with fields, and a network."""
    here = tmp_path_factory.mktemp("doubles")
    call("generate", "double_exchange", "--L", 4, "--samples", 60, "fields=true", "-q", cwd=here).done()
    call("train", *QUICK, "--out", "run", cwd=here).done()
    return here


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubles, "WITHOUT", {"cpu"})


def test_predictions_agree(place: Path, monkeypatch: pytest.MonkeyPatch):
    (spins,) = (place / "data").glob("*.h5")
    words = ("predict", "run", "--spins", spins, "--fields", "-q", "--device", "cpu", "--out")
    call(*words, "wide.h5", cwd=place).done()
    monkeypatch.setattr(doubles, "WITHOUT", {"cpu"})
    call(*words, "narrow.h5", cwd=place).done()
    wide, narrow = (
        {name: array(place / file, name) for name in ("energies", "fields")} for file in ("wide.h5", "narrow.h5")
    )
    assert narrow["energies"].dtype == narrow["fields"].dtype == np.float64
    np.testing.assert_allclose(narrow["energies"], wide["energies"], rtol=1e-6)
    np.testing.assert_allclose(narrow["fields"], wide["fields"], atol=1e-6 * np.abs(wide["fields"]).max())
    assert not np.array_equal(narrow["energies"], wide["energies"])  # the other way was taken


@pytest.mark.usefixtures("without")
def test_a_network_is_trained_and_carried_to_larger_lattices(place: Path):
    def errors(run: str) -> float:
        found = call("evaluate", run, "--json", "--device", "cpu", cwd=place).done().json()
        return float(found["metrics"]["rmse"])

    call("train", *QUICK, "--out", "narrow", cwd=place).done()
    assert errors("narrow") == pytest.approx(errors("run"), rel=1e-2)
    call("extrapolate", "narrow", "--L", "6", "--samples", 4, "-q", "--device", "cpu", cwd=place).done()


@pytest.mark.usefixtures("without")
def test_what_needs_float64_is_refused(place: Path):
    call("train", "training.dtype=float64", *QUICK, "--out", "double", cwd=place).failed(5, "float64", "--device cpu")
    call("train", "model=effective", "--device", "cpu", "-q", cwd=place).failed(5, "float64")
    call("sample", "run", "--device", "cpu", cwd=place).failed(5, "float64")
    call("bench", "predict", "--L", 4, "--device", "cpu", cwd=place).failed(5, "float64")
    assert not (place / "double").exists()
