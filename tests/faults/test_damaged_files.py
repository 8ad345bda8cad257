"""Damaged files and files of another kind: refused in one sentence with exit 3, or read as what they were."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from cli.conftest import Outcome, call, files_below

from efnn_cli.core.errors import InputError
from efnn_cli.evaluation import size_table
from efnn_cli.runs.folder import RunFolder
from efnn_cli.storage import checkpoint, dataset, hdf5

from .conftest import DATA, TRAIN, Example

FROZEN = Path(__file__).parent.parent / "data"
HDF5: dict[str, Callable[[Path], Any]] = {
    "dataset": dataset.read,
    "best.h5": checkpoint.read,
    "last.h5": checkpoint.read,
}
TABLES: dict[str, Callable[[Path], Any]] = {
    "metrics.csv": lambda path: RunFolder(path.parent).rows(),
    "extrapolation.csv": size_table.read_table,
}


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal to the last bit."""
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, (dataset.Dataset, checkpoint.Checkpoint)):
        return same(vars(one), vars(other))
    return bool(one == other)


def content_bytes(path: Path) -> list[int]:
    """Positions in the file of all bytes of its arrays and of its metadata."""
    found: list[int] = []

    def add(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset) and name != "metadata" and node.nbytes:
            start = node.id.get_offset()
            found.extend(range(start, start + node.nbytes))

    with h5py.File(path) as file:
        file.visititems(add)
        text = file["metadata"][()]
    start = path.read_bytes().index(text)
    return [*found, *range(start, start + len(text))]


@pytest.mark.parametrize("amount", [50, pytest.param(2000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", HDF5)
def test_every_flipped_bit_of_the_content_is_found(example: Example, name: str, amount: int):
    path, chance = example.file(name), random.Random(1)
    image, places = path.read_bytes(), content_bytes(path)
    for place in chance.sample(places, min(amount, len(places))):
        damaged = bytearray(image)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=path.name):
            HDF5[name](path)
    path.write_bytes(image)
    HDF5[name](path)


@pytest.mark.parametrize("name", HDF5)
def test_cut_at_every_percent(example: Example, name: str):
    path = example.file(name)
    image = path.read_bytes()
    for percent in range(100):
        path.write_bytes(image[: len(image) * percent // 100])
        with pytest.raises(InputError, match=path.name):
            HDF5[name](path)


@pytest.mark.parametrize("name", TABLES)
def test_a_cut_table_keeps_its_whole_rows(example: Example, name: str):
    path, read = example.file(name), TABLES[name]
    image, whole = path.read_bytes(), read(path)
    head = image.index(b"\n") + 1
    for end in range(head, len(image)):
        path.write_bytes(image[:end])
        assert read(path) == whole[: image[:end].count(b"\n") - 1]


def test_files_of_older_versions_are_read(example: Example):
    """HDF5 with a user block of 512 bytes, YAML with a first line, JSON with a key, and CSV with a column more."""
    for name, read in (("dataset", dataset.read), ("checkpoint", checkpoint.read)):
        with h5py.File(FROZEN / f"{name}-v1-sealed.h5") as file:
            assert file.userblock_size == 512
        assert same(read(FROZEN / f"{name}-v1-sealed.h5"), read(FROZEN / f"{name}-v1.h5"))
    folder = RunFolder(example.run)
    config, rows = folder.read_config(), folder.rows()
    text = folder.config_file.read_text()
    folder.config_file.write_text(f"# sha256 of all lines below: {'0' * 64}\n{text}")
    folder.summary_file.write_text(json.dumps({**folder.read_summary(), "sha256": "0" * 64}))
    head, *lines = folder.metrics_file.read_text().splitlines()
    folder.metrics_file.write_text("\n".join([f"{head},crc32", *(f"{line},0a1b2c3d" for line in lines), ""]))
    assert (folder.read_config(), folder.rows()) == (config, rows)
    call("train", "--resume", example.run, cwd=example.root).done()


def test_a_dataset_that_does_not_say_how_it_was_labelled(example: Example):
    key = "method"
    arrays, head = hdf5.read(example.dataset, dataset.FORMAT, 1)
    del head["reference"][key]
    hdf5.write(example.dataset, arrays, head)
    for words in (DATA, ("inspect", example.dataset.relative_to(example.root)), (*TRAIN, "seed=7")):
        call(*words, cwd=example.root).failed(3, example.dataset.name, key)


@pytest.mark.parametrize("text", ["spins", '{"format": "efnn-dataset", "schema_version": "1"}'])
def test_metadata_that_say_nothing(tmp_path: Path, text: str):
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file["metadata"] = text
        file["spins"], file["energies"] = np.zeros((2, 4)), np.zeros(2)
    call("inspect", "bad.h5", cwd=tmp_path).failed(3, "bad.h5")
    with pytest.raises(InputError, match=r"bad\.h5"):
        dataset.read(tmp_path / "bad.h5")


# ------------------------------------------------------------------ files of another kind


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("spins energies\n0.1 0.2\n")


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["measurements"] = np.arange(5.0)


def folder(path: Path) -> None:
    path.mkdir()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.symlink_to(path)


KINDS = (empty, text, foreign, folder, fifo, loop)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_another_kind_of_file(example: Example, make: Callable[[Path], None]):
    """Every command refuses it: as a dataset, spins, a checkpoint, and to be inspected."""
    make(example.root / "bad.h5")
    make(example.root / "bad.npy")
    before = files_below(example.root)
    run = example.run.relative_to(example.root)
    for args in (
        ("train", "--data", "bad.h5", "epochs=1"),
        ("evaluate", run, "--data", "bad.h5"),
        ("generate", "heisenberg", "--spins", "bad.h5"),
        ("predict", run, "--spins", "bad.npy"),
        ("predict", "bad.h5", "--spins", "s.npy"),
        ("inspect", "bad.h5"),
    ):
        call(*args, cwd=example.root).failed(3, "bad.")
    assert files_below(example.root) == before


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name",
    [
        "summary.json",
        "best.h5",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("config.yaml", "metrics.csv", "last.h5", "run.log")),
    ],
)
@pytest.mark.parametrize("make", [empty, folder, fifo, loop], ids=lambda make: make.__name__)
def test_another_kind_of_file_in_a_run_folder(example: Example, name: str, make: Callable[[Path], None]):
    """Inspected, evaluated, asked for again and resumed: no defect, no wait, nothing half written."""
    (example.run / name).unlink()
    make(example.run / name)
    run = example.run.relative_to(example.root)
    allowed = {0, 3}
    if name == "run.log" or make is folder:
        allowed.add(74)  # it cannot be written
    if name in ("config.yaml", "last.h5") and make in (empty, loop):
        allowed.add(6)  # something else is there, or weights that would be lost
    outcomes = [call(*words, cwd=example.root) for words in (("inspect", run), ("evaluate", run), TRAIN)]
    if name != "summary.json":
        (example.run / "summary.json").unlink()
        outcomes.append(call("train", "--resume", run, cwd=example.root))
    for outcome in outcomes:
        check(outcome, allowed)
    assert not list(example.run.rglob("*.tmp"))


def check(outcome: Outcome, allowed: set[int]) -> None:
    assert outcome.code in allowed, (outcome.code, outcome.err)
    assert "Traceback" not in outcome.err
    assert outcome.err.count("error: ") == (outcome.code != 0), outcome.err
