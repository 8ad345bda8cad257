"""Files of another run in a run folder: found by the hash that they carry, never taken for those of this run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import efnn_cli
from efnn_cli.core.errors import InputError
from efnn_cli.runs.folder import RunFolder
from efnn_cli.storage import documents

from .conftest import SMALL, Workshop, call, files_below

NET = "lattice net"
OTHERS = ("lattice twin", "binary net", "hopping fit")
AGAIN = ("model=efnn", "depth=1", *SMALL)


def bring(shop: Workshop, other: str, name: str, into: str = NET) -> Path:
    """The run, with the file `name` of another one."""
    run = shop.root / shop.run(into)
    shutil.copy(shop.root / shop.run(other) / name, run / name)
    return run


def tag(shop: Workshop, name: str) -> str:
    return shop.run(name).name[-8:]


@pytest.mark.parametrize("other", OTHERS)
def test_weights(copied: Workshop, other: str):
    run = bring(copied, other, "best.h5")
    np.save(copied.root / "s.npy", np.ones((2, 3, 6, 6)) / np.sqrt(3))
    before = files_below(copied.root)
    told = ("best.h5 belongs to another run", tag(copied, other), tag(copied, NET), "efnn train --resume")
    for words in (
        ("evaluate", run),
        ("evaluate", run / "best.h5"),
        ("predict", run, "--spins", "s.npy"),
        ("extrapolate", run, "--L", "3", "--samples", 2),
        ("plot", "parity", run),
    ):
        call(*words, cwd=copied.root).failed(3, *told)
    with pytest.raises(InputError, match="belongs to another run"):
        efnn_cli.load(run, "cpu")
    assert files_below(copied.root) == before


def test_what_cannot_be_written_again_is_not_to_be_removed(copied: Workshop):
    """Without last.h5 there is nothing to write best.h5 or summary.json again from."""
    run = bring(copied, "lattice twin", "best.h5")
    bring(copied, "lattice twin", "summary.json")
    (run / "last.h5").unlink()
    for words, name in ((("evaluate", run), "best.h5"), (("inspect", run), "summary.json")):
        outcome = call(*words, cwd=copied.root).failed(3, f"{name} belongs to another run", "put its own", "back")
        assert "remove" not in outcome.err


def test_what_the_hint_says_works(copied: Workshop):
    run = bring(copied, "lattice twin", "best.h5")
    (run / "best.h5").unlink()
    (run / "summary.json").unlink()
    found = call("train", "--resume", run, "--json", cwd=copied.root).done().json()
    assert found["metrics"]["test"] == copied.made[NET].json()["metrics"]["test"]
    assert call("evaluate", run, "--json", cwd=copied.root).done().json()["metrics"]["rmse"] == pytest.approx(
        found["metrics"]["test"]["rmse"]
    )


@pytest.mark.parametrize("other", OTHERS)
def test_summary(copied: Workshop, other: str):
    run = bring(copied, other, "summary.json")
    told = ("summary.json belongs to another run", tag(copied, other), tag(copied, NET), "remove it")
    call("train", "--data", copied.dataset("lattice"), *AGAIN, cwd=copied.root).failed(3, *told)
    call("inspect", run, cwd=copied.root).failed(3, *told)
    rows = call("runs", "--json", cwd=copied.root).done().json()["metrics"]["rows"]
    (row,) = (row for row in rows if row["run"] == str(copied.run(NET)))
    assert row["status"] == "unreadable"
    assert "summary.json belongs to another run" in row["error"]
    assert {row["status"] for row in rows if row["run"] != str(copied.run(NET))} == {"finished"}


@pytest.mark.parametrize("other", OTHERS)
def test_configuration(copied: Workshop, other: str):
    """The files beside it have another hash."""
    run = bring(copied, other, "config.yaml")
    hashes = (tag(copied, other), tag(copied, NET))
    call("inspect", run, cwd=copied.root).failed(3, "belongs to another run", *hashes)
    call("evaluate", run, cwd=copied.root).failed(3, "best.h5 belongs to another run", *hashes)
    assert call("train", "--resume", run, "--data", copied.dataset("lattice"), cwd=copied.root).code == 3
    call("train", "--data", copied.dataset("lattice"), *AGAIN, cwd=copied.root).failed(6, "is something else")
    rows = call("runs", "--json", cwd=copied.root).done().json()["metrics"]["rows"]
    (row,) = (row for row in rows if row["run"] == str(copied.run(NET)))
    assert (row["status"], row["model"]) == ("unreadable", None)


def test_training_anew_mends_it(copied: Workshop):
    run = bring(copied, "lattice twin", "config.yaml")
    for name in ("best.h5", "summary.json", "metrics.csv"):
        bring(copied, "binary net", name)
    call("train", "--data", copied.dataset("lattice"), *AGAIN, "--overwrite", cwd=copied.root).done()
    call("inspect", run, cwd=copied.root).done()
    call("evaluate", run, cwd=copied.root).done()
    call("plot", "curve", run, cwd=copied.root).done()


def test_epochs(copied: Workshop):
    run = bring(copied, "lattice twin", "metrics.csv")
    table = (run / "metrics.csv").read_bytes()
    told = ("metrics.csv belongs to another run", tag(copied, "lattice twin"), tag(copied, NET), "remove it")
    call("inspect", run, cwd=copied.root).failed(3, *told)
    call("plot", "curve", run, cwd=copied.root).failed(3, *told)
    (run / "summary.json").unlink()
    call("train", "--resume", run, cwd=copied.root).failed(3, *told)
    assert (run / "metrics.csv").read_bytes() == table
    rows = call("runs", "--json", cwd=copied.root).done().json()["metrics"]["rows"]
    assert "belongs to another run" in next(row["error"] for row in rows if row["run"] == str(copied.run(NET)))
    (run / "metrics.csv").unlink()
    call("train", "--resume", run, cwd=copied.root).done()
    call("inspect", run, cwd=copied.root).done()


def test_a_table_from_before_rows_named_their_run(copied: Workshop):
    """Is read, and says it after the next training in its folder."""
    run = copied.root / copied.run(NET)
    rows = [{key: row[key] for key in row if key != "run"} for row in RunFolder(run).rows()]
    (run / "metrics.csv").write_text(documents.table_text(list(rows[0]), rows))
    call("plot", "curve", run, cwd=copied.root).done()
    (run / "summary.json").unlink()
    call("train", "--resume", run, cwd=copied.root).done()
    assert [row["run"] for row in RunFolder(run).rows()] == [tag(copied, NET)] * 2


@pytest.mark.parametrize(
    "name", ["renamed", "heisenberg-mine", "heisenberg-efnn-d1-s0-copy", "heisenberg-efnn-d1-s0-12345678"]
)
def test_a_run_under_another_name(copied: Workshop, name: str):
    """As a whole it may be moved or copied anywhere."""
    run = copied.root / copied.run(NET)
    moved = Path(shutil.copytree(run, copied.root / "outputs" / name))
    call("inspect", moved, cwd=copied.root).done()
    call("evaluate", moved, cwd=copied.root).done()
    call("plot", "curve", moved, cwd=copied.root).done()
    rows = call("runs", "--json", cwd=copied.root).done().json()["metrics"]["rows"]
    assert {row["status"] for row in rows} == {"finished"}
    (moved / "summary.json").unlink()
    call("train", "--resume", moved, cwd=copied.root).done()
