"""Commands that train many networks, stopped: told is how the command goes on, not the training that it was in."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from .conftest import Outcome, Workshop, begin_efnn, finish, wait_for
from .test_reproduce import ARGS, preset

LONG = ("epochs=100000", "depth=1", "training.optimizer=adam")
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stopped(*words: object, cwd: Path, signum: signal.Signals) -> Outcome:
    """The outcome of the command, which was sent the signal in the middle of its first training."""
    tables = {path: path.stat().st_mtime_ns for path in cwd.rglob("metrics.csv")}
    with begin_efnn(*words, "--json", cwd=cwd) as process:
        wait_for(lambda: any(path not in tables for path in cwd.rglob("metrics.csv")) or process.poll() is not None)
        process.send_signal(signum)
        outcome = finish(process)
    assert outcome.code == 128 + signum, outcome.err
    assert "Traceback" not in outcome.err
    assert "--resume" not in outcome.err
    error = json.loads(outcome.out)
    assert (error["code"], error["message"]) == (128 + signum, f"stopped by {signum.name}")
    return outcome


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_comparison(copied: Workshop, signum: signal.Signals):
    words = ("--data", copied.dataset("lattice"), "--models", "dnn,resnet", "--seeds", 1, "--grid", "none", *LONG)
    outcome = stopped("compare", *words, cwd=copied.root, signum=signum)
    assert "the same command goes on with what is done" in outcome.err


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_sweep(copied: Workshop, signum: signal.Signals):
    words = ("train", "-m", "model=dnn,resnet", "--data", copied.dataset("lattice"), *LONG)
    outcome = stopped(*words, cwd=copied.root, signum=signum)
    assert "the same command goes on with what is done" in outcome.err


def test_a_sweep_that_replaces(copied: Workshop):
    """Here the same command trains again what it had finished, and must not promise otherwise."""
    words = ("train", "-m", "model=dnn,resnet", "--data", copied.dataset("lattice"), "--overwrite", *LONG)
    outcome = stopped(*words, cwd=copied.root, signum=signal.SIGTERM)
    assert "trains all the others again" in outcome.err


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_reproduction_that_trains_in_its_own_process(here: Path, signum: signal.Signals):
    preset(here, epochs=100000)
    outcome = stopped(*ARGS, "--workers", 1, cwd=here, signum=signum)
    assert "the same command goes on with what is done" in outcome.err
