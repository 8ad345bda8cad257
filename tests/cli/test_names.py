"""Names that are not UTF-8, which Unix allows: they work, or are refused before anything is written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

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
