"""Faults injected for real: SIGKILL at random moments, files that may not grow."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from .conftest import call

WORDS = ("generate", "double_exchange", "--L", "8", "--samples", "1500")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def begin(folder: Path, limit: int | None = None) -> subprocess.Popen[str]:
    """A real labelling process; no file that it writes may grow beyond `limit` bytes."""

    def restrict() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-m", "efnn_cli", *WORDS, "-q"],
        cwd=folder, env=ENVIRONMENT, preexec_fn=restrict, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def arrays(folder: Path) -> dict[str, np.ndarray]:
    (path,) = (folder / "data").glob("*.h5")
    with h5py.File(path) as file:
        return {name: file[name][()] for name in ("spins", "energies")}


@pytest.mark.parametrize(("limit", "shards"), [(100_000, 0), (600_000, 6)])
def test_a_file_that_cannot_grow(tmp_path: Path, limit: int, shards: int):
    """The limit stops the first shard, or only the dataset: the shards stay, and the job goes on later."""
    process = begin(tmp_path, limit)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 74, err
    assert "cannot write" in err
    assert "Traceback" not in err
    assert len(list(tmp_path.glob("data/.*.shards/*.h5"))) == shards
    assert not list(tmp_path.glob("data/*.h5"))
    assert not list(tmp_path.glob("data/**/*.tmp"))
    assert call(*WORDS, cwd=tmp_path).code == 0
    assert len(arrays(tmp_path)["energies"]) == 1500


def killed_until_done(folder: Path, kills: int, seed: int) -> int:
    """Kill the job at random moments `kills` times at most, then let it finish; returns how often it was hit."""
    chance, hit = random.Random(seed), 0
    for _ in range(kills):
        process = begin(folder)
        try:
            process.communicate(timeout=chance.uniform(1.0, 3.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            hit += 1
        assert all(path.stat().st_size > 0 for path in folder.glob("data/*.h5"))
    process = begin(folder)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return hit


@pytest.mark.slow
def test_a_killed_job_resumes_to_the_same_dataset(tmp_path: Path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    assert call(*WORDS, cwd=whole).code == 0
    start, hits = time.monotonic(), 0
    for seed in range(4):
        folder = killed / str(seed)
        folder.mkdir(parents=True)
        hits += killed_until_done(folder, kills=5, seed=seed)
        for name, array in arrays(folder).items():
            np.testing.assert_array_equal(array, arrays(whole)[name])
    assert hits >= 4, f"only {hits} of 20 kills hit a living process in {time.monotonic() - start:.0f} s"
