"""Small experiments again and again: memory, open files, threads and child processes stay as they are."""

from __future__ import annotations

import gc
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import call, run_efnn

from .record import Record

WARM_UP = 0.3  # of all rounds: imports, caches and pools come once
MEBIBYTE = 2**20
GROWTH = 20.0  # MiB that a fit may rise over all rounds after the warm-up: the allocator is not exact
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@dataclass(frozen=True)
class Usage:
    """What the process holds after a round."""

    memory: float
    """Resident, in MiB."""
    files: int
    threads: int
    children: int


def usage() -> Usage:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    children = sum(len((task / "children").read_text().split()) for task in Path("/proc/self/task").iterdir())
    return Usage(resident / MEBIBYTE, len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), children)


def experiment(folder: Path, number: int) -> None:
    """All that a user does, with a seed of its own, so that nothing is found done."""
    folder.mkdir()
    data = ("generate", "heisenberg", "--L", 4, "--samples", 40, "--seed", number)
    call(*data, cwd=folder).done()
    call("train", "model=efnn", "depth=1", "epochs=2", "training.optimizer=adam", cwd=folder).done()
    call("evaluate", cwd=folder).done()
    call("extrapolate", "--L", 5, "--samples", 2, cwd=folder).done()
    (run,) = (folder / "outputs").iterdir()
    (dataset,) = (folder / "data").glob("*.h5")
    call("predict", run.relative_to(folder), "--spins", dataset.relative_to(folder), cwd=folder).done()
    call("train", "depth=0", cwd=folder).failed(2)
    call("inspect", "nothing.h5", cwd=folder).failed(3)


def rise(values: list[float]) -> float:
    """The growth of a straight line through the values, from the first to the last."""
    slope = np.polyfit(np.arange(len(values)), values, 1)[0]
    return float(slope * (len(values) - 1))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "seconds", [pytest.param(60, marks=pytest.mark.slow), pytest.param(1800, marks=pytest.mark.soak)]
)
def test_nothing_grows(tmp_path: Path, seconds: int):
    end, seen = time.monotonic() + seconds, list[Usage]()
    while time.monotonic() < end or len(seen) < 10:
        experiment(tmp_path / str(len(seen)), len(seen))
        seen.append(usage())
    kept = seen[int(WARM_UP * len(seen)) :]
    assert rise([each.memory for each in kept]) < GROWTH, [round(each.memory) for each in seen]
    for name in ("files", "threads", "children"):
        values = [getattr(each, name) for each in kept]
        assert values[-1] <= values[0], (name, values)
    assert run_efnn("inspect", "outputs", cwd=tmp_path / "0").code == 3
    record = Record("soak", f"{seconds} s of small experiments in one process", "memory, files, threads, children flat")
    record.count(True, len(seen))
    record.close(f"soak-{seconds}")
