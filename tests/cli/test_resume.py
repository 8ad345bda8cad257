"""What a training finds when it comes back, and what `--overwrite` leaves until the new run has ended."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from efnn_cli.core.errors import Interrupted, Stopped
from efnn_cli.core.signals import StopRequest
from efnn_cli.storage import checkpoint

from .conftest import SMALL, Workshop, begin_efnn, call, environment, files_below, finish, read_only, wait_for


def unfinished(shop: Workshop, name: str = "lattice net") -> Path:
    """A run whose training was stopped after its last epoch."""
    run = shop.root / shop.run(name)
    (run / "summary.json").unlink()
    return run


def same_command(shop: Workshop) -> tuple[object, ...]:
    return ("train", "--data", shop.dataset("lattice"), "model=efnn", "depth=1", *SMALL)


def stop_at_step(monkeypatch: pytest.MonkeyPatch, wanted: int) -> None:
    """Let a signal be heard before the step of this number, from 1; a small run has one an epoch."""
    steps = iter(range(1, wanted + 1))

    def check(request: StopRequest) -> None:
        if next(steps) == wanted:
            raise Stopped(15, "stopped by SIGTERM", request.hint)

    monkeypatch.setattr(StopRequest, "check", check)


@pytest.mark.parametrize("missing", ["hash", "receptive_field"])
def test_configuration_with_a_missing_key(copied: Workshop, missing: str):
    """What the dataset says as well is written again; the rest is refused."""
    run = unfinished(copied)
    config = yaml.safe_load((run / "config.yaml").read_text())
    whole = dict(config)
    del config[missing]
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    outcome = call("train", "--resume", run, cwd=copied.root)
    if missing == "hash":
        outcome.failed(3, "config.yaml")
    else:
        outcome.done()
        assert yaml.safe_load((run / "config.yaml").read_text()) == whole


CHOICES = ("put its own last.h5 back", "--overwrite", "efnn evaluate", "move best.h5 and last.h5 away")


def test_state_of_another_run(copied: Workshop):
    run = unfinished(copied)
    shutil.copy(copied.root / copied.run("lattice twin") / "last.h5", run / "last.h5")
    call("train", "--resume", run, cwd=copied.root).failed(3, "last.h5", "another run", *CHOICES)
    call(*same_command(copied), cwd=copied.root).failed(3, "last.h5", "another run")
    (run / "best.h5").unlink()
    call("train", "--resume", run, cwd=copied.root).failed(3, "last.h5", "another run", "remove it")
    (run / "last.h5").unlink()
    found = call(*same_command(copied), "--json", cwd=copied.root).done().json()
    assert found["metrics"]["test"] == copied.made["lattice net"].json()["metrics"]["test"]


@pytest.mark.parametrize("again", ["resume", "dry run", "sweep"])
def test_weights_without_the_state_are_kept(copied: Workshop, again: str):
    """Not even begun again: what is there is told, and what each choice does."""
    run = unfinished(copied)
    (run / "last.h5").unlink()
    words = {
        "resume": ("train", "--resume", run),
        "dry run": (*same_command(copied), "--dry-run"),
        "sweep": (*same_command(copied), "-m"),
    }[again]
    before = {name: (run / name).read_bytes() for name in files_below(run)}
    outcome = call(*words, cwd=copied.root)
    assert outcome.code == 6, outcome.err
    for each in ("(best.h5), but no last.h5", *(CHOICES if again != "sweep" else ())):
        assert each in outcome.err
    assert {name: (run / name).read_bytes() for name in files_below(run)} == before
    call("evaluate", run, cwd=copied.root).done()


def test_weights_without_the_state_stay_until_there_are_better_ones(copied: Workshop, monkeypatch: pytest.MonkeyPatch):
    run = unfinished(copied)
    (run / "last.h5").unlink()
    weights = (run / "best.h5").read_bytes()
    stop_at_step(monkeypatch, 2)
    assert call(*same_command(copied), "--overwrite", cwd=copied.root).code == 143
    assert (run / "best.h5").read_bytes() == weights
    monkeypatch.undo()
    found = call(*same_command(copied), "--overwrite", "--json", cwd=copied.root).done()
    assert "resumed after epoch 1" in found.err
    assert found.json()["metrics"]["test"] == copied.made["lattice net"].json()["metrics"]["test"]
    assert (run / "last.h5").exists()


def test_a_replacement_is_not_given_up_for_another(copied: Workshop, monkeypatch: pytest.MonkeyPatch):
    run = copied.root / copied.run("lattice net")
    stop_at_step(monkeypatch, 2)
    assert call(*same_command(copied), "--overwrite", cwd=copied.root).code == 143
    monkeypatch.undo()
    before = files_below(run)
    other = (*same_command(copied), "seed=5", "--out", run, "--overwrite")
    call(*other, cwd=copied.root).failed(6, ".new holds another training", "goes on with it", "remove")
    assert files_below(run) == before
    shutil.rmtree(run / ".new")
    call(*other, cwd=copied.root).done()


def without_optimizer(state: dict[str, Any]) -> None:
    del state["optimizer"]


def wrong_shape(state: dict[str, Any]) -> None:
    state["model"][next(iter(state["model"]))] = torch.zeros(1, 2, 3)


@pytest.mark.parametrize("spoil", [without_optimizer, wrong_shape])
def test_state_that_does_not_fit(copied: Workshop, spoil: Callable[[dict[str, Any]], None]):
    run = unfinished(copied)
    stored = checkpoint.read(run / "last.h5")
    spoil(stored.state)
    checkpoint.write(run / "last.h5", stored.config, stored.state)
    weights = (run / "best.h5").read_bytes()
    call("train", "--resume", run, cwd=copied.root).failed(3, "last.h5", *CHOICES)
    assert (run / "best.h5").read_bytes() == weights


@pytest.mark.slow
def test_a_finished_run_on_a_read_only_disk(copied: Workshop):
    done = read_only(copied.root, sys.executable, "-m", "efnn_cli", *same_command(copied), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"] == copied.made["lattice net"].json()["metrics"]
    done = read_only(copied.root, sys.executable, "-m", "efnn_cli", *same_command(copied), "seed=5")
    assert done.returncode == 74, done.stderr
    assert "--out" in done.stderr


@pytest.mark.parametrize("stop", [Stopped(15, "stopped by SIGTERM"), Interrupted(15)], ids=["asked", "at once"])
def test_the_log_of_a_stop(copied: Workshop, monkeypatch: pytest.MonkeyPatch, stop: BaseException):
    """It says so, and no more: there is nothing to search for in the program."""

    def check(request: StopRequest) -> None:
        raise stop

    monkeypatch.setattr(StopRequest, "check", check)
    assert call(*same_command(copied), "--out", "outputs/mine", cwd=copied.root).code == 143
    log = (copied.root / "outputs" / "mine" / "run.log").read_text().splitlines()
    assert log[-1].endswith(f" INFO {stop}")
    assert not [line for line in log if "Traceback" in line or "ERROR" in line]
    rows = call("runs", "--json", cwd=copied.root).done().json()["metrics"]["rows"]
    assert [row["status"] for row in rows if row["run"] == "outputs/mine"] == ["unfinished"]


def test_a_budget_of_time(copied: Workshop):
    """Two seconds, whatever the number of epochs; the same command finds it finished."""
    words = ("train", "--data", copied.dataset("lattice"), "model=dnn", "depth=1", "budget=2s", "training.ema=0.9")
    first = call(*words, "--json", cwd=copied.root).done()
    metrics = first.json()["metrics"]
    assert 1.9 <= metrics["seconds"] < 6  # it may end an epoch early; a loaded machine is late by one
    assert metrics["epochs"] > 2
    plan = call(*words, "seed=1", "--dry-run", "--json", cwd=copied.root).done().json()
    assert plan["metrics"]["epochs"] is None  # nobody knows yet
    again = call(*words, "--json", cwd=copied.root).done()
    assert again.json()["metrics"] == metrics
    assert "finished already" in again.err
    stored = call("evaluate", first.json()["outputs"]["run"], "split=val", "--json", cwd=copied.root).done().json()
    assert stored["metrics"]["rmse"] == pytest.approx(metrics["val"]["rmse"], rel=1e-9)


# ------------------------------------------------------------------ train --overwrite


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
