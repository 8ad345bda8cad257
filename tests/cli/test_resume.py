"""What a training finds when it comes back: changed, foreign and damaged files, leftovers, disks it may only read."""

from __future__ import annotations

import json
import shutil
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

from .conftest import SMALL, Workshop, call, files_below, read_only


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
