"""`efnn plot`: every kind, its four files, the same place again, and what is refused."""

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import SMALL, Outcome, Workshop, call, files_below

KINDS = ("curve", "parity", "width", "parameters", "samples", "sizes", "times", "spins")


def plotted(root: Path, *args: object) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The JSON object, and the rows of the CSV beside the figure."""
    found = call("plot", *args, "--json", cwd=root).done().json()
    assert set(found["outputs"]) == {"figure", "svg", "pdf", "csv"}
    assert all((root / path).stat().st_size > 0 for path in found["outputs"].values())
    with (root / found["outputs"]["csv"]).open() as file:
        return found, list(csv.DictReader(file))


@pytest.fixture(scope="module")
def shop(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A workshop with more runs of one Hamiltonian, and lattice networks with errors at other sizes."""
    root = tmp_path_factory.mktemp("plots") / "shop"
    made = Workshop(Path(shutil.copytree(workshop.root, root)), workshop.made)
    for words in (("width=8", "seed=1"), ("width=12", "seed=0")):
        call("train", "--data", made.dataset("binary"), "model=dnn", "depth=1", *words, *SMALL, cwd=root).done()
    for name in ("lattice net", "lattice twin"):
        call("extrapolate", made.run(name), "--L", "4,5,8", "--samples", 3, cwd=root).done()
    return made


def test_place_and_the_same_again(shop: Workshop):
    run = shop.run("lattice net")
    found, _ = plotted(shop.root, "curve", run)
    assert re.fullmatch(r"outputs/plots/curve-[0-9a-f]{8}\.png", found["outputs"]["figure"])
    before = {path: (shop.root / path).read_bytes() for path in found["outputs"].values()}
    files = files_below(shop.root)
    again, _ = plotted(shop.root, "curve", run / "best.h5")
    assert again["outputs"] == found["outputs"]
    assert files_below(shop.root) == files
    assert {path: (shop.root / path).read_bytes() for path in before} == before
    assert plotted(shop.root, "curve", shop.run("lattice twin"))[0]["outputs"] != found["outputs"]


def test_curve(shop: Workshop):
    _, rows = plotted(shop.root, "curve", shop.run("lattice net"), shop.run("hopping fit"))
    assert [(row["run"].split()[0], row["epoch"]) for row in rows] == [("EFNN", "1"), ("EFNN", "2"), ("effective", "1")]
    with (shop.root / shop.run("lattice net") / "metrics.csv").open() as file:
        stored = [float(row["val_rmse_over_std"]) for row in csv.DictReader(file)]
    assert [float(row["val_rmse_over_std"]) for row in rows[:2]] == pytest.approx(stored)


def test_parity(shop: Workshop):
    found, rows = plotted(shop.root, "parity", shop.run("lattice net"), shop.run("lattice twin"))
    assert found["metrics"]["samples"] == 12
    assert len(rows) == 24
    errors = [36 * (float(row["predicted_per_site"]) - float(row["true_per_site"])) for row in rows[:12]]
    rmse = shop.made["lattice net"].json()["metrics"]["test"]["rmse"]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(rmse)
    plotted(shop.root, "parity", shop.run("lattice net"), "--data", shop.dataset("lattice"))


def test_errors_over_many_runs(shop: Workshop):
    found, rows = plotted(shop.root, "width", "system=three_spin")
    errors = {0: shop.made["binary net"].json()["metrics"]["test"][found["metrics"]["quantity"]]}
    listed = call("runs", "system=three_spin", "width=8", "seed=1", "--json", cwd=shop.root).json()["metrics"]["rows"]
    errors[1] = listed[0][found["metrics"]["quantity"]]
    assert [(row["curve"], float(row["width"])) for row in rows] == [("DNN D=1", 8.0), ("DNN D=1", 12.0)]
    value = next(value for key, value in rows[0].items() if "split" in key)
    assert float(value) == pytest.approx(np.mean(list(errors.values())))
    assert float(rows[0]["error_bar"]) == pytest.approx(np.std(list(errors.values()), ddof=1))
    assert rows[1]["error_bar"] == ""
    _, rows = plotted(shop.root, "parameters", "system=three_spin")
    assert [float(row["number of parameters"]) for row in rows] == [
        7 * 8 + 9 * 8 + 2 * 9 * 8,
        7 * 12 + 13 * 12 + 2 * 13 * 12,
    ]
    _, rows = plotted(shop.root, "samples", "system=three_spin", "width=12")
    assert [float(row["configurations in the dataset"]) for row in rows] == [60.0]


def test_sizes(shop: Workshop):
    found, rows = plotted(shop.root, "sizes", "model=efnn")
    assert found["metrics"]["quantity"] == "rmse_over_std"
    assert [row["L"] for row in rows if row["quantity"] == "bias per site"] == ["4", "5", "8"]
    lines = []
    for name in ("lattice net", "lattice twin"):
        with (shop.root / shop.run(name) / "extrapolation.csv").open() as file:
            lines.append(next(csv.DictReader(file)))
    bias, rmse = (next(row for row in rows if row["quantity"] == f"{name} per site") for name in ("bias", "RMSE"))
    assert float(bias["value"]) == pytest.approx(np.mean([float(each["bias_per_site"]) for each in lines]))
    errors = [float(each["rmse_per_site"]) for each in lines]
    biased = float(lines[0]["bias_per_site"]) / float(lines[0]["rmse_per_site"])
    sampling = np.mean(errors) * np.sqrt((1 - biased**4) / (2 * 3))  # of 3 configurations
    assert float(rmse["error_bar"]) == pytest.approx(np.hypot(np.std(errors, ddof=1), sampling))


