"""Configurations of the user's own, predictions of them, and labels that do not know how they were computed."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import efnn_cli
from efnn_cli.core.errors import InputError

from .conftest import Workshop, call, files_below


def sphere(samples: int, side: int) -> np.ndarray:
    vectors = np.random.default_rng(7).normal(size=(samples, 3, side, side))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def read(path: Path, name: str) -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][()]


def test_generate_labels_given_spins(here: Path):
    up = np.zeros((3, 3, 6, 6))
    up[:, 2] = 1.0
    up[1, 2, ::2, ::2] = up[1, 2, 1::2, 1::2] = -1.0  # staggered
    np.save(here / "mine.npy", up)
    outcome = call("generate", "heisenberg", "--spins", "mine.npy", "--json", cwd=here).done()
    path = here / outcome.json()["outputs"]["dataset"]
    assert path.name.startswith("heisenberg-L6-n3-s0-")
    assert np.array_equal(read(path, "spins"), up)
    assert np.allclose(read(path, "energies"), [-72.0, 72.0, -72.0], rtol=1e-12)
    again = call("generate", "heisenberg", "--spins", "mine.npy", "--L", 6, "--samples", 3, "--json", cwd=here).done()
    assert again.json() == outcome.json()


def test_all_formats_are_the_same_spins(here: Path):
    spins = sphere(5, 4)
    np.save(here / "mine.npy", spins)
    shutil.copy(here / "mine.npy", here / "mine.NPY")
    np.savez_compressed(here / "one.npz", x=spins)
    np.savez_compressed(here / "named.npz", spins=spins, more=spins[:1])
    with h5py.File(here / "mine.h5", "w") as file:
        file["spins"] = spins
    np.save(here / "other.npy", spins[::-1])
    found = {
        path.name: call("generate", "double_exchange", "--spins", path.name, "--json", cwd=here).done().json()
        for path in sorted(here.iterdir())
    }
    other = found.pop("other.npy")
    assert len(found) == 5
    assert all(each == found["mine.h5"] for each in found.values())
    assert other["outputs"] != found["mine.h5"]["outputs"]


def test_labels_of_given_spins_are_those_of_drawn_ones(copied: Workshop):
    for name, system in (("lattice", ("heisenberg",)), ("hopping", ("double_exchange",)), ("binary", ("three_spin",))):
        source = copied.root / copied.dataset(name)
        args = ("generate", *system, "--spins", source, "--out", f"{name}.h5")
        call(*args, cwd=copied.root).done()
        assert np.allclose(read(copied.root / f"{name}.h5", "energies"), read(source, "energies"), rtol=1e-12, atol=0)


def spoiled(index: tuple[int, ...], value: float) -> np.ndarray:
    spins = sphere(4, 5)
    spins[index] = value
    return spins


BAD = {  # and the number of the configuration that is named
    "not unit": (spoiled((2, 0, 1, 1), 3.0), "configuration 2"),
    "not finite": (spoiled((3, 0, 0, 0), np.nan), "configuration 3"),
    "bonds that merge": (sphere(4, 5)[..., :2], "5, 2"),
    "one configuration without its axis": (sphere(4, 5)[0], ""),
    "none": (sphere(4, 5)[:0], ""),
    "components last": (np.moveaxis(sphere(4, 5), 1, -1), ""),
    "scalars": (np.ones((4, 5)), ""),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_spins(workshop: Workshop, here: Path, kind: str):
    spins, named = BAD[kind]
    np.save(here / "bad.npy", spins)
    run = workshop.root / workshop.run("lattice net")
    for words in (("generate", "heisenberg"), ("predict", run, "--out", "p.h5")):
        call(*words, "--spins", "bad.npy", cwd=here).failed(3, named)
    assert files_below(here) == {"bad.npy"}


def test_other_files_are_told_what_is_taken(here: Path):
    (here / "s.csv").write_text("0,0,1\n")
    with h5py.File(here / "s.h5", "w") as file:
        file["data/configurations"], file["energies"] = sphere(2, 4), np.zeros(2)
    np.savez(here / "s.npz", up=sphere(2, 4), down=sphere(2, 4))
    for name, named in (
        ("s.csv", "wanted HDF5 with a dataset /spins, .npy, or .npz with one array or one named spins"),
        ("s.h5", "no dataset /spins"),
        ("s.h5", "/data/configurations (2, 3, 4, 4), /energies (2,)"),
        ("s.npz", "found up, down"),
    ):
        call("generate", "heisenberg", "--spins", name, cwd=here).failed(3, name, named)


def test_rounded_spins_are_made_unit_vectors_when_asked(workshop: Workshop, here: Path):
    rounded = sphere(3, 4).round(5)
    np.save(here / "s.npy", rounded)
    run = workshop.root / workshop.run("lattice net")
    for command in (("generate", "heisenberg", "--out", "d.h5"), ("predict", run, "--out", "p.h5")):
        words = (*command, "--spins", "s.npy")
        call(*words, cwd=here).failed(3, "configuration 0", "length ", "1e-06", "--normalise")
        call(*words, "--normalise", cwd=here).done()
    unit = rounded / np.sqrt((rounded**2).sum(axis=1, keepdims=True))
    assert read(here / "d.h5", "spins") == pytest.approx(unit, abs=1e-15)
    assert read(here / "p.h5", "energies") == pytest.approx(efnn_cli.load(run).predict(unit), rel=1e-6)
    rounded[1, :, 2, 2] = 0.0
    np.save(here / "s.npy", rounded)
    call("generate", "heisenberg", "--spins", "s.npy", "--normalise", cwd=here).failed(3, "configuration 1", "length 0")


def test_bad_scalar_spins(workshop: Workshop, here: Path):
    run = workshop.root / workshop.run("binary net")
    spins = np.random.default_rng(1).integers(0, 2, (5, 6)).astype(float)
    np.save(here / "s.npy", spins)
    call("predict", run, "--spins", "s.npy", "--out", "p.h5", cwd=here).done()
    spins[3, 2] = 0.5
    np.save(here / "s.npy", spins)
    call("predict", run, "--spins", "s.npy", "--out", "q.h5", cwd=here).failed(3, "configuration 3")
    call("generate", "three_spin", "--spins", "s.npy", cwd=here).failed(3, "configuration 3")
    np.save(here / "s.npy", np.ones((5, 7)))
    call("predict", run, "--spins", "s.npy", "--out", "q.h5", cwd=here).failed(3, "6", "7")
    np.save(here / "s.npy", sphere(2, 6))
    call("predict", run, "--spins", "s.npy", "--out", "q.h5", cwd=here).failed(3)


def test_spins_that_contradict_the_words(here: Path):
    np.save(here / "s.npy", sphere(4, 5))
    call("generate", "heisenberg", "--spins", "s.npy", "--L", 6, cwd=here).failed(3, "s.npy", "6")
    call("generate", "heisenberg", "--spins", "s.npy", "--samples", 5, cwd=here).failed(3, "s.npy", "5")


def test_predict_is_what_evaluate_judges(copied: Workshop):
    root, run = copied.root, copied.run("lattice net")
    call("generate", "heisenberg", "--L", 8, "--samples", 30, "--seed", 4, "--out", "fresh.h5", cwd=root).done()
    words = ("evaluate", run, "--data", "fresh.h5", "--device", "cpu", "--out", "e.h5", "--json")
    judged = call(*words, cwd=root).done().json()
    words = ("predict", run, "--spins", "fresh.h5", "--device", "cpu", "--out", "p.h5", "--json")
    told = call(*words, cwd=root).done().json()
    predicted, true = read(root / "p.h5", "energies"), read(root / "fresh.h5", "energies")
    assert np.array_equal(predicted, read(root / "e.h5", "energies"))
    assert judged["metrics"]["samples"] == told["metrics"]["samples"] == 30
    assert judged["metrics"]["rmse"] == pytest.approx(np.sqrt(np.mean((predicted - true) ** 2)))
    assert judged["metrics"]["mae"] == pytest.approx(np.mean(np.abs(predicted - true)))
    assert judged["metrics"]["bias"] == pytest.approx(np.mean(predicted - true))
    assert told["metrics"]["mean"] == pytest.approx(predicted.mean())
    assert told["metrics"]["std"] == pytest.approx(predicted.std())
    spins = read(root / "fresh.h5", "spins")
    loaded = efnn_cli.load(root / run, device="cpu")
    assert loaded.predict(spins) == pytest.approx(predicted, rel=1e-6)
    assert loaded.predict(spins).dtype == np.float64


def test_load_and_predict(workshop: Workshop):
    run = workshop.root / workshop.run("binary net")
    spins = read(workshop.root / workshop.dataset("binary"), "spins")[:7]
    loaded = efnn_cli.load(str(run))
    energies = loaded.predict(spins)
    assert energies.shape == (7,)
    assert np.array_equal(efnn_cli.load(run / "best.h5").predict(spins), energies)
    for bad in (spins[0], 2 * spins + 3):
        with pytest.raises(InputError):
            loaded.predict(bad)
    with pytest.raises(InputError):
        efnn_cli.load(workshop.root / "data")


def test_given_its_own_dataset_evaluate_takes_the_test_split(workshop: Workshop):
    run, data = workshop.run("binary net"), workshop.dataset("binary")
    own = call("evaluate", run, "--json", cwd=workshop.root).json()
    given = call("evaluate", run, "--data", data, "--json", cwd=workshop.root).json()
    assert own == given
    sizes = [
        call("evaluate", run, "--data", data, f"split={part}", "--json", cwd=workshop.root).json()["metrics"]["samples"]
        for part in ("train", "val", "test")
    ]
    assert sum(sizes) == 60
    assert sizes[0] > sizes[2] > sizes[1]


@pytest.mark.parametrize(("system", "size", "samples"), [("three_spin", 5, 9000), ("double_exchange", 4, 600)])
def test_labels_do_not_depend_on_the_workers(here: Path, system: str, size: int, samples: int):
    """Three shards each."""
    content = []
    for workers in (1, 2, 3):
        out = here / f"{workers}.h5"
        words = ("--L", size, "--samples", samples, "--workers", workers, "--out", out)
        call("generate", system, *words, cwd=here).done()
        found = call("inspect", out, "--json", cwd=here).done().json()["metrics"]["metadata"]["content_sha256"]
        content.append((found, read(out, "spins").tobytes(), read(out, "energies").tobytes()))
    assert content[0] == content[1] == content[2]


def test_labelled_again_a_ladder_keeps_its_temperatures(here: Path):
    words = ("generate", "heisenberg", "--L", 4, "-q", "--out")
    call(*words, "ladder.h5", "--samples", 30, "sampling=ladder", "spin_temperature=0.1:2", cwd=here).done()
    call(*words, "again.h5", "--spins", "ladder.h5", "system.K=0.3", cwd=here).done()
    with h5py.File(here / "ladder.h5") as first, h5py.File(here / "again.h5") as second:
        assert np.array_equal(first["temperatures"], second["temperatures"])
        assert len(np.unique(first["temperatures"])) > 20
    with h5py.File(here / "bad.h5", "w") as bad, h5py.File(here / "ladder.h5") as first:
        bad["spins"], bad["temperatures"] = first["spins"][()], np.ones(3)
    call(*words, "none.h5", "--spins", "bad.h5", cwd=here).failed(3, "3 temperatures of 30")


def test_thermal_spins_name_their_bath(here: Path):
    call("generate", "double_exchange", "--L", 4, "--samples", 20, "sampling=thermal", "spin_temperature=0.1", cwd=here)
    (path,) = (here / "data").glob("*.h5")
    with h5py.File(path) as file:
        thermal = json.loads(file["metadata"].asstr()[()])["thermal"]
    assert (thermal["temperature"], thermal["acceptance"], thermal["sweeps"]) == (0.1, 1.0, 100)
    assert thermal["coupling"] > 0.05  # double exchange favours parallel spins
    assert thermal["energy_per_spin"] < 0
    assert thermal["autocorrelation_sweeps"] >= 0.5
    call("train", "model=effective", cwd=here).done()
    assert call("extrapolate", "--L", 5, "--samples", 3, cwd=here).code == 0
    (reference,) = (here / "data" / "references").glob("*.h5")
    with h5py.File(reference) as file:
        again = json.loads(file["metadata"].asstr()[()])["thermal"]
    assert (again["temperature"], again["coupling"]) == (thermal["temperature"], thermal["coupling"])


ODD_FORMS = {
    "turned": lambda spins: np.rot90(spins, axes=(2, 3)),
    "of the other order": np.asfortranarray,
    "big-endian": lambda spins: spins.astype(">f8"),
    "list": lambda spins: spins.tolist(),
    "tensor with grad": lambda spins: torch.from_numpy(spins).requires_grad_(),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("form", ODD_FORMS)
def test_a_loaded_network_takes_spins_in_any_form(workshop: Workshop, form: str):
    loaded, spins = efnn_cli.load(workshop.root / workshop.run("lattice net"), torch.device("cpu")), sphere(3, 6)
    given = ODD_FORMS[form](spins)
    plain = spins if isinstance(given, torch.Tensor) else np.array(given, dtype=np.float64, order="C")
    assert np.array_equal(loaded.predict(given), loaded.predict(plain))
    assert np.array_equal(loaded.fields(given), loaded.fields(plain))
    assert loaded.predict(spins[:0]).shape == (0,)
    assert loaded.fields(spins[:0]).shape == (0, 3, 6, 6)


@pytest.mark.parametrize("mode", [torch.inference_mode, lambda: torch.autocast("cpu", dtype=torch.bfloat16)])
def test_a_loaded_network_does_not_depend_on_the_mode_of_the_caller(workshop: Workshop, mode: Any):
    folder, spins = workshop.root / workshop.run("lattice net"), sphere(3, 6)
    loaded = efnn_cli.load(folder, "cpu")
    energies, fields = loaded.predict(spins), loaded.fields(spins)
    with mode():
        for each in (loaded, efnn_cli.load(folder, "cpu")):
            assert np.array_equal(each.predict(spins), energies)
            assert np.array_equal(each.fields(spins), fields)


@pytest.mark.parametrize("given", [sphere(2, 6) + 0j, [[0.0, 1.0], [1.0]], None], ids=["complex", "ragged", "none"])
def test_what_are_no_spins_is_refused_by_a_loaded_network(workshop: Workshop, given: Any):
    loaded = efnn_cli.load(workshop.root / workshop.run("lattice net"), "cpu")
    for ask in (loaded.predict, loaded.fields):
        with pytest.raises(InputError, match="spins"):
            ask(given)
