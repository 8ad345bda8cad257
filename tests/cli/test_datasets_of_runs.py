"""The dataset of a run where it is looked for: damaged, closed or gone, and each said as it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from .conftest import SMALL, Workshop, call, files_below

NET = "lattice net"


def flipped(path: Path) -> str:
    with h5py.File(path, "a") as file:
        file["spins"][0] *= -1
    return "its checksum does not match"


def cut(path: Path) -> str:
    path.write_bytes(path.read_bytes()[:-100])
    return "not a readable HDF5 file"


def folder(path: Path) -> str:
    path.unlink()
    path.mkdir()
    return "not a regular file"


def loop(path: Path) -> str:
    path.unlink()
    path.symlink_to(path)
    return "cannot be read"


@pytest.mark.parametrize("spoil", [flipped, cut, folder, loop], ids=lambda each: each.__name__)
def test_it_is_there_and_damaged(copied: Workshop, spoil: Callable[[Path], str]):
    run, data = copied.run(NET), copied.dataset("lattice")
    (copied.root / run / "summary.json").unlink()
    why = spoil(copied.root / data)
    before = files_below(copied.root)
    for words in (("evaluate", run), ("train", "--resume", run), ("plot", "parity", run)):
        outcome = call(*words, cwd=copied.root).failed(3, "is there, but", str(data), why, "efnn generate")
        assert "neither" not in outcome.err
    assert files_below(copied.root) == before


def test_a_good_copy_under_another_name_is_found(copied: Workshop):
    run, data = copied.run(NET), copied.root / copied.dataset("lattice")
    shutil.copy(data, data.with_name("zz.h5"))
    flipped(data)
    call("evaluate", run, cwd=copied.root).done()


def test_it_is_gone(copied: Workshop):
    """What is offered is what the command then takes: another one can judge, and only this one can be gone on with."""
    run, data, root = copied.run(NET), copied.dataset("lattice"), copied.root
    (root / data).rename(root / "moved.h5")
    call("generate", "heisenberg", "--L", 5, "--samples", 20, "--out", "other.h5", cwd=root).done()
    (root / run / "summary.json").unlink()
    same, only = "another dataset of the same Hamiltonian, with --data", "only that very dataset will do"
    call("evaluate", run, cwd=root).failed(3, "neither at", same)
    call("plot", "parity", run, cwd=root).failed(3, "neither at", same)
    call("evaluate", run, "--data", "other.h5", cwd=root).done()
    assert "--data" not in call("plot", "spins", run, cwd=root).failed(3, "neither at", "data/, or beside the run").err
    assert (
        "same Hamiltonian" not in call("train", "--resume", run, cwd=root).failed(3, "neither at", only, "--data").err
    )
    call("train", "--resume", run, "--data", "other.h5", cwd=root).failed(3, "other.h5 is not the dataset", only)
    call("train", "--resume", run, "--data", "moved.h5", cwd=root).done()


def test_no_dataset_can_be_read(copied: Workshop):
    for path in (copied.root / "data").glob("*.h5"):
        cut(path)
    call("train", "model=efnn", "depth=1", *SMALL, cwd=copied.root).failed(3, "4 cannot be read", "efnn generate")
