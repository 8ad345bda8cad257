"""What `generate` refuses early, what names its dataset and its random streams, and damaged files."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from efnn_cli.core import rng
from efnn_cli.physics import SYSTEMS
from efnn_cli.storage import dataset

from .conftest import SMALL, Workshop, call, files_below

HOPPING = ("generate", "double_exchange", "--L", 4, "--samples", 60)


def planned(folder: Path, *words: object) -> str:
    """Where the dataset would lie."""
    return str(call("generate", *words, "--dry-run", "--json", cwd=folder).done().json()["outputs"]["dataset"])


@pytest.mark.parametrize("extra", [("--overwrite",), ("--shards", 2, "--shard-index", 0)])
def test_a_folder_cannot_be_the_dataset(here: Path, extra: tuple[object, ...]):
    (here / "mine").mkdir()
    call(*HOPPING, "--out", "mine", *extra, cwd=here).failed(6, "mine", "folder")
    assert list(here.iterdir()) == [here / "mine"]
    assert not list((here / "mine").iterdir())


IDLE = [
    (("heisenberg", "tolerance=1e-8"), ("tolerance", "no effect", "reference=formula")),
    (("double_exchange", "reference=dense", "tolerance=1e-8"), ("tolerance", "reference=dense", "determinant")),
    (("double_exchange", "--L", 4, "fields=true", "tolerance=1e-8"), ("tolerance", "reference=dense")),
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


# ------------------------------------------------------------------ names


FROZEN = Path(__file__).parent.parent / "data" / "dataset-v1.h5"
OTHERS = {  # of fields that are no numbers
    "spin_values": "[-1,1]", "variant": "infinite_range", "lattice": "triangular", "dm": "bulk", "twist": "[0.1,0]",
    "filling": "0.5",
}  # fmt: skip
FOREIGN = {"coupling_seed": ["system.variant=infinite_range"]}  # fields that need another key beside them
BATH = {"sampling": "thermal", "spin_temperature": 0.5, "spin_coupling": 1.0}
LABELLINGS = [
    {},
    *(
        {key: value}
        for key, value in (("samples", 50), ("seed", 1), ("sampling", "uniform_angles"), ("fields", "true"))
    ),
    *({"reference": method} for method in ("dense", "determinant")),
    *({"reference": "determinant", "tolerance": tolerance} for tolerance in (1e-8, 1e-7)),
    *(BATH | other for other in ({}, {"spin_temperature": 0.6}, {"spin_coupling": 2.0}, {"spin_sweeps": 7})),
]


def changed(field: dataclasses.Field[object]) -> str:
    """Another value of a field of a system."""
    if field.name in OTHERS:
        return OTHERS[field.name]
    default = {"L": 7}.get(field.name, field.default)
    return str(default + 1 if isinstance(default, int) else default * 1.25 + 0.01)  # type: ignore[operator]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_field_of_every_system_names_the_dataset(here: Path, system: str) -> None:
    names = [planned(here, system)]
    for field in dataclasses.fields(SYSTEMS[system]):  # type: ignore[arg-type]
        beside = FOREIGN.get(field.name, []) if system == "heisenberg" else []
        names.append(planned(here, system, *beside, f"system.{field.name}={changed(field)}"))
    assert len(set(names)) == len(names)


def test_every_key_of_a_labelling_names_the_dataset(here: Path) -> None:
    names = [
        planned(here, "double_exchange", *(f"{key}={value}" for key, value in keys.items())) for keys in LABELLINGS
    ]
    assert len(set(names)) == len(names)
    assert planned(here, "double_exchange", "--workers", "2", "--device", "cpu") == names[0]  # negative control


def test_a_file_of_another_temperature_is_another_dataset(here: Path) -> None:
    words = ("generate", "double_exchange", "--L", 3, "--samples", 4, "--out", "mine.h5")
    call(*words, cwd=here).done()
    call(*words, "system.T=0.1", cwd=here).done()
    call(*words, "system.T=0.2", cwd=here).failed(6, "mine.h5")


def test_every_random_stream_names_its_purpose(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str | int, ...]] = []

    def noted(function: str) -> None:
        original = getattr(rng, function)
        monkeypatch.setattr(rng, function, lambda seed, *names: asked.append(names) or original(seed, *names))

    noted("stream")
    noted("integer")
    call("generate", "heisenberg", "--L", 4, "--samples", 40, cwd=here).done()
    call("train", "model=efnn", "depth=1", *SMALL, cwd=here).done()
    call("generate", "three_spin", "--L", 6, "--samples", 10, cwd=here).done()
    assert all(isinstance(names[0], str) for names in asked), asked
    assert {names[0] for names in asked} == {"spins", "init", "epoch", "couplings"}
    assert len({names for names in asked if names[0] == "epoch"}) > 1


def test_the_same_seed_gives_the_configurations_of_the_first_version(here: Path) -> None:
    frozen = dataset.read(FROZEN)
    words = ("heisenberg", "--L", 4, "--samples", len(frozen), "--seed", 0)
    made = call("generate", *words, "--json", cwd=here).done().json()
    found = dataset.read(here / made["outputs"]["dataset"])
    np.testing.assert_allclose(found.spins, frozen.spins, rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.energies, frozen.energies, rtol=1e-12)
