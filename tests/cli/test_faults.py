"""Faults injected for real: SIGKILL at random moments, files that may not grow."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
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
    _, err = process.communicate(timeout=300)
    assert process.returncode == 74, err
    assert "cannot write" in err
    assert "Traceback" not in err
    assert len(list(tmp_path.glob("data/.*.shards/*.h5"))) == shards
    assert not list(tmp_path.glob("data/*.h5"))
    assert not list(tmp_path.glob("data/**/*.tmp"))
    assert call(*WORDS, cwd=tmp_path).code == 0
    assert len(arrays(tmp_path)["energies"]) == 1500


DISK = """
import json, os, subprocess, sys, time
from pathlib import Path

words, disk = sys.argv[2:], Path(sys.argv[1])

def size(option, mebibytes):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{option}size={mebibytes}m", "tmpfs", disk], check=True)

def shards():
    return {path.name: path.stat().st_mtime_ns for path in disk.glob("data/.*.shards/*.h5")}

def ended(process):
    _, err = process.communicate(timeout=100)
    left = sorted(str(path.relative_to(disk)) for path in disk.rglob("*") if path.is_file())
    return {"code": process.returncode, "err": err, "shards": shards(), "left": left}

def begin():
    return subprocess.Popen([sys.executable, "-m", "efnn_cli", *words], cwd=disk, stderr=subprocess.PIPE, text=True)

found = {}
size("", 2)
found["small"] = ended(begin())
size("remount,", 8)
process = begin()
while len(shards()) < 2 and process.poll() is None:
    time.sleep(0.005)
try:
    with open(disk / "filler", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
except OSError:
    pass
found["filled"] = ended(process)
size("remount,", 60)
found["grown"] = ended(begin())
(dataset,) = disk.glob("data/*.h5")
Path("made.h5").write_bytes(dataset.read_bytes())
print(json.dumps(found))
"""


@pytest.mark.slow
def test_a_disk_that_fills_up(tmp_path: Path):
    """A real file system, too small at first and filled by another program later; it grows, and the job goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if (
        not shutil.which("unshare")
        or subprocess.run(
            [*alone, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("needs a mount namespace of its own: unshare --user --map-root-user --mount")
    words = ("generate", "double_exchange", "--L", "8", "--samples", "2000", "--workers", "1")
    command = [*alone, sys.executable, "-c", DISK, str(disk), *words]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    small, filled, grown = json.loads(done.stdout.splitlines()[-1]).values()

    assert small["code"] == 74
    assert "MiB free" in small["err"]
    assert small["left"] == [], "refused before any work"

    assert filled["code"] == 74
    assert "No space left on device" in filled["err"]
    assert "Traceback" not in filled["err"]
    assert 2 <= len(filled["shards"]) < 8
    assert all(name.endswith(".h5") or name == "filler" for name in filled["left"]), filled["left"]

    assert grown["code"] == 0, grown["err"]
    assert f"{256 * len(filled['shards'])} of them done earlier" in grown["err"], "every shard that was there is good"
    assert len(grown["left"]) == 2, "the filler and the dataset"
    call(*words, "--out", "whole.h5", cwd=tmp_path).done()
    with h5py.File(tmp_path / "made.h5") as ours, h5py.File(tmp_path / "whole.h5") as theirs:
        for name in ("spins", "energies"):
            np.testing.assert_array_equal(ours[name][()], theirs[name][()])


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
    _, err = process.communicate(timeout=300)
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
