"""What `generate` refuses early, what names its dataset, and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .conftest import Workshop, call, files_below

HOPPING = ("generate", "double_exchange", "--L", 4, "--samples", 60)


def planned(folder: Path, *words: object) -> str:
    return (
        call("generate", *words, "--samples", 6, "--dry-run", "--json", cwd=folder).done().json()["outputs"]["dataset"]
    )


@pytest.mark.parametrize("extra", [("--overwrite",), ("--shards", 2, "--shard-index", 0)])
def test_a_folder_cannot_be_the_dataset(here: Path, extra: tuple[object, ...]):
    (here / "mine").mkdir()
    call(*HOPPING, "--out", "mine", *extra, cwd=here).failed(6, "mine", "folder")
    assert list(here.iterdir()) == [here / "mine"]
    assert not list((here / "mine").iterdir())


IDLE = [
    (("heisenberg", "tolerance=1e-8"), ("tolerance", "no effect", "reference=formula")),
    (("double_exchange", "reference=dense", "tolerance=1e-8"), ("tolerance", "reference=dense", "determinant")),
    (("double_exchange", "--L", 40, "fields=true", "tolerance=1e-8"), ("tolerance", "reference=dense")),
    (("heisenberg", "spin_sweeps=50"), ("spin_sweeps", "sampling=uniform_sphere", "thermal")),
    (("heisenberg", "--spins", "none.npy", "--seed", 0), ("seed", "--spins")),
    (("heisenberg", "--spins", "none.npy", "sampling=uniform_sphere"), ("sampling", "--spins")),
    (("double_exchange", "--spins", "none.npy", "reference=dense", "tolerance=1e-8"), ("tolerance",)),
]


@pytest.mark.parametrize(("words", "named"), IDLE)
def test_keys_without_effect_are_refused(here: Path, words: tuple[object, ...], named: tuple[str, ...]):
    call("generate", *words, cwd=here).failed(2, "no effect", *named)
    if "--spins" not in words:
        typed = [f"system.L={word}" if word in (4, 40) else word for word in words if word != "--L"]
        call("config", "generate", f"system={typed[0]}", *typed[1:], cwd=here).failed(2, "no effect", *named)


def test_keys_with_an_effect_are_taken(here: Path):
    """Also where only one kind of device would take the method that has a tolerance."""
    names = set()
    for words in (
        ("double_exchange", "--L", 4, "reference=determinant"),
        ("double_exchange", "--L", 40),
        ("double_exchange", "--L", 8, "system.T=10"),
    ):
        names |= {planned(here, *words), planned(here, *words, "tolerance=1e-8")}
    assert len(names) == 6
    usual = ("heisenberg", "sampling=thermal", "spin_temperature=1")
    assert planned(here, *usual) != planned(here, *usual, "spin_sweeps=50")


def test_the_tolerance_of_given_spins(here: Path):
    """Their size decides what reference=auto may mean, so it is judged once they are read."""
    for size in (4, 40):
        up = np.zeros((1, 3, size, size))
        up[:, 2] = 1.0
        np.save(here / f"{size}.npy", up)
    call("generate", "double_exchange", "--spins", "4.npy", "tolerance=1e-8", cwd=here).failed(2, "tolerance", "L = 4")
    words = ("double_exchange", "--spins", "40.npy")
    plans = [
        call("generate", *words, *more, "--dry-run", "--json", cwd=here).done().json()["outputs"]["dataset"]
        for more in ((), ("tolerance=1e-8",))
    ]
    assert plans[0] != plans[1]


@pytest.mark.parametrize("kind", ["cut", "byte"])
def test_a_damaged_dataset(copied: Workshop, kind: str):
    """It is said how to label it again, and that does it."""
    path = copied.root / copied.dataset("hopping")
    good = path.read_bytes()
    where = len(good) // 2
    bad = good[:-2000] if kind == "cut" else good[:where] + bytes([good[where] ^ 1]) + good[where + 1 :]
    path.write_bytes(bad)
    for words in (HOPPING, ("merge", *HOPPING[1:])):
        call(*words, cwd=copied.root).failed(3, path.name, "--overwrite")
    assert path.read_bytes() == bad
    outcome = call(*HOPPING, "--overwrite", "--json", cwd=copied.root).done()
    assert outcome.json()["metrics"]["mean"] == copied.made["hopping"].json()["metrics"]["mean"]


def test_a_damaged_reference_is_labelled_anew(copied: Workshop):
    args = ("extrapolate", copied.run("lattice net"), "--L", 5, "--samples", 4, "--json")
    first = call(*args, cwd=copied.root).done().json()
    (reference,) = (copied.root / "data" / "references").glob("*.h5")
    reference.write_bytes(reference.read_bytes()[:-500])
    again = call(*args, cwd=copied.root).done().json()
    (warning,) = (each for each in again["warnings"] if "anew" in each)
    assert reference.name in warning
    assert [each["rmse"] for each in again["metrics"]["sizes"]] == [each["rmse"] for each in first["metrics"]["sizes"]]
    assert files_below(copied.root / "data" / "references") == {reference.name}
    assert not any("anew" in each for each in call(*args, cwd=copied.root).done().json()["warnings"])
