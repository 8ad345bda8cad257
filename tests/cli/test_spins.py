"""Configurations of the user's own, predictions of them, and labels that do not know how they were computed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import efnn_cli
from efnn_cli.core.errors import InputError
from efnn_cli.physics.heisenberg import Heisenberg

from .conftest import Workshop, call, files_below


def sphere(samples: int, side: int) -> np.ndarray:
    vectors = np.random.default_rng(7).normal(size=(samples, 3, side, side))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def store(path: Path, spins: np.ndarray) -> Path:
    if path.suffix.lower() == ".npy":
        with path.open("wb") as file:
            np.save(file, spins)
    elif path.suffix == ".npz":
        np.savez_compressed(path, **({"spins": spins, "more": spins[:1]} if "named" in path.name else {"x": spins}))
    else:
        with h5py.File(path, "w") as file:
            file["spins"] = spins
    return path


def read(path: Path, name: str) -> np.ndarray:
    with h5py.File(path) as file:
        return file[name][()]


@pytest.mark.parametrize("name", ["mine.npy", "mine.h5"])
def test_generate_labels_given_spins(here: Path, name: str):
    up = np.zeros((3, 3, 6, 6))
    up[:, 2] = 1.0
    up[1, 2, ::2, ::2] = up[1, 2, 1::2, 1::2] = -1.0  # staggered
    store(here / name, up)
    outcome = call("generate", "heisenberg", "--spins", name, "--json", cwd=here).done()
    path = here / outcome.json()["outputs"]["dataset"]
    assert path.name.startswith("heisenberg-L6-n3-s0-")
    assert np.array_equal(read(path, "spins"), up)
    assert np.allclose(read(path, "energies"), [-72.0, 72.0, -72.0], rtol=1e-12)
    again = call("generate", "heisenberg", "--spins", name, "--L", 6, "--samples", 3, "--json", cwd=here).done()
    assert again.json() == outcome.json()


def test_all_formats_are_the_same_spins(here: Path):
    spins = sphere(5, 4)
    found = []
    for name in ("mine.npy", "mine.h5", "mine.NPY", "one.npz", "named.npz", "mine.dat"):
        store(here / name, spins)
        found.append(call("generate", "double_exchange", "--spins", name, "--json", cwd=here).done().json())
    assert all(each == found[0] for each in found)
    other = store(here / "other.npy", sphere(5, 4)[::-1])
    plan = call("generate", "double_exchange", "--spins", other, "--dry-run", "--json", cwd=here).done().json()
    assert plan["outputs"] != found[0]["outputs"]


def test_labels_of_given_spins_are_those_of_drawn_ones(copied: Workshop):
    for name, system in (("lattice", ("heisenberg",)), ("hopping", ("double_exchange",)), ("binary", ("three_spin",))):
        source = copied.root / copied.dataset(name)
        args = ("generate", *system, "--spins", source, "--out", f"{name}.h5")
        call(*args, cwd=copied.root).done()
        assert np.allclose(read(copied.root / f"{name}.h5", "energies"), read(source, "energies"), rtol=1e-12, atol=0)


def bad_spins(kind: str) -> np.ndarray:
    spins = sphere(4, 5)
    if kind == "not unit":
        spins[2, :, 1, 1] *= 1.01
    elif kind == "not finite":
        spins[3, 0, 0, 0] = np.nan
    elif kind == "not square":
        spins = spins[..., :4]
    elif kind == "one configuration without its axis":
        spins = spins[0]
    elif kind == "none":
        spins = spins[:0]
    elif kind == "components last":
        spins = np.moveaxis(spins, 1, -1)
    elif kind == "scalars":
        spins = np.sign(spins[:, 0, 0])
    return spins


BAD = (
    "not unit",
    "not finite",
    "not square",
    "one configuration without its axis",
    "none",
    "components last",
    "scalars",
)
NAMED = {"not unit": "2", "not finite": "3"}


@pytest.mark.parametrize("kind", BAD)
def test_bad_spins(workshop: Workshop, here: Path, kind: str):
    store(here / "bad.npy", bad_spins(kind))
    run = workshop.root / workshop.run("lattice net")
    named = ("bad.npy", f"configuration {NAMED[kind]}" if kind in NAMED else "")
    call("generate", "heisenberg", "--spins", "bad.npy", cwd=here).failed(3, *named)
    outcome = call("predict", run, "--spins", "bad.npy", "--out", "p.h5", cwd=here).failed(3)
    assert named[1] in outcome.err
    assert not (here / "p.h5").exists()


TAKEN = "wanted HDF5 with a dataset /spins, .npy, or .npz with one array or one named spins"


@pytest.mark.parametrize("name", ["s.csv", "s.npy"])
def test_other_formats_are_told_which_are_taken(here: Path, name: str):
    (here / name).write_text("0,0,1\n")
    call("generate", "heisenberg", "--spins", name, cwd=here).failed(3, name, TAKEN)


def test_a_file_without_spins_says_what_it_holds(workshop: Workshop, here: Path):
    with h5py.File(here / "s.h5", "w") as file:
        file["data/configurations"], file["energies"] = sphere(2, 4), np.zeros(2)
    np.savez(here / "s.npz", up=sphere(2, 4), down=sphere(2, 4))
    run = workshop.root / workshop.run("lattice net")
    for command in (("generate", "heisenberg"), ("predict", run, "--out", "p.h5")):
        named = ("no dataset /spins", "/data/configurations (2, 3, 4, 4), /energies (2,)")
        call(*command, "--spins", "s.h5", cwd=here).failed(3, *named)
        call(*command, "--spins", "s.npz", cwd=here).failed(3, "one named spins", "found up, down")


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


@pytest.mark.parametrize("words", [("heisenberg",), ("three_spin", "--spins", "s.npy")])
def test_nothing_to_normalise(here: Path, words: tuple[str, ...]):
    np.save(here / "s.npy", np.ones((2, 6)))
    call("generate", *words, "--normalise", cwd=here).failed(2, "--normalise")


@pytest.mark.parametrize("name", ["e.npy", "e.csv"])
def test_a_name_of_another_format_is_refused(workshop: Workshop, here: Path, name: str):
    run = workshop.root / workshop.run("lattice net")
    lattice = ("heisenberg", "--L", 4, "--samples", 20)
    for command in (
        ("predict", run, "--spins", "none.h5"),
        ("evaluate", run),
        ("generate", *lattice),
        ("merge", *lattice),
    ):
        call(*command, "--out", name, cwd=here).failed(2, name, ".h5")
    assert files_below(here) == set()


@pytest.mark.parametrize("kind", ["pickle", "no spins", "group", "missing"])
def test_bad_spins_file(workshop: Workshop, here: Path, kind: str):
    path = here / ("bad.h5" if kind in ("no spins", "group") else "bad.npy")
    if kind == "pickle":
        np.save(path, np.array([{"not": "numbers"}], dtype=object))
    elif kind in ("no spins", "group"):
        with h5py.File(path, "w") as file:
            file.create_group("spins" if kind == "group" else "energies")
    call("generate", "heisenberg", "--spins", path.name, cwd=here).failed(3, path.name)
    run = workshop.root / workshop.run("lattice net")
    call("predict", run, "--spins", path.name, "--out", "p.h5", cwd=here).failed(3, path.name)


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
    store(here / "s.npy", sphere(4, 5))
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


@pytest.mark.parametrize(("name", "data"), [("binary net", "binary"), ("hopping fit", "hopping")])
def test_load_and_predict(copied: Workshop, name: str, data: str):
    run = copied.root / copied.run(name)
    spins = read(copied.root / copied.dataset(data), "spins")[:7]
    loaded = efnn_cli.load(str(run))
    energies = loaded.predict(spins)
    assert energies.shape == (7,)
    assert np.isfinite(energies).all()
    assert np.array_equal(efnn_cli.load(run / "best.h5").predict(spins), energies)
    with pytest.raises(InputError):
        loaded.predict(spins[0])
    with pytest.raises(InputError):
        loaded.predict(2 * spins + 3)
    with pytest.raises(InputError):
        efnn_cli.load(copied.root / "data")


def test_loaded_lattice_network_fits_other_sizes(workshop: Workshop):
    loaded = efnn_cli.load(workshop.root / workshop.run("lattice net"))
    spins = sphere(3, 6)
    energies = loaded.predict(spins)
    assert loaded.predict(np.tile(spins, (1, 1, 2, 2))) == pytest.approx(4 * energies, rel=1e-5)
    assert loaded.predict(np.roll(spins, 2, axis=3)) == pytest.approx(energies, rel=1e-5, abs=1e-4)


def test_effective_fields_of_a_loaded_network(workshop: Workshop):
    """Turned about its axis a spin changes the energy by -F dS; a repeated lattice has repeated fields."""
    loaded = efnn_cli.load(workshop.root / workshop.run("hopping fit"))
    spins, angle = sphere(2, 5), 1e-4
    fields = loaded.fields(spins)
    assert fields.shape == spins.shape
    assert fields.dtype == np.float64
    turned = []
    for sign in (1, -1):
        x, y, z = np.moveaxis(spins.copy(), 1, 0)
        c, s = np.cos(sign * angle), np.sin(sign * angle)
        x[:, 2, 3], y[:, 2, 3] = c * x[:, 2, 3] - s * y[:, 2, 3], s * x[:, 2, 3] + c * y[:, 2, 3]
        turned.append(np.stack([x, y, z], axis=1))
    slope = (loaded.predict(turned[0]) - loaded.predict(turned[1])) / (2 * angle)
    torque = -fields[:, 1, 2, 3] * spins[:, 0, 2, 3] + fields[:, 0, 2, 3] * spins[:, 1, 2, 3]
    assert slope == pytest.approx(torque, rel=1e-5, abs=1e-6)
    assert np.abs(torque).max() > 1e-3
    assert loaded.fields(np.tile(spins, (1, 1, 2, 2))) == pytest.approx(np.tile(fields, (1, 1, 2, 2)), rel=1e-9)
    with pytest.raises(InputError):
        loaded.fields(2 * spins)


@pytest.mark.parametrize("name", ["lattice net", "binary net", "hopping fit"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_evaluate_reproduces_the_summary(workshop: Workshop, name: str, part: str):
    found = call("evaluate", workshop.run(name), f"split={part}", "--json", cwd=workshop.root).done().json()["metrics"]
    stored = workshop.made[name].json()["metrics"][part]
    for key, value in stored.items():
        assert found[key] == (None if value is None else pytest.approx(value, rel=1e-6)), key


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


def test_another_dataset_is_taken_whole(copied: Workshop):
    args = ("--L", 4, "--samples", 24, "sampling=uniform_angles", "--out", "other.h5")
    call("generate", "double_exchange", *args, cwd=copied.root).done()
    found = call("evaluate", copied.run("hopping fit"), "--data", "other.h5", "split=val", "--json", cwd=copied.root)
    assert found.done().json()["metrics"]["samples"] == 24


@pytest.mark.parametrize(
    ("system", "samples"),
    [
        (("three_spin", "--L", 5), 9000),  # three shards
        (("double_exchange", "--L", 4), 600),  # three shards
        (("heisenberg", "--L", 4, "sampling=uniform_angles"), 100),
    ],
)
def test_labels_do_not_depend_on_the_workers(here: Path, system: tuple[object, ...], samples: int):
    content = []
    for workers in (1, 2, 3):
        out = here / f"{workers}.h5"
        call("generate", *system, "--samples", samples, "--workers", workers, "--out", out, cwd=here).done()
        found = call("inspect", out, "--json", cwd=here).done().json()["metrics"]["metadata"]["content_sha256"]
        content.append((found, read(out, "spins").tobytes(), read(out, "energies").tobytes()))
    assert content[0] == content[1] == content[2]


def test_published_sampling(here: Path):
    """The authors' script seeds NumPy anew before either angle, so that phi = 2 theta."""
    args = ("generate", "double_exchange", "--L", 4, "--samples", 5, "sampling=published", "--out", "p.h5")
    call(*args, cwd=here).done()
    for index, spins in enumerate(read(here / "p.h5", "spins")):
        u = np.random.RandomState(100 + index).uniform(0, 1, (4, 4))
        theta, phi = np.pi * u, 2 * np.pi * u
        wanted = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
        assert np.abs(spins - wanted).max() < 1e-14


