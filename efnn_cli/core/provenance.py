"""Versions, commit and machine that a file was made with."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("efnn", "torch", "numpy", "scipy", "h5py")
CPU_INFO = Path("/proc/cpuinfo")
PACKAGE = Path(__file__).parents[1]


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and the libraries that its numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def commit() -> str | None:
    """Return the last commit of the package and its recipes; None without git or outside of a checkout."""
    return _git("log", "-1", "--format=%H") or None


def is_changed() -> bool | None:
    """Return whether the package differs from its commit; None where git cannot say."""
    found = _git("status", "--porcelain")
    return None if found is None else bool(found)


def _git(*words: str) -> str | None:
    """Return what git says about the package and its recipes; None where it says nothing for sure."""
    line = ["git", "--no-optional-locks", "-C", str(PACKAGE), *words, "--", ".", "../conf"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(line, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return None


def processor() -> str:
    """Return the name of the processor, as the system gives it."""
    with contextlib.suppress(OSError, IndexError, StopIteration):
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def memory_gib() -> float:
    """Memory of the machine in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
