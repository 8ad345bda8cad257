"""`efnn export`: the program and the page on the formula give the energies of the network."""

import json

import h5py
import numpy as np
import pytest
import torch
from fences import blocks
from safetensors import safe_open

from efnn_cli.runs.loading import load
from tests.cli.conftest import call

PAGE = "docs/exported_networks.md"
SMALL = ("width=4", "epochs=1", "training.batch_size=20", "training.dtype=float64")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A lattice and a dense network with every option of the default recipes, and a DM system without symmetry."""
    root = tmp_path_factory.mktemp("exported")
    made = {}
    for name, system, keys in (
        ("lattice", ("heisenberg", "--L", 6), ("model.learn_activation_scale=true",)),
        ("dense", ("three_spin", "--L", 6), ("model.centre_spins=true",)),
        ("without symmetry", ("heisenberg", "--L", 6, "system.D=0.4", "system.h=0.1"), ()),
    ):
        data = call("generate", *system, "--samples", 60, "--json", cwd=root).done().json()["outputs"]["dataset"]
        done = call("train", "depth=2", *SMALL, *keys, "--data", data, "--json", cwd=root).done()
        made[name] = root / done.json()["outputs"]["run"]
    return made


def spins_of(run, count, size):
    shape = (count, 3, size, size) if run.system.geometry == "lattice" else (count, run.system.size)
    drawn = np.random.default_rng(0).normal(size=shape)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True) if len(shape) == 4 else (drawn > 0).astype(float)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize("name", ["lattice", "dense", "without symmetry"])
def test_a_program_takes_any_batch_and_lattice(runs, name, dtype, tolerance, tmp_path):
    done = (
        call("export", runs[name], "--dtype", dtype, "--out", tmp_path / "n.pt2", "--json", cwd=tmp_path).done().json()
    )
    assert done["metrics"]["dtype"] == dtype
    network = torch.export.load(tmp_path / "n.pt2").module()
    run = load(runs[name], "cpu")
    for count, size in ((1, 6), (3, 9)):
        spins = spins_of(run, count, size)
        found = network(torch.from_numpy(spins).to(getattr(torch, dtype)))
        wanted, sites = run.predict(spins), run.model.sites(torch.from_numpy(spins))
        bare = abs(wanted - float(run.model.shift) * sites).max()  # of which the shift may leave little
        np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=tolerance, atol=tolerance * bare)


@pytest.mark.parametrize("name", ["lattice", "dense"])
def test_the_page_is_the_formula(runs, name, tmp_path):
    call("export", runs[name], "--format", "hdf5", "--out", tmp_path / "n.h5", cwd=tmp_path).done()
    names = {}
    (code,) = [block.text for block in blocks(PAGE) if "file" in block.words]
    exec(code, names)
    run = load(runs[name], "cpu")
    for count, size in ((1, 6), (3, 9)):
        spins = spins_of(run, count, size)
        np.testing.assert_allclose(names["Network"](tmp_path / "n.h5").energies(spins), run.predict(spins), rtol=1e-12)


def test_safetensors_hold_the_same_weights(runs, tmp_path):
    for form, file in (("hdf5", "n.h5"), ("safetensors", "n.safetensors")):
        call("export", runs["lattice"], "--format", form, "--out", file, cwd=tmp_path).done()
    with safe_open(tmp_path / "n.safetensors", "numpy") as found, h5py.File(tmp_path / "n.h5") as wanted:
        assert json.loads(found.metadata()["efnn"]) == json.loads(wanted["metadata"][()])
        assert set(found.keys()) == set(wanted) - {"metadata"}
        for key in found.keys():  # noqa: SIM118
            np.testing.assert_array_equal(found.get_tensor(key), wanted[key][()])


def test_what_cannot_be_exported(runs, tmp_path):
    call("export", runs["lattice"], "--format", "onnx", cwd=tmp_path).failed(2, "pt2")
    call("export", "nowhere", cwd=tmp_path).failed(3, "nowhere")
    (tmp_path / "there.pt2").touch()
    call("export", runs["lattice"], "--out", "there.pt2", cwd=tmp_path).failed(6, "exists")
