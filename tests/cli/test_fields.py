"""Fields -dE/dS on the command line: labels, training, errors, predictions, and fields alone from elsewhere."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import efnn_cli

from .conftest import call, rows, run_efnn

QUICK = ("epochs=3", "width=4", "model.invariant_channels=4", "-q", "--json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with fields and a network trained on it."""
    here = tmp_path_factory.mktemp("fields")
    call("generate", "double_exchange", "--L", 4, "--samples", 100, "fields=true", "-q", cwd=here).done()
    run = call("train", *QUICK, cwd=here).done().json()
    (here / "run.json").write_text(json.dumps(run))
    return here


def trained(place: Path) -> dict:
    return json.loads((place / "run.json").read_text())


def test_errors_of_fields_stand_beside_those_of_energies(place: Path):
    found = trained(place)
    run = place / found["outputs"]["run"]
    assert all(float(row["val_field_rmse"]) > 0 for row in rows(run))
    evaluated = call("evaluate", "--json", "-q", cwd=place).done().json()["metrics"]
    for key in ("rmse", "field_rmse", "field_relative_error"):
        assert evaluated[key] == pytest.approx(found["metrics"]["test"][key], rel=1e-6)
    listed = call("runs", "--json", "-q", cwd=place).done().json()["metrics"]["rows"][0]
    assert listed["field_relative_error"] == pytest.approx(evaluated["field_relative_error"])
    assert "field error" in call("evaluate", cwd=place).done().out


def test_the_weight_of_the_fields_is_part_of_a_run(place: Path):
    """Without fields in the loss the same data train another network, in another folder."""
    other = call("train", *QUICK, "training.field_weight=0", cwd=place).done().json()
    assert other["outputs"] != trained(place)["outputs"]
    assert other["metrics"]["test"]["field_rmse"] > 0  # reported all the same
    assert all(row["val_field_rmse"] == "" for row in rows(place / other["outputs"]["run"]))


def test_predicted_fields_are_slopes_of_the_energy(place: Path):
    run = efnn_cli.load(place / trained(place)["outputs"]["run"])
    spins = np.random.default_rng(1).normal(size=(2, 3, 6, 6))
    np.save(place / "mine.npy", spins / np.linalg.norm(spins, axis=1, keepdims=True))
    said = run_efnn("predict", run.path, "--spins", "mine.npy", "--fields", "--json", cwd=place).done().json()
    with h5py.File(place / said["outputs"]["energies"]) as file:
        fields, energies = file["fields"][:], file["energies"][:]
    spins = np.load(place / "mine.npy")
    np.testing.assert_allclose(fields, run.fields(spins), rtol=1e-6, atol=1e-7)
    step = 1e-2 * np.random.default_rng(2).normal(size=spins.shape)
    run.model.double()
    ends = [run.model(torch.from_numpy(spins + sign * step)).detach().numpy() for sign in (1, -1)]
    np.testing.assert_allclose((ends[1] - ends[0]) / 2, (fields * step).sum((1, 2, 3)), rtol=2e-2)
    np.testing.assert_allclose(energies, run.predict(spins), rtol=1e-5)


def test_torques_alone_train_and_evaluate(place: Path):
    """Imported without energies: errors of fields, and none of energies that nobody knows."""
    (source,) = (place / "data").glob("double_exchange*.h5")
    with h5py.File(source) as file:
        spins, fields = file["spins"][:], file["fields"][:]
    torques = np.cross(spins, fields, axis=1)
    np.savez(place / "torques.npz", spins=spins, fields=torques)
    words = ("import", "torques.npz", "--field-kind", "torque", "--out", "torques.h5", "--json", "-q")
    assert call(*words, cwd=place).done().json()["metrics"]["energies"] is False
    found = call("train", "--data", "torques.h5", *QUICK, cwd=place).done().json()
    errors = found["metrics"]["test"]
    assert errors["rmse"] is None
    assert 0 < errors["field_relative_error"] < 2
    run = found["outputs"]["run"]
    evaluated = call("evaluate", run, "--json", "-q", cwd=place).done().json()["metrics"]
    assert (evaluated["rmse"], evaluated["samples"]) == (None, 20)
    assert evaluated["field_rmse"] == pytest.approx(errors["field_rmse"], rel=1e-6)
    assert "RMSE/std" not in call("evaluate", run, cwd=place).done().out
    call("train", "--data", "torques.h5", "model=effective", cwd=place).failed(3, "no energies")
    call("plot", "parity", run, cwd=place).failed(3, "no energies")
    assert call("runs", "--json", "-q", cwd=place).done().json()


def test_compared_networks_have_equal_parameters_with_the_recipe_of_fields(place: Path):
    """Widths are matched for the kernels that are trained, and the error of the fields has its column."""
    (source,) = (place / "data").glob("double_exchange*.h5")
    words = ("--data", source, "--models", "efnn,dnn,effective", "--seeds", 1, "--grid", "none", "--json", "-q")
    found = call("compare", *words, "width=4", "epochs=1", cwd=place).done().json()
    networks = {row["model"]: row for row in found["metrics"]["rows"]}
    assert found["metrics"]["recipe"]["name"] == "default/double_exchange_fields"
    for name in ("efnn", "dnn"):
        listed = call("runs", f"model={name}", "epochs=1", "--json", "-q", cwd=place).done().json()["metrics"]["rows"]
        assert networks[name]["parameters"] in [each["parameters"] for each in listed]
        assert networks[name]["errors"]["fields"] > 0
    assert networks["effective"]["errors"]["fields"] > 0
