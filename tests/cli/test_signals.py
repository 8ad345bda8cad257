"""Signals to real processes: an orderly end, and a result that does not know of the interruption."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from .conftest import (
    EFNN,
    Outcome,
    Workshop,
    arrays,
    begin_efnn,
    begun,
    call,
    finish,
    only_run,
    rows,
    run_efnn,
    spawn,
    wait_for,
)
from .test_reproduce import ARGS, children, preset

EPOCHS = 150
ENDLESS = 1_000_000


def command(epochs: int, *words: str) -> tuple[object, ...]:
    network = ("model=efnn", "depth=2", "width=12")
    return ("train", *network, f"epochs={epochs}", "training.batch_size=20", "--device", "cpu", "--json", *words)


LIGHT = ("training.optimizer=adam",)


def make_data(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    call("generate", "three_spin", "--L", 6, "--samples", 80, "--device", "cpu", cwd=folder).done()


def interrupt(folder: Path, signum: signal.Signals, epochs: int) -> tuple[int, str]:
    """Start the training, send it `signum` after `epochs` epochs, and return its code and messages."""
    with begin_efnn(*command(EPOCHS), cwd=folder) as process:
        wait_for(lambda: begun(folder, epochs) or process.poll() is not None)
        process.send_signal(signum)
        outcome = finish(process)
    return outcome.code, outcome.err


@pytest.mark.slow
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
            (row,) = call("runs", "--json", cwd=tmp_path).json()["metrics"]["rows"]
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
    assert (row["status"], row["epochs"] >= 1) == ("running", True)
    (row,) = call("runs", "--json", cwd=tmp_path).json()["metrics"]["rows"]
    assert (row["status"], row["error"]) == ("unfinished", None)
    nothing.failed(3, "efnn train")


def test_signal_while_labelling(tmp_path: Path):
    """Finished shards stay, and the same command continues from them to the dataset it would have made."""
    args = ("generate", "double_exchange", "--L", 6, "--samples", 1500, "--workers", 1, "--device", "cpu")
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


LABELLING = ("generate", "double_exchange", "--L", 8, "--samples", 1500, "--workers", 1, "--device", "cpu")


def listens(process: subprocess.Popen[str], signum: signal.Signals) -> bool:
    """Whether the process has set a handler of its own for the signal."""
    if process.poll() is not None:
        return True
    status = Path(f"/proc/{process.pid}/status").read_text()
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signum - 1) & 1)


def shards(folder: Path) -> list[Path]:
    return list(folder.glob("data/.*.shards/*.h5"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("signum", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_signal_before_the_work_begins(here: Path, signum: signal.Signals):
    """While modules are imported and configurations composed there is no work to end well: a message, at once."""
    with begin_efnn(*LABELLING, "--json", cwd=here) as process:
        wait_for(lambda: listens(process, signal.SIGUSR2))
        time.sleep(0.1)
        process.send_signal(signum)
        outcome = finish(process)
    assert outcome.code == 128 + signum, outcome.err
    assert outcome.err.count(f"error: stopped by {signum.name}") == 1
    assert "Traceback" not in outcome.err
    error = outcome.json()
    assert (error["code"], error["status"], error["command"]) == (128 + signum, "error", "generate")
    assert not list(here.glob("data/*.h5"))


SWALLOWER = """
import time
from efnn_cli.core.errors import Interrupted
from efnn_cli.core.signals import interrupt_on_signals

class Thing:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(60)

interrupt_on_signals()
thing = Thing()
try:
    del thing
    time.sleep(60)
except Interrupted as error:
    time.sleep(0.7)  # tidying up, which is not interrupted again
    print("tidied up after", error, flush=True)
"""


def test_a_signal_that_python_would_drop(here: Path):
    """What is raised while an object is deleted, or an import lock released, is ignored by Python."""
    with spawn(sys.executable, "-c", SWALLOWER + "import os; os._exit(0)", cwd=here) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert err == ""
    assert out == "tidied up after signal 15\n"


WRITER = """
from pathlib import Path
from efnn_cli.core.signals import interrupt_on_signals
from efnn_cli.storage import atomic

interrupt_on_signals()
print("ready", flush=True)
turn = 0
while True:
    turn += 1
    atomic.make_folder(Path("."))
    atomic.write_bytes(Path("file"), bytes([turn % 256]) * 3_000_000)
"""


@pytest.mark.parametrize("seed", [0, *(pytest.param(each, marks=pytest.mark.slow) for each in range(1, 6))])
def test_signal_within_an_atomic_write(here: Path, seed: int):
    """The file is the old or the new one, and no temporary file is left."""
    with spawn(sys.executable, "-c", WRITER, cwd=here) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        wait_for((here / "file").exists)
        time.sleep(random.Random(seed).uniform(0.0, 0.05))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert "Interrupted: signal 15" in err
    assert [each.name for each in here.iterdir()] == ["file"]
    content = (here / "file").read_bytes()
    assert content == content[:1] * 3_000_000


# ------------------------------------------------------------------ commands that train many networks


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
@pytest.mark.parametrize("delay", [0.7, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.0, 0.1, 1.5))])
def test_workers_that_are_still_importing(here: Path, delay: float):
    """A terminal sends Ctrl-C to all processes at once, and so do batch systems: one sentence, from one of them."""
    preset(here, epochs=100000)
    with spawn(*EFNN, *ARGS, "--workers", 2, cwd=here, start_new_session=True) as process:
        wait_for(lambda: process.poll() is not None or bool(children(process.pid)))
        time.sleep(delay)
        workers = children(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 130, outcome.err
    assert outcome.err.count("error: stopped by SIGINT") == 1
    assert "the same command" in outcome.err
    assert not re.search("Traceback|KeyboardInterrupt|Warning", outcome.err)
    wait_for(lambda: not [each for each in workers if Path(f"/proc/{each}").exists()])  # once they have imported
