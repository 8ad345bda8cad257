"""Asking again: the same command means the same place; what is "most recent"; two processes at once."""

import json
import os
import shutil
from pathlib import Path

import h5py

from .conftest import Workshop, begin_efnn, call, files_below, finish_after, wait_for

OLD = 1_600_000_000


def age(*paths: Path) -> None:
    """Make the first path the oldest, each later one a minute younger."""
    for index, path in enumerate(paths):
        os.utime(path, (OLD + 60 * index, OLD + 60 * index))


def chosen(shop: Workshop, *args: object) -> str:
    """The dataset that a training would take."""
    outcome = call("train", *args, "--dry-run", cwd=shop.root).done()
    (line,) = (line for line in outcome.err.splitlines() if line.startswith("dataset: "))
    return line.removeprefix("dataset: ")


def judged(shop: Workshop, *args: object) -> str:
    """The run that an evaluation takes."""
    outcome = call("evaluate", *args, cwd=shop.root).done()
    (line,) = (line for line in outcome.err.splitlines() if line.startswith("run: "))
    return line.removeprefix("run: ")


def test_generate_twice(copied: Workshop):
    path = copied.root / copied.dataset("hopping")
    content = path.read_bytes()
    before = files_below(copied.root)
    age(path)
    again = call("generate", "double-exchange", "system.L=4", "samples=60", "-v", "--json", cwd=copied.root).done()
    assert again.json() == copied.made["hopping"].json()
    assert "was there" in again.err
    assert path.stat().st_mtime > OLD + 3600
    assert path.read_bytes() == content
    assert files_below(copied.root) == before


def test_train_twice(copied: Workshop):
    run = copied.root / copied.run("hopping fit")
    stored = {name: (run / name).read_bytes() for name in ("best.h5", "last.h5", "metrics.csv", "summary.json")}
    data = copied.dataset("hopping")
    age(run / "summary.json")
    again = call("train", "--data", data, "model=effective", "--device", "cpu", "--json", cwd=copied.root).done()
    first = copied.made["hopping fit"].json()
    assert (again.json()["metrics"], again.json()["outputs"]) == (first["metrics"], first["outputs"])
    assert "finished already" in again.err
    assert {name: (run / name).read_bytes() for name in stored} == stored
    assert judged(copied) == str(copied.run("hopping fit")), "asking again makes a run the most recent one"


def test_latest_dataset_goes_by_modification_time(copied: Workshop):
    lattice, binary, hopping, scalar = (
        copied.root / copied.dataset(name) for name in ("lattice", "binary", "hopping", "scalar")
    )
    age(hopping, lattice, scalar, binary)
    assert chosen(copied) == str(copied.dataset("binary"))
    assert chosen(copied, "system=double_exchange") == str(copied.dataset("hopping"))
    assert chosen(copied, "system=heisenberg") == str(copied.dataset("scalar"))
    assert chosen(copied, "system=heisenberg", "system.variant=lattice") == str(copied.dataset("lattice"))
    age(binary, hopping, scalar, lattice)
    assert chosen(copied) == str(copied.dataset("lattice"))
    call("generate", "three_spin", "--L", 6, "--samples", 60, cwd=copied.root).done()
    assert chosen(copied) == str(copied.dataset("binary")), "asking again makes a dataset the most recent one"


def test_latest_run_goes_by_modification_time(copied: Workshop):
    names = ("lattice net", "hopping fit", "lattice twin", "binary net")
    for order in (names, names[::-1]):
        age(*(copied.root / copied.run(name) / "summary.json" for name in order))
        assert judged(copied) == str(copied.run(order[-1]))
    (copied.root / copied.run("lattice net") / "summary.json").unlink()
    assert judged(copied) == str(copied.run("hopping fit")), "a run that is not finished is not picked"


def test_references_are_never_picked(copied: Workshop):
    args = (copied.run("lattice net"), "--L", 5, "--samples", 4)
    call("extrapolate", *args, cwd=copied.root).done()
    (reference,) = (copied.root / "data" / "references").glob("*.h5")
    assert chosen(copied) != str(reference.relative_to(copied.root))
    stray = copied.root / "data" / reference.name
    shutil.copy(reference, stray)
    os.utime(stray, (2 * OLD, 2 * OLD))
    assert chosen(copied) == str(copied.dataset("lattice"))
    with h5py.File(reference) as file:
        assert json.loads(file["metadata"].asstr()[()])["purpose"] == "reference"


def test_two_processes_make_one_dataset(tmp_path: Path):
    """The second one begins while the first is at work, waits for it, and gives its very result."""
    args = ("generate", "double_exchange", "--L", 8, "--samples", 400, "--workers", 1, "--json")
    with begin_efnn(*args, cwd=tmp_path) as one:
        wait_for(lambda: any(tmp_path.glob("data/.*.shards/*.h5")) or one.poll() is not None)
        with begin_efnn(*args, cwd=tmp_path) as other:
            first, second = (each.done() for each in finish_after(other, one))
    assert f"is being made by process {one.pid} on " in second.err
    assert "was there already" in second.err
    assert first.json() == second.json(), "also the seconds, which two labellings would not share"
    assert files_below(tmp_path) == {first.json()["outputs"]["dataset"]}


def test_same_dataset_wherever_it_was_made(here: Path):
    """The run is named by the content of its dataset, not by the place."""
    args = ("generate", "heisenberg", "--L", 4, "--samples", 24)
    names = []
    for place in ((), ("--out", "elsewhere/mine.h5")):
        data = call(*args, *place, "--json", cwd=here).json()["outputs"]["dataset"]
        plan = call("train", "--data", data, "depth=1", "epochs=1", "--dry-run", "--json", cwd=here).done()
        names.append(plan.json()["outputs"]["run"])
    assert names[0] == names[1]


def test_three_lines(here: Path):
    """The commands of the introduction, made small, one after the other and with nothing else given."""
    call("generate", "heisenberg", "--L", 5, "--samples", 40, cwd=here).done()
    trained = call("train", "model=efnn", "depth=3", "epochs=1", "training.optimizer=adam", cwd=here).done()
    assert "data/heisenberg-L5-n40-s0-" in trained.err
    carried = call("extrapolate", "--L", 8, "--samples", 3, cwd=here).done()
    assert "outputs/heisenberg-efnn-d3-s0-" in carried.err
    assert {path.split("/")[0] for path in files_below(here)} == {"data", "outputs"}