def test_thermal_spins_name_their_bath(here: Path):
    call("generate", "double_exchange", "--L", 4, "--samples", 20, "sampling=thermal", "spin_temperature=0.1", cwd=here)
    (path,) = (here / "data").glob("*.h5")
    with h5py.File(path) as file:
        thermal = json.loads(file["metadata"].asstr()[()])["thermal"]
    assert (thermal["temperature"], thermal["acceptance"], thermal["sweeps"]) == (0.1, 1.0, 100)
    assert thermal["coupling"] > 0.05  # double exchange favours parallel spins
    assert thermal["energy_per_spin"] < 0
    assert thermal["autocorrelation_sweeps"] >= 0.5
    assert call("train", "epochs=1", cwd=here).code == 0
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
    "tensor": torch.from_numpy,
    "tensor with grad": lambda spins: torch.from_numpy(spins).requires_grad_(),
}
MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "float64 by default": lambda: contextlib.nullcontext(torch.set_default_dtype(torch.float64)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["lattice net", "hopping fit"])
@pytest.mark.parametrize("form", ODD_FORMS)
def test_a_loaded_network_takes_spins_in_any_form(workshop: Workshop, name: str, form: str):
    loaded, spins = efnn_cli.load(workshop.root / workshop.run(name), torch.device("cpu")), sphere(3, 6)
    given = ODD_FORMS[form](spins)
    plain = spins if isinstance(given, torch.Tensor) else np.array(given, dtype=np.float64, order="C")
    assert np.array_equal(loaded.predict(given), loaded.predict(plain))
    assert np.array_equal(loaded.fields(given), loaded.fields(plain))


