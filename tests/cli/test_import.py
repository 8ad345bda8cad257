"""`efnn import`: configurations and labels of others become a dataset that every command takes."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from efnn_cli.physics.heisenberg import Heisenberg
from efnn_cli.storage import dataset

from .conftest import SMALL, call

COLUMNS = "x,y,_,sx,sy,sz,fx,fy,fz"


def labelled(samples: int, *sides: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spins, energies and fields of the Heisenberg model, as another code would give them."""
    import torch

    sides = (*sides, *sides)[:2]
    spins = np.random.default_rng(seed).normal(size=(samples, 3, *sides))
    spins /= np.linalg.norm(spins, axis=1, keepdims=True)
    system, given = Heisenberg(L="{}x{}".format(*sides)), torch.from_numpy(spins)
    return spins, system.energy(given).numpy(), system.fields(given).numpy()


def write_text(path: Path, spins: np.ndarray, fields: np.ndarray, seed: int = 0) -> list[str]:
    """Write one configuration (3, Lx, Ly) with its lines in random order; return these."""
    x, y = np.indices(spins.shape[1:])
    columns = [x.ravel(), y.ravel() + 1, 0 * x.ravel(), *spins.reshape(3, -1), *fields.reshape(3, -1)]
    lines = [" ".join(f"{each:.17g}" for each in row) for row in zip(*columns, strict=True)]
    np.random.default_rng(seed).shuffle(lines)
    path.write_text("\n".join(lines) + "\n")
    return lines


def imported(here: Path, *words: object) -> dataset.Dataset:
    made = call("import", *words, "--json", cwd=here).done().json()
    return dataset.read(here / made["outputs"]["dataset"])


def test_all_formats_are_the_same_configurations(here: Path):
    spins, energies, fields = labelled(12, 4)
    np.savez(here / "a.npz", spins=spins, energies=energies, fields=fields)
    np.save(here / "b.npy", spins)
    with h5py.File(here / "c.h5", "w") as file:
        file["run/S"], file["run/E"], file["h"] = spins, energies[:, None], fields
    for i in range(12):
        write_text(here / f"conf{i}.dat", spins[i], fields[i], seed=i)
    (here / "e.txt").write_text("# eV\n" + "\n".join(map(repr, energies.tolist())))
    found = {
        "npz": imported(here, "a.npz"),
        "npy": imported(here, "b.npy", "--energies", "e.txt"),
        "hdf5": imported(here, "c.h5", "--spins-key", "run/S", "--energies-key", "/run/E", "--fields-key", "h"),
        "text": imported(here, *sorted(map(str, here.glob("conf*"))), "--columns", COLUMNS, "--energies", "e.txt"),
    }
    for name, data in found.items():
        np.testing.assert_array_equal(data.spins, spins, err_msg=name)
        np.testing.assert_array_equal(data.energies, energies, err_msg=name)
        if name != "npy":
            np.testing.assert_array_equal(data.fields, fields, err_msg=name)
    assert found["text"].metadata["system"] == {"name": "external", "variant": "lattice", "L": 4, "unit": None}


def test_kinds_of_fields(here: Path):
    """A gradient is minus the field; a torque S x h gives its part across the spins."""
    spins, _, fields = labelled(3, 4)
    across = fields - (fields * spins).sum(axis=1, keepdims=True) * spins
    kinds = {
        "field": (fields, fields),
        "gradient": (-fields, fields),
        "torque": (np.cross(spins, fields, axis=1), across),
    }
    for kind, (given, wanted) in kinds.items():
        np.savez(here / f"{kind}.npz", spins=spins, fields=given)
        data = imported(here, f"{kind}.npz", "--field-kind", kind)
        np.testing.assert_allclose(data.fields, wanted, atol=1e-14)
    refused = call("import", "field.npz", "--field-kind", "torque", cwd=here).failed(3, "configuration 0")
    assert "perpendicular" in refused.err


def test_a_dataset_is_trained_on_evaluated_and_extrapolated(here: Path):
    for name, shape in {"small": (60, 4), "large": (8, 6, 5)}.items():
        spins, energies, fields = labelled(*shape)
        np.savez(here / f"{name}.npz", spins=spins, energies=energies, fields=fields)
    made = call("import", "small.npz", "large.npz", "--energy-unit", "meV", "--json", cwd=here).done().json()
    small, large = (made["outputs"][f"dataset_L{size}"] for size in (4, "6x5"))
    assert made["outputs"]["dataset"] == small
    assert [each["samples"] for each in made["metrics"]["datasets"]] == [8, 60]
    again = call("import", "large.npz", "small.npz", "--energy-unit", "meV", "--json", cwd=here).done().json()
    assert again["outputs"] == made["outputs"]
    run = call("train", "width=2", *SMALL, "--json", cwd=here).done().json()["outputs"]["run"]
    assert Path(run).name.startswith("external-efnn-")
    call("evaluate", "--data", large, cwd=here).done()
    call("predict", run, "--spins", "large.npz", cwd=here).done()
    words = ("extrapolate", "--data", small, "--data", large, "--json")
    sizes = call(*words, cwd=here).done().json()["metrics"]["sizes"]
    assert [(each["L"], each["samples"], each["reference"]) for each in sizes] == [
        (4, 60, "external"),
        ("6x5", 8, "external"),
    ]
    assert sizes[1]["speedup"] is None
    for kind in ("sizes", "times", "spins", "parity"):
        call("plot", kind, run, cwd=here).done()
    assert Path(run).name in call("runs", "system=external", cwd=here).done().out
    call("extrapolate", cwd=here).failed(3, "efnn import", "--data")
    call("extrapolate", "--data", large, "--L", 8, cwd=here).failed(2, "--data")
    other = imported(here, "large.npz", "--energy-unit", "eV").metadata["job"]
    call("evaluate", "--data", *here.glob(f"data/*{other}.h5"), cwd=here).failed(3, "unit")


