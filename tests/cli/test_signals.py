"""Signals to real trainings: an orderly end, and a result that does not know of the interruption."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import h5py
import numpy as np

from .conftest import begin_efnn, call, finish, run_efnn, wait_for

EPOCHS = 150
ENDLESS = 1_000_000


def command(epochs: int, *words: str) -> tuple[object, ...]:
    network = ("model=efnn", "depth=2", "width=12")
    return ("train", *network, f"epochs={epochs}", "training.batch_size=20", "--device", "cpu", "--json", *words)


LIGHT = ("training.optimizer=adam",)


def make_data(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    call("generate", "three_spin", "--L", 6, "--samples", 80, "--device", "cpu", cwd=folder).done()


def rows(run: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv without the column that is a time."""
    found = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    return [{key: value for key, value in row.items() if key != "seconds"} for row in found]


def arrays(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, node: found.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None)
    del found["metadata"]
    return found


def only_run(folder: Path) -> Path:
    (run,) = (folder / "outputs").iterdir()
    return run


def begun(folder: Path, epochs: int) -> bool:
    """Whether the one run in `folder` has done `epochs` epochs, and its process goes on with more."""
    tables = list((folder / "outputs").glob("*/metrics.csv"))
    return bool(tables) and tables[0].read_text().count("\n") > epochs


def interrupt(folder: Path, signum: signal.Signals, epochs: int) -> tuple[int, str]:
    """Start the training, send it `signum` after `epochs` epochs, and return its code and messages."""
    with begin_efnn(*command(EPOCHS), cwd=folder) as process:
        wait_for(lambda: begun(folder, epochs) or process.poll() is not None)
        process.send_signal(signum)
        outcome = finish(process)
    return outcome.code, outcome.err


def test_interrupted_twice_the_result_is_the_same(tmp_path: Path):
    calm, disturbed = tmp_path / "calm", tmp_path / "disturbed"
    make_data(calm)
    make_data(disturbed)
    code, err = interrupt(disturbed, signal.SIGTERM, 10)
    assert code == 143, err
    assert "SIGTERM" in err
    assert "Traceback" not in err
    run = only_run(disturbed)
    first = len(rows(run))
    assert 10 <= first < EPOCHS
    assert not (run / "summary.json").exists()
    assert (run / "last.h5").exists()
    assert "--resume" in err
    assert run.name in err

    code, err = interrupt(disturbed, signal.SIGINT, first + 10)
    assert code == 130, err
    assert f"resumed after epoch {first} " in err
    assert "Traceback" not in err
    assert first < len(rows(run)) < EPOCHS

    with (run / "metrics.csv").open("a") as table:
        table.write("99999,1,0.0")  # half a row, as a killed process may leave it
    finished = run_efnn(*command(EPOCHS), cwd=disturbed).done()
    assert "resumed" in finished.err
    reference = call(*command(EPOCHS), cwd=calm).done()

    twin = only_run(calm)
    assert run.name == twin.name
    assert len(rows(run)) == EPOCHS
    assert rows(run) == rows(twin)
    for name in ("best.h5", "last.h5"):
        ours, theirs = arrays(run / name), arrays(twin / name)
        assert ours.keys() == theirs.keys()
        assert ours
        for key, value in ours.items():
            assert np.array_equal(value, theirs[key]), f"{name}: {key} differs"
    for part in ("train", "val", "test"):
        assert finished.json()["metrics"][part] == reference.json()["metrics"][part]
    assert finished.json()["metrics"]["epochs"] == EPOCHS
    ours, theirs = (json.loads((each / "summary.json").read_text()) for each in (run, twin))
    assert ours["best_epoch"] == theirs["best_epoch"]


def test_living_run_is_in_use(tmp_path: Path):
    make_data(tmp_path)
    with begin_efnn(*command(ENDLESS, *LIGHT), cwd=tmp_path) as process:
        wait_for(lambda: begun(tmp_path, 1) or process.poll() is not None)
        try:
            second = call(*command(ENDLESS, *LIGHT), cwd=tmp_path)
            inspected = call("inspect", only_run(tmp_path), "--json", cwd=tmp_path)
            nothing = call("evaluate", cwd=tmp_path)
        finally:
            process.send_signal(signal.SIGTERM)
            outcome = finish(process)
    assert outcome.code == 143, outcome.err
    error = outcome.json()
    assert (error["code"], error["status"], error["command"]) == (143, "error", "train")
    assert second.code == 6, second.err
    assert second.json()["code"] == 6
    assert str(process.pid) in second.err
    assert inspected.json()["metrics"]["status"] == "begun"
    nothing.failed(3, "efnn train")
    assert call("inspect", only_run(tmp_path), "--json", cwd=tmp_path).json()["metrics"]["epochs"] >= 1


def test_signal_while_labelling(tmp_path: Path):
    """Finished shards stay, and the same command continues from them to the dataset it would have made."""
    args = ("generate", "double_exchange", "--L", 6, "--samples", 1800, "--workers", 1, "--device", "cpu")
    with begin_efnn(*args, cwd=tmp_path) as process:
        wait_for(lambda: any(tmp_path.glob("data/.*.shards/*.h5")) or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        outcome = finish(process).failed(130, "SIGINT")
    shards = list(tmp_path.glob("data/.*.shards/*.h5"))
    assert shards, outcome.err
    assert not list(tmp_path.glob("data/*.h5"))
    call("train", cwd=tmp_path).failed(3, "efnn generate")
    ages = {path: path.stat().st_mtime_ns for path in shards}
    plan = call(*args, "--dry-run", "--json", cwd=tmp_path).done().json()
    assert {path: path.stat().st_mtime_ns for path in shards} == ages
    done = call(*args, "--json", cwd=tmp_path).done()
    assert done.json()["outputs"] == plan["outputs"]
    whole = call(*args, "--out", "whole.h5", cwd=tmp_path).done()
    assert whole.code == 0
    ours, theirs = arrays(tmp_path / done.json()["outputs"]["dataset"]), arrays(tmp_path / "whole.h5")
    assert all(np.array_equal(ours[name], theirs[name]) for name in ("spins", "energies"))
    assert not list(tmp_path.glob("data/.*")), "shards and lock are removed"
