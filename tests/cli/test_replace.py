"""`train --overwrite`: the finished run stays as it is until the new one has ended, however the process ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Workshop, begin_efnn, call, environment, files_below, finish, wait_for

LONG = ("train", "model=efnn", "depth=2", "width=12", "epochs=120", "training.batch_size=20", "--device", "cpu")
FOLDER = {"config.yaml", "run.log", "metrics.csv", "last.h5", "best.h5", "summary.json", "lock"}


def contents(run: Path) -> dict[str, bytes]:
    """What is in the folder, but for the lock and what is being trained aside."""
    return {each.name: each.read_bytes() for each in run.iterdir() if each.is_file() and each.name != "lock"}


def rows_aside(run: Path) -> int:
    table = run / ".new" / "metrics.csv"
    return table.read_text().count("\n") if table.exists() else 0


def interrupt(folder: Path, run: Path, signum: signal.Signals, rows: int) -> tuple[int, str]:
    """Begin the training again, and send `signum` once `rows` lines stand in the new table."""
    with begin_efnn(*LONG, "--overwrite", cwd=folder) as process:
        wait_for(lambda: rows_aside(run) >= rows or process.poll() is not None)
        process.send_signal(signum)
        outcome = finish(process)
    return outcome.code, outcome.err


@pytest.mark.slow
def test_stopped_and_killed_it_leaves_the_old_run_and_goes_on(tmp_path: Path):
    call("generate", "three_spin", "--L", 6, "--samples", 80, cwd=tmp_path).done()
    first = call(*LONG, "--json", cwd=tmp_path).done().json()
    run = tmp_path / first["outputs"]["run"]
    before = contents(run)

    code, err = interrupt(tmp_path, run, signal.SIGTERM, 5)
    assert code == 143, err
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert contents(run) == before
    judged = call("evaluate", "--json", cwd=tmp_path).done()
    assert judged.warnings() == []
    assert judged.json()["metrics"]["rmse"] == first["metrics"]["test"]["rmse"]
    again = call(*LONG, "--json", cwd=tmp_path).done()
    assert "finished already" in again.err
    assert again.json()["metrics"] == first["metrics"]

    done = rows_aside(run)
    code, err = interrupt(tmp_path, run, signal.SIGKILL, done + 5)
    assert code == -signal.SIGKILL, err
    assert "resumed after epoch" in err
    assert contents(run)["best.h5"] == before["best.h5"]

    third = call(*LONG, "--overwrite", "--json", cwd=tmp_path).done()
    assert "resumed after epoch" in third.err
    assert {each.name for each in run.iterdir()} == FOLDER
    assert contents(run)["summary.json"] != before["summary.json"], "its times are new"
    assert all(third.json()["metrics"][part] == first["metrics"][part] for part in ("train", "val", "test"))


def test_results_of_the_old_weights_vanish_with_them(copied: Workshop):
    run = copied.run("hopping fit")
    call("predict", run, "--spins", copied.dataset("hopping"), cwd=copied.root).done()
    call("extrapolate", run, "--L", 3, "--samples", 3, cwd=copied.root).done()
    (copied.root / run / "notes.txt").write_text("precious")
    assert any(path.name.startswith("predictions-") for path in (copied.root / run).iterdir())
    args = ("train", "--data", copied.dataset("hopping"), "model=effective", "--overwrite")
    call(*args, cwd=copied.root).done()
    assert {each.name for each in (copied.root / run).iterdir()} == FOLDER | {"notes.txt"}


KILLER = """
import os, signal, sys
event, name = sys.argv[1:3]

def hook(what, args):
    if what == event and str(args[0]).endswith(name):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
from efnn_cli.cli import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize(
    ("event", "name", "extra"),
    [
        pytest.param("os.remove", "runs/a/summary.json", ("--overwrite",), marks=pytest.mark.slow),
        pytest.param("os.rename", "/.new/config.yaml", (), marks=pytest.mark.slow),
        pytest.param("os.rename", "/.new/best.h5", ("--overwrite",), marks=pytest.mark.slow),
        ("os.rename", "/.new/summary.json", ()),
    ],
)
def test_killed_in_the_exchange(copied: Workshop, event: str, name: str, extra: tuple[str, ...]):
    """A real process, killed right before it removes or renames the file; the next command completes the exchange."""
    root = copied.root
    old = ("train", "--data", copied.dataset("binary"), "model=dnn", "depth=1", "epochs=1", "--out", "runs/a")
    new = ("train", "--data", copied.dataset("hopping"), "model=effective", "--out", "runs/a")
    call(*old, cwd=root).done()
    command = [sys.executable, "-c", KILLER, event, name, *map(str, new), "--overwrite", "-q"]
    done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (root / "runs/a/.new/summary.json").exists()
    if event == "os.remove":
        assert call("evaluate", "runs/a", "--json", cwd=root).done().warnings() == []
    else:
        assert not (root / "runs/a/summary.json").exists()
    before = files_below(root)
    call(*new, "--dry-run", "--overwrite", cwd=root).done()
    assert files_below(root) == before
    outcome = call(*new, *extra, "--json", cwd=root).done()
    assert "training effective" not in outcome.err, "it had been trained already"
    assert {each.name for each in (root / "runs/a").iterdir()} == FOLDER
    shown = call("inspect", "runs/a", "--json", cwd=root).done().json()["metrics"]
    best = call("inspect", "runs/a/best.h5", "--json", cwd=root).done().json()["metrics"]
    assert shown["config"] == best["config"]
    assert (shown["status"], shown["config"]["model"]["name"]) == ("finished", "effective")
    assert shown["summary"]["metrics"] == outcome.json()["metrics"]
    call(*old, cwd=root).failed(6, "runs/a")


def test_resume_completes_the_exchange(copied: Workshop):
    """Between the removal of the old summary and the first rename, made by hand from real runs."""
    root, run = copied.root, copied.root / copied.run("lattice net")
    twin = root / copied.run("lattice twin")
    twin.rename(run / ".new")
    (run / ".new" / "lock").unlink()
    (run / "summary.json").unlink()
    found = call("train", "--resume", run, "--json", cwd=root).done().json()
    assert found["metrics"] == copied.made["lattice twin"].json()["metrics"]
    assert {each.name for each in run.iterdir()} == FOLDER
