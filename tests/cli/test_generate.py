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


@pytest.mark.parametrize(
    "extra", [(), ("--overwrite",), ("--overwrite", "--dry-run"), ("--shards", 2, "--shard-index", 0)]
)
def test_a_folder_cannot_be_the_dataset(here: Path, extra: tuple[object, ...]):
    (here / "mine").mkdir()
    call(*HOPPING, "--out", "mine", *extra, cwd=here).failed(6, "mine", "folder")
    assert list(here.iterdir()) == [here / "mine"]
    assert not list((here / "mine").iterdir())


IDLE = [
    (("heisenberg", "tolerance=1e-8"), ("tolerance", "no effect", "reference=formula")),
    (("three_spin", "tolerance=1e-8"), ("tolerance", "reference=formula")),
    (("double_exchange", "reference=dense", "tolerance=1e-8"), ("tolerance", "reference=dense", "determinant")),
    (("double_exchange", "--L", 4, "tolerance=1e-10"), ("tolerance", "reference=dense", "determinant")),
    (("double_exchange", "--L", 40, "fields=true", "tolerance=1e-8"), ("tolerance", "reference=dense")),
    (("heisenberg", "spin_sweeps=50"), ("spin_sweeps", "sampling=uniform_sphere", "thermal")),
    (("heisenberg", "spin_temperature=1"), ("spin_temperature", "sampling=uniform_sphere", "thermal")),
    (("three_spin", "spin_coupling=1"), ("spin_coupling", "sampling=uniform")),
    (("heisenberg", "--spins", "none.npy", "--seed", 0), ("seed", "--spins")),
    (("heisenberg", "--spins", "none.npy", "sampling=uniform_sphere"), ("sampling", "--spins")),
    (("heisenberg", "--spins", "none.npy", "sampling=thermal", "spin_temperature=1"), ("sampling", "--spins")),
    (("heisenberg", "--spins", "none.npy", "spin_sweeps=5"), ("spin_sweeps", "--spins")),
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


def test_users_own_defaults_of_idle_keys_change_no_name(here: Path):
    """A YAML file may set what the words did not: the name follows the content alone."""
    folder = here / "conf" / "system"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - /system/heisenberg@system\n  - _self_\ntolerance: 1.0e-6\nspin_sweeps: 7\n"
    )
    np.save(here / "s.npy", np.ones((2, 3, 5, 5)) / np.sqrt(3))
    for words in ((), ("--spins", "s.npy")):
        usual, own = (
            call("generate", system, *words, "--config-dir", "conf", "--dry-run", "--json", cwd=here).done().json()
            for system in ("heisenberg", "mine")
        )
        assert usual["outputs"] == own["outputs"]


@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "byte"])
def test_a_damaged_dataset(copied: Workshop, kind: str):
    """It is said how to label it again, and that does it."""
    path = copied.root / copied.dataset("hopping")
    good = path.read_bytes()
    where = len(good) // 2
    spoiled = {
        "truncated": good[:-2000],
        "empty": b"",
        "text": b"text",
        "byte": good[:where] + bytes([good[where] ^ 1]) + good[where + 1 :],
    }
    path.write_bytes(spoiled[kind])
    for words in (HOPPING, (*HOPPING, "--shards", 2, "--shard-index", 0), ("merge", *HOPPING[1:])):
        call(*words, cwd=copied.root).failed(3, path.name, "--overwrite")
    assert path.read_bytes() == spoiled[kind]
    outcome = call(*HOPPING, "--overwrite", "--json", cwd=copied.root).done()
    assert outcome.json()["metrics"]["mean"] == copied.made["hopping"].json()["metrics"]["mean"]
    call("inspect", path, cwd=copied.root).done()


def test_a_damaged_dataset_of_a_name_of_its_own(here: Path):
    """Whether it was this dataset cannot be known: nothing is overwritten unasked."""
    call(*HOPPING, "--out", "mine.h5", cwd=here).done()
    good = (here / "mine.h5").read_bytes()
    (here / "mine.h5").write_bytes(good[:-2000])
    call(*HOPPING, "--out", "mine.h5", cwd=here).failed(6, "mine.h5", "--overwrite")
    call(*HOPPING, "--out", "mine.h5", "--overwrite", cwd=here).done()


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