def test_fields_alone_are_told(here: Path):
    spins, _, fields = labelled(10, 4)
    np.savez(here / "f.npz", spins=spins, fields=fields)
    made = call("import", "f.npz", "--json", cwd=here).done()
    assert "fields but no energies" in made.warnings()[0]
    metrics = made.json()["metrics"]
    assert (metrics["energies"], metrics["fields"], metrics["mean"]) == (False, True, None)
    call("inspect", made.json()["outputs"]["dataset"], cwd=here).done()


def test_numbers_without_a_lattice(here: Path):
    spins = np.random.default_rng(0).normal(size=(50, 5))
    np.savez(here / "d.npz", spins=spins, energies=spins.prod(axis=1))
    assert imported(here, "d.npz").metadata["system"]["variant"] == "dense"
    call("train", "model=efnn", "width=4", *SMALL, cwd=here).done()
    call("extrapolate", cwd=here).failed(3, "5 spins")


def spoiled(kind: str) -> dict[str, np.ndarray]:
    spins, energies, fields = labelled(4, 4)
    if kind == "not unit":
        spins[2, :, 1, 1] *= 1.1
    elif kind == "energy not finite":
        energies[3] = np.nan
    elif kind == "field not finite":
        fields[1, 0, 0, 0] = np.inf
    elif kind == "too few energies":
        energies = energies[:3]
    elif kind == "fields of another size":
        fields = fields[..., :3]
    elif kind == "components last":
        spins = np.moveaxis(spins, 1, -1)
    elif kind == "no labels":
        return {"spins": spins, "E": energies}
    elif kind == "no spins":
        return {"S": spins, "energies": energies}
    return {"spins": spins, "energies": energies, "fields": fields}


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("not unit", "configuration 2"),
        ("energy not finite", "configuration 3"),
        ("field not finite", "configuration 1"),
        ("too few energies", "3 energies of 4"),
        ("fields of another size", "(4, 3, 4, 3)"),
        ("components last", "components come before sites"),
        ("no labels", "E, spins"),
        ("no spins", "S, energies"),
    ],
)
def test_unphysical_input_is_named(here: Path, kind: str, named: str):
    np.savez(here / "bad.npz", **dict(sorted(spoiled(kind).items())))
    call("import", "bad.npz", cwd=here).failed(3, "bad.npz", named)
    assert not (here / "data").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda lines: lines[1:], "is missing, found 15 of 4 x 4"),
        (lambda lines: [*lines, lines[0]], "given 2 times"),
        (lambda lines: [line.rpartition(" ")[0] for line in lines], "8 columns"),
        (lambda lines: [lines[0].replace(" ", " nan ", 1).rpartition(" ")[0], *lines[1:]], "not finite"),
        (lambda lines: ["x y z of a head", *lines[:-1], "0.3 " + lines[-1].partition(" ")[2]], "no site of a lattice"),
        (lambda lines: ["1 2 three"], "no table of numbers"),
    ],
)
def test_unphysical_text_is_named(here: Path, change: object, named: str):
    spins, _, fields = labelled(1, 4)
    lines = write_text(here / "c.dat", spins[0], fields[0])
    (here / "c.dat").write_text("\n".join(change(lines)))  # type: ignore[operator]
    call("import", "c.dat", "--columns", COLUMNS, cwd=here).failed(3, "c.dat", named)


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("none.npz",), 3, "none.npz does not exist"),
        (("a.npz", "--columns", "x,y,sx,sy"), 2, "--columns"),
        (("a.npz", "--columns", COLUMNS, "--spins-key", "s"), 2, "--columns"),
        (("a.npz", "--energies", "e.txt", "--energies-key", "s"), 2, "--energies-key"),
        (("a.npz", "--field-kind", "force"), 2, "torque"),
        (("a.npz", "--field-kind", "torque"), 3, "no fields"),
        (("a.npz", "--spins-key", "s"), 3, "'s'"),
        (("a.npz", "--out", "a.npz"), 2, "a.npz"),
        (("a.npz", "--out", "taken.h5"), 6, "taken.h5"),
        (("a.npz", "--energies", "e.txt"), 3, "1 energies, found 4"),
        (("e.txt",), 3, "--columns"),
        ((), 2, "FILE"),
    ],
)
def test_mistakes(here: Path, words: tuple[str, ...], code: int, named: str):
    spins, energies, _ = labelled(4, 4)
    np.savez(here / "a.npz", spins=spins, energies=energies)
    (here / "e.txt").write_text("1.0\n")
    (here / "taken.h5").write_text("mine")
    call("import", *words, cwd=here).failed(code, named)