def test_sizes_of_several_ensembles_are_curves_of_their_own(shop: Workshop):
    for temperature in ("0.5", "2"):
        words = ("sampling=thermal", f"spin_temperature={temperature}", "spin_sweeps=5")
        call("extrapolate", shop.run("lattice twin"), "--L", "4,5", "--samples", 3, *words, cwd=shop.root).done()
    _, rows = plotted(shop.root, "sizes", shop.run("lattice twin"))
    names = {row["curve"].partition(", ")[2] for row in rows}
    assert names == {"uniform sphere", "thermal, T = 0.5", "thermal, T = 2"}


def test_times(shop: Workshop):
    found, rows = plotted(shop.root, "times", shop.run("lattice net"))
    assert set(found["metrics"]["exponents"]) == {"EFNN D=1", "formula"}
    assert all(isinstance(each, float) for each in found["metrics"]["exponents"].values())
    assert [(row["series"], float(row["L"])) for row in rows] == [
        (name, size) for name in ("EFNN D=1", "formula") for size in (4.0, 5.0, 8.0)
    ]


def test_spins_of_a_lattice(shop: Workshop):
    run = shop.run("lattice net")
    _, rows = plotted(shop.root, "spins", run, "index=2")
    assert len(rows) == 36
    spin = np.array([[float(row[f"S_{axis}"]) for axis in "xyz"] for row in rows])
    np.testing.assert_allclose((spin**2).sum(axis=1), 1.0)
    lattice = spin.T.reshape(3, 6, 6)
    exact = sum(np.roll(lattice, step, axis) for step in (1, -1) for axis in (1, 2))  # J1 = 1: the sum of neighbours
    across = exact - (exact * lattice).sum(axis=0) * lattice
    drawn = np.array([[float(row[f"exact_{axis}"]) for axis in "xyz"] for row in rows]).T.reshape(3, 6, 6)
    np.testing.assert_allclose(drawn, across, atol=1e-12)


def test_spins_of_a_line(shop: Workshop):
    _, rows = plotted(shop.root, "spins", shop.run("binary net"))
    assert [row["site"] for row in rows] == [str(site) for site in range(1, 7)]
    assert {row["spin"] for row in rows} <= {"0.0", "1.0"}


MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".csv": b"run,epoch"}


@pytest.mark.parametrize("name", ["figure.png", "figure.PDF", "v1.2"])
def test_out(shop: Workshop, tmp_path: Path, name: str):
    words = ("curve", shop.run("lattice net"), "--out", tmp_path / "mine" / name)
    outputs = call("plot", *words, "--json", cwd=shop.root).done().json()["outputs"]
    stem = "v1.2" if name == "v1.2" else "figure"
    suffixes = set(MAGIC)
    assert files_below(tmp_path) == {f"mine/{stem}{suffix}" for suffix in suffixes}
    assert {Path(each).name for each in outputs.values()} == {f"{stem}{suffix}" for suffix in suffixes}
    for suffix in suffixes:
        assert (tmp_path / "mine" / f"{stem}{suffix}").read_bytes().startswith(MAGIC[suffix])
    call("plot", *words, cwd=shop.root).failed(6, "--overwrite")


@pytest.mark.parametrize(
    ("args", "code", "named"),
    [
        ((), 2, ("KIND", *KINDS)),
        (("curve", "--out", "f.eps"), 2, ("f.eps", ".png", ".pdf", "--out f.pdf")),
        (("width",), 2, ("one Hamiltonian", "system=three_spin", "system=heisenberg_lattice")),
        (("width", "--data", "x.h5"), 2, ("--data", "parity")),
        (("spins", "model=efnn"), 2, ("one run", "found 2")),
        (("curve", "outputs/none"), 3, ("outputs/none", "config.yaml")),
        (("sizes", "model=effective"), 3, ("extrapolation.csv", "efnn extrapolate")),
        (("spins", "model=efnn", "seed=0", "index=12"), 2, ("index", "0 to 11")),
        (("curve", "model=efnn", "--out", "/proc/none/figure"), 74, ("cannot write /proc",)),
    ],
)
def test_what_is_refused(shop: Workshop, args: tuple[str, ...], code: int, named: tuple[str, ...]):
    before = files_below(shop.root)
    call("plot", *args, cwd=shop.root).failed(code, *named)
    assert files_below(shop.root) == before


def test_a_mean_over_more_than_seeds_is_warned_of(shop: Workshop):
    words = ("train", "--data", shop.dataset("binary"), "model=dnn", "depth=1", "width=8", "lr=0.01", "epochs=1")
    call(*words, cwd=shop.root).done()
    outcome: Outcome = call("plot", "width", "system=three_spin", cwd=shop.root).done()
    assert "runs that differ in training.epochs, training.optimizer" in outcome.err


def test_a_mean_over_datasets_is_warned_of(here: Path):
    for seed in (0, 1):
        words = ("generate", "heisenberg", "--L", 4, "--samples", 40, "--seed", seed, "--out", f"{seed}.h5")
        call(*words, cwd=here).done()
        call("train", "--data", f"{seed}.h5", "model=efnn", "depth=1", "width=2", *SMALL, cwd=here).done()
    outcome: Outcome = call("plot", "width", cwd=here).done()
    assert "runs that differ in dataset.content_sha256" in outcome.err
