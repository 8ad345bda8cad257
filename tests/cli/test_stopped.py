"""Commands that train many networks, stopped: told is how the command goes on, not the training that it was in."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Outcome, Workshop, begin_efnn, environment, finish, wait_for
from .test_reproduce import ARGS, children, preset

LONG = ("epochs=100000", "depth=1", "training.optimizer=adam")


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


def test_a_comparison(copied: Workshop):
    words = ("--data", copied.dataset("lattice"), "--models", "dnn,resnet", "--seeds", 1, "--grid", "none", *LONG)
    outcome = stopped("compare", *words, cwd=copied.root, signum=signal.SIGINT)
    assert "the same command goes on with what is done" in outcome.err


@pytest.mark.slow
def test_a_sweep_that_replaces(copied: Workshop):
    """Here the same command trains again what it had finished, and must not promise otherwise."""
    words = ("train", "-m", "model=dnn,resnet", "--data", copied.dataset("lattice"), "--overwrite", *LONG)
    outcome = stopped(*words, cwd=copied.root, signum=signal.SIGTERM)
    assert "trains all the others again" in outcome.err


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.parametrize("delay", [0.1, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.0, 0.7, 1.5))])
def test_workers_that_are_still_importing(here: Path, delay: float):
    """A terminal sends Ctrl-C to all processes at once, and so do batch systems: one sentence, from one of them."""
    preset(here, epochs=100000)
    command = [sys.executable, "-m", "efnn_cli", *ARGS, "--workers", "2"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=here, env=environment(), stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    with process:
        wait_for(lambda: process.poll() is not None or bool(children(process.pid)))
        time.sleep(delay)
        workers = children(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 130, outcome.err
    assert outcome.err.count("error: stopped by SIGINT") == 1
    assert "the same command goes on" in outcome.err
    assert not re.search("Traceback|KeyboardInterrupt|Warning", outcome.err)
    assert not [each for each in workers if Path(f"/proc/{each}").exists()]
