"""Small experiments again and again: memory, open files, threads and child processes stay as they are."""

import contextlib
import functools
import gc
import os
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import Outcome, call, run_efnn, wait_for

WARM_UP = 0.3  # of all rounds: imports, caches and pools come once
MEBIBYTE = 2**20
GROWTH = 20.0  # MiB that a fit may rise over all rounds after the warm-up: the allocator is not exact
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@dataclass(frozen=True)
class Usage:
    """Resources of the process after a round."""

    memory: float
    """Resident memory in MiB."""
    files: int
    threads: int
    children: int


def usage() -> Usage:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    children = sum(len((task / "children").read_text().split()) for task in Path("/proc/self/task").iterdir())
    return Usage(resident / MEBIBYTE, len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), children)


Command = Callable[..., Outcome]


def experiment(folder: Path, number: int, efnn: Command) -> None:
    """Run every kind of command with a seed of its own, so that none finds its result done."""
    folder.mkdir()
    efnn("generate", "heisenberg", "--L", 4, "--samples", 40, "--seed", number, cwd=folder).done()
    efnn("train", "model=efnn", "depth=1", "epochs=2", "training.optimizer=adam", cwd=folder).done()
    efnn("evaluate", cwd=folder).done()
    efnn("extrapolate", "--L", 5, "--samples", 2, cwd=folder).done()
    efnn("plot", "curve", cwd=folder).done()
    (run,) = (path.parent for path in (folder / "outputs").glob("*/config.yaml"))
    (dataset,) = (folder / "data").glob("*.h5")
    efnn("predict", run.relative_to(folder), "--spins", dataset.relative_to(folder), cwd=folder).done()
    efnn("train", "depth=0", cwd=folder).failed(2)
    efnn("inspect", "nothing.h5", cwd=folder).failed(3)
    efnn("generate", "double_exchange", "--L", 3, "--samples", 600, "--workers", 2, "--seed", number, cwd=folder).done()


def rise(values: list[float]) -> float:
    """Growth of a straight line through the values, from the first to the last."""
    slope = np.polyfit(np.arange(len(values)), values, 1)[0]
    return float(slope * (len(values) - 1))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "seconds", [pytest.param(40, marks=pytest.mark.slow), pytest.param(1800, marks=pytest.mark.soak)]
)
def test_nothing_grows(tmp_path: Path, seconds: int):
    end, seen = time.monotonic() + seconds, list[Usage]()
    while time.monotonic() < end or len(seen) < 10:
        experiment(tmp_path / str(len(seen)), len(seen), call)
        seen.append(usage())
    kept = seen[int(WARM_UP * len(seen)) :]
    assert rise([each.memory for each in kept]) < GROWTH, [round(each.memory) for each in seen]
    for name in ("files", "threads", "children"):
        values = [getattr(each, name) for each in kept]
        assert values[-1] <= values[0], (name, values)


# ------------------------------------------------------------------ a process for every command


def marked(mark: str) -> set[int]:
    """Living processes that have inherited `mark` with their environment."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # of others, or gone
            if mark.encode() in path.read_bytes():
                found.add(int(path.parent.name))
    return found


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seconds", [600])
def test_nothing_is_left_behind(tmp_path: Path, seconds: int):
    """No process, hidden file, lock or temporary file."""
    mark, temporary = f"EFNN_SOAK={uuid.uuid4().hex}", tmp_path / "tmp"
    temporary.mkdir()
    name, _, value = mark.partition("=")
    efnn = functools.partial(run_efnn, env={name: value, "TMPDIR": str(temporary)})
    with subprocess.Popen(["sleep", "60"], env={**os.environ, name: value}) as begun:  # the search finds what there is
        wait_for(lambda: begun.pid in marked(mark))
        begun.kill()
    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end or rounds < 2:
        folder = tmp_path / str(rounds)
        experiment(folder, rounds, efnn)
        assert not marked(mark)
        left = {path.name for path in temporary.iterdir()}
        assert all(name.startswith("torchinductor_") for name in left), left  # one cache of torch's, the same for all
        assert not [each for each in folder.rglob("*") if each.name.startswith(".") or each.suffix in (".tmp", ".lock")]
        rounds += 1
