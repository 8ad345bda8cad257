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
    """Return the commit of the checkout that the package is in, read from .git; None outside of one."""
    root = PACKAGE.parent
    git = root / ".git"
    with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):
        if git.is_file():  # a linked working tree
            git = root / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        reference = head.removeprefix("ref: ")
        common = git / "commondir"
        home = git / common.read_text(encoding="utf-8").strip() if common.is_file() else git
        for place in (git, home):
            if (place / reference).is_file():
                return (place / reference).read_text(encoding="utf-8").strip()
        packed = (home / "packed-refs").read_text(encoding="utf-8").splitlines()
        return next(line.split()[0] for line in packed if line.endswith(f" {reference}"))
    return None


def is_changed() -> bool | None:
    """Return whether the package differs from its commit; None where git cannot say."""
    words = ["git", "--no-optional-locks", "-C", str(PACKAGE), "status", "--porcelain", "--", ".", "../conf"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=10)
        return bool(done.stdout.strip())
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
