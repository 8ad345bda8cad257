"""Names of datasets and of random streams hold everything that their numbers depend on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from efnn_cli.core import rng
from efnn_cli.physics import SYSTEMS
from efnn_cli.storage import dataset

from .conftest import SMALL, call

FROZEN = Path(__file__).parent.parent / "data" / "dataset-v1.h5"
OTHERS = {  # of fields that are no numbers
    "spin_values": "[-1,1]",
    "variant": "infinite_range",
    "lattice": "triangular",
    "dm": "bulk",
    "twist": "[0.1,0]",
    "filling": "0.5",
}
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


def planned(here: Path, system: str, *words: str) -> str:
    """Where the dataset would lie."""
    return str(call("generate", system, *words, "--dry-run", "--json", cwd=here).done().json()["outputs"]["dataset"])


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