@pytest.mark.parametrize("name", ["lattice net", "binary net"])
def test_a_loaded_network_takes_no_spins(workshop: Workshop, name: str):
    loaded = efnn_cli.load(workshop.root / workshop.run(name), "cpu")
    none = np.ones((2, *loaded.system.spin_shape))[:0]
    assert loaded.predict(none).shape == (0,)
    assert loaded.fields(none).shape == none.shape


@pytest.mark.parametrize("mode", MODES)
def test_a_loaded_network_does_not_depend_on_the_mode_of_the_caller(workshop: Workshop, mode: str):
    folder, spins = workshop.root / workshop.run("lattice net"), sphere(3, 6)
    loaded = efnn_cli.load(folder, "cpu")
    energies, fields = loaded.predict(spins), loaded.fields(spins)
    try:
        with MODES[mode]():
            for each in (loaded, efnn_cli.load(folder, "cpu")):
                assert np.array_equal(each.predict(spins), energies)
                assert np.array_equal(each.fields(spins), fields)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "given",
    [
        sphere(2, 6) + 0j,
        sphere(2, 6).astype(object),
        [[0.0, 1.0], [1.0]],
        None,
        np.ones((2, 3, 8, 4)) / np.sqrt(3),
        torch.ones(2, 3, 6, 6, device="meta"),
    ],
    ids=["complex", "objects", "ragged", "none", "8x4", "meta"],
)
def test_what_are_no_spins_is_refused_by_a_loaded_network(workshop: Workshop, given: Any):
    loaded = efnn_cli.load(workshop.root / workshop.run("lattice net"), "cpu")
    for ask in (loaded.predict, loaded.fields):
        with pytest.raises(InputError, match="spins"):
            ask(given)


def test_fields_of_an_energy_that_has_no_gradient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    energy = Heisenberg.energy
    monkeypatch.setattr(Heisenberg, "energy", lambda self, spins: energy(self, torch.from_numpy(spins.numpy())))
    words = ("generate", "heisenberg", "--L", "4", "--samples", "3", "--device", "cpu", "--workers", "1")
    call(*words, "fields=true", cwd=tmp_path).failed(2, "no effective fields", "fields(spins)", "fields=true")
    call(*words, cwd=tmp_path).done()
