"""Which versions, which state of the code and which machine made a file."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("efnn", "torch", "numpy", "scipy", "h5py")
CPU_INFO = Path("/proc/cpuinfo")


def versions() -> dict[str, str]:
    """Versions of Python, this package and what its numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def commit() -> str | None:
    """The commit that the package is a checkout of, read from .git; None where it is not one."""
    root = Path(__file__).parent.parent
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
    """Whether the package differs from its commit, by git; None where that cannot be told."""
    package = Path(__file__).parent
    words = ["git", "--no-optional-locks", "-C", str(package), "status", "--porcelain", "--", ".", "../conf"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=10)
        return bool(done.stdout.strip())
    return None


def processor() -> str:
    """The name of the processor, as far as the system tells it."""
    with contextlib.suppress(OSError, IndexError, StopIteration):
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def memory_gib() -> float:
    """Memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
