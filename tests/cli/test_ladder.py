"""A ladder of temperatures and levels on the command line: stored, in references, and relabelled."""

import csv
from pathlib import Path

import h5py
import numpy as np
import pytest

from .conftest import call

QUICK = ("epochs=1", "width=3", "model.kernel_size=3", "training.optimizer=adam", "-q")


def arrays(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file if name != "metadata"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ladder with fields and levels."""
    here = tmp_path_factory.mktemp("ladder")
    words = ("sampling=ladder", "spin_sweeps=20", "fields=true", "levels=true")
    call("generate", "double_exchange", "--L", 4, "--samples", 80, *words, "-q", cwd=here).done()
    return here


def dataset(place: Path) -> Path:
    return sorted((place / "data").glob("double_exchange*.h5"), key=lambda path: path.stat().st_mtime)[0]


def test_every_configuration_has_its_temperature(place: Path):
    found = arrays(dataset(place))
    temperatures = found["temperatures"]
    finite = temperatures[np.isfinite(temperatures)]
    assert 0.02 <= finite.min() < finite.max() <= 1.0
    assert 0 < np.isinf(temperatures).sum() < 30
    assert found["levels"].shape == (80, 32)
    told = call("inspect", dataset(place), "--json", cwd=place).done().json()["metrics"]
    assert told["levels"] == 32
    assert told["temperatures"] == {
        "lowest": finite.min(), "highest": finite.max(), "infinite": np.isinf(temperatures).sum(),
    }  # fmt: skip


def test_any_number_of_workers_and_parts_draws_the_same(here: Path):
    words = ("generate", "heisenberg", "--L", 24, "--samples", 900, "sampling=ladder", "spin_sweeps=2")
    call(*words, "--workers", 1, "-q", cwd=here).done()
    (path,) = (here / "data").glob("*.h5")
    whole = arrays(path)
    path.unlink()
    for index in (1, 0):
        call(*words, "--shards", 2, "--shard-index", index, "-q", cwd=here).done()
    call("merge", *words[1:], cwd=here).done()
    for name, array in arrays(path).items():
        assert np.array_equal(array, whole[name]), name
    assert len(set(whole["temperatures"][np.isfinite(whole["temperatures"])])) > 600


def test_relabelled_energies_are_those_of_new_labels(place: Path):
    old = dataset(place)
    done = call("relabel", old, "system.T=0.05", "system.mu=-8", "--json", cwd=place).done().json()
    assert any("fields are left out" in each for each in done["warnings"])
    new = place / done["outputs"]["dataset"]
    words = ("generate", "double_exchange", "system.T=0.05", "system.mu=-8", "--spins", old, "--out", "direct.h5")
    call(*words, "levels=true", "-q", cwd=place).done()
    found, direct, before = arrays(new), arrays(place / "direct.h5"), arrays(old)
    np.testing.assert_allclose(found["energies"], direct["energies"], rtol=1e-12)
    np.testing.assert_allclose(found["levels"], direct["levels"], rtol=1e-10, atol=1e-10)
    assert abs(found["energies"] - before["energies"]).min() > 0.1  # negative control
    assert "fields" not in found
    again = call("relabel", old, "system.T=0.05", "system.mu=-8", "--json", "-q", cwd=place).done().json()
    assert again["outputs"] == done["outputs"]
    call("train", *QUICK, "system=double_exchange", "system.T=0.05", cwd=place).done()  # and a network of them


def test_what_cannot_be_relabelled(place: Path, here: Path):
    old = dataset(place)
    call("relabel", old, "system.J=8", cwd=here).failed(2, "system.J", "system.T")
    call("relabel", old, "system.filling=0.5", cwd=here).failed(2, "system.filling", "system.mu", "--spins")
    call("relabel", old, cwd=here).failed(2, "system.T")
    call("relabel", old, "system.T=0.1", cwd=here).failed(2, "already")
    call("generate", "heisenberg", "--L", 4, "--samples", 20, "-q", cwd=here).done()
    call("relabel", next((here / "data").glob("*.h5")), "system.T=0.2", cwd=here).failed(3, "levels=true")
    call("generate", "heisenberg", "levels=true", cwd=here).failed(2, "levels")
    call("generate", "double_exchange", "levels=true", "reference=determinant", cwd=here).failed(2, "reference=dense")
    call("generate", "double_exchange", "levels=true", "system.twists=2", cwd=here).failed(2, "system.twists=1")
    call("generate", "heisenberg", "sampling=ladder", "spin_temperature=0.1", cwd=here).failed(
        2, "LOW:HIGH", "0.02:1.0"
    )
    call("generate", "heisenberg", "sampling=ladder", "spin_temperature=1:0.1", cwd=here).failed(2, "spin_temperature")
    call("generate", "heisenberg", "ladder.uniform=0.1", cwd=here).failed(2, "sampling=ladder")


def test_references_of_several_temperatures(place: Path):
    """Every temperature has its references and its rows; a ladder has errors by temperature."""
    data = dataset(place)
    run = call("train", "--data", data, *QUICK, "--json", cwd=place).done().json()["outputs"]["run"]
    for words in (("thermal", "0.1"), ("thermal", "0.5"), ("ladder", "0.05:2")):
        keys = (f"sampling={words[0]}", f"spin_temperature={words[1]}", "spin_sweeps=5", "--samples", 20)
        call("extrapolate", run, "--L", 4, *keys, "-q", cwd=place).done()
    with (place / run / "extrapolation.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["spin_temperature"] for row in table] == ["0.05:2", "0.1", "0.5"]
    assert len({row["rmse"] for row in table}) == 3
    found = call("evaluate", run, "--data", data, "--json", "-q", "split=train", cwd=place).done().json()["metrics"]
    bins = found["temperatures"]
    assert sum(each["samples"] for each in bins) == found["samples"]
    assert bins[-1]["from"] is None
    total = sum(each["samples"] * each["rmse"] ** 2 for each in bins) / found["samples"]
    assert total == pytest.approx(found["rmse"] ** 2)
