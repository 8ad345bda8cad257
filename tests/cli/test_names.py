"""Names that are not UTF-8, which Unix allows: they work, or are refused before anything is written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from .conftest import SMALL, Workshop, call, files_below, run_efnn

BYTES = os.fsdecode(b"\xff\xfe")
SHOWN = "\\udcff\\udcfe"
AGAIN = ("model=efnn", "depth=1", *SMALL)


def renamed(shop: Workshop) -> Path:
    run = shop.root / shop.run("lattice net")
    return run.rename(run.with_name(BYTES)).relative_to(shop.root)


def test_training_refuses_them(copied: Workshop):
    run = renamed(copied)
    (copied.root / run / "summary.json").unlink()
    data = copied.root / f"{BYTES}.h5"
    shutil.copy(copied.root / copied.dataset("lattice"), data)
    before = files_below(copied.root)
    run_efnn("train", "--resume", run, cwd=copied.root).failed(3, "not UTF-8", SHOWN, "rename")
    call("train", "--data", data.name, *AGAIN, cwd=copied.root).failed(3, "not UTF-8", SHOWN, "rename")
    words = ("train", "--data", copied.dataset("lattice"), *AGAIN, "--out", f"outputs/new{BYTES}")
    call(*words, cwd=copied.root).failed(3, "not UTF-8", SHOWN, "rename")
    assert files_below(copied.root) == before


def test_evaluation_takes_them(copied: Workshop):
    run = renamed(copied)
    np.save(copied.root / f"{BYTES}.npy", np.ones((2, 3, 6, 6)) / np.sqrt(3))
    call("evaluate", run, "--out", "errors.h5", cwd=copied.root).done()
    call("predict", run, "--spins", f"{BYTES}.npy", "--out", "energies.h5", cwd=copied.root).done()
    call("extrapolate", run, "--L", 3, "--samples", 3, cwd=copied.root).done()
    for name in ("errors.h5", "energies.h5", run):
        found = call("inspect", name, "--json", cwd=copied.root).done().json()
    assert SHOWN in call("inspect", "errors.h5", cwd=copied.root).done().out
    assert found["metrics"]["status"] == "finished"
