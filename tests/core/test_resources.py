"""Memory and cores that a batch system leaves to the process, and errors that mean too little memory."""

import os
from pathlib import Path

import pytest

from efnn_cli.__main__ import share_cores
from efnn_cli.core import resources
from efnn_cli.core.failures import as_efnn_error
from efnn_cli.core.resources import is_short


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """Let `files` in `folder` stand for those of the kernel on the process and its control groups."""
    for name, text in ({"proc/self/cgroup": "0::/a/b\n5:cpu,memory:/c\n"} | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(resources, "PROC", folder / "proc")
    monkeypatch.setattr(resources, "CGROUPS", folder / "cgroup")


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 8192),
        ({"a/b/memory.max": "3000", "a/b/memory.current": "1000"}, 2000),
        ({"a/memory.max": "1500", "a/memory.current": "1000", "a/b/memory.max": "max"}, 500),
        ({"a/memory.max": "3000", "a/memory.current": "2900", "a/memory.stat": "anon 7\ninactive_file 900\n"}, 1000),
        ({"memory.max": "700", "memory.current": "900"}, 0),
        ({"memory/c/memory.limit_in_bytes": "600", "memory/c/memory.usage_in_bytes": "200"}, 400),
    ],
    ids=["none", "own", "above", "page cache", "container, used up", "version 1"],
)
def test_memory_below_the_limits_of_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], free: int
):
    groups = {f"cgroup/{name}": text for name, text in files.items()}
    pretend(tmp_path, monkeypatch, {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 8 kB\n"} | groups)
    assert resources.free_bytes() == free


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({"a/b/cpu.max": "50000 100000\n"}, 1),
        ({"a/b/cpu.max": "250000 100000\n"}, 3),
        ({"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
        ({"cpu/c/cpu.cfs_quota_us": "150000\n", "cpu/c/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
    ],
    ids=["none", "half", "rounded up", "above", "version 1", "version 1, none"],
)
def test_cores_below_the_quotas_of_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
):
    pretend(tmp_path, monkeypatch, {f"cgroup/{name}": text for name, text in files.items()})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(os, "environ", {})
    share_cores()
    assert os.environ.get("OMP_NUM_THREADS", "64") == str(cores)
    assert os.environ["GOMP_SPINCOUNT"] == "20000"  # idle threads give way
    assert resources.cores() == cores


def test_what_the_user_has_chosen_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pretend(tmp_path, monkeypatch, {"cgroup/a/b/cpu.max": "50000 100000\n"})
    chosen = {"OMP_NUM_THREADS": "7", "GOMP_SPINCOUNT": "7"}
    monkeypatch.setattr(os, "environ", dict(chosen))
    share_cores()
    assert os.environ == chosen


@pytest.mark.parametrize(
    ("text", "short", "code"),
    [
        ("CUDA error: out of memory", True, 5),
        ("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`", True, 5),
        ("std::bad_alloc", True, 5),
        ("CUDA error: an illegal memory access was encountered", False, 5),
        ("CUDA error: the launch timed out and was terminated", False, 5),
        ("cuBLAS error: CUBLAS_STATUS_EXECUTION_FAILED", False, 5),
        ("something else", False, 1),
    ],
)
def test_messages_of_libraries(text: str, short: bool, code: int):
    assert is_short(RuntimeError(text)) == short
    assert as_efnn_error(RuntimeError(text), "train").code == code
