"""Memory that this process can still take on the host: what the machine has, a batch system or a shell may not give."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
# Limit, use, and in the statistics what would be given back at once: by version of the interface of the kernel.
VERSION_2 = ("memory.max", "memory.current", "inactive_file")
VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_bytes() -> int:
    """The least of what is free on the machine, in the control groups of the process, and below `ulimit -v`."""
    return max(0, min([_of_machine(), *_of_groups(), *_of_process()]))


def _of_machine() -> int:
    for line in _lines(PROC / "meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _of_process() -> Iterator[int]:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _lines(PROC / "self/statm")
    if limit != resource.RLIM_INFINITY and pages:
        yield limit - int(pages[0].split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _of_groups() -> Iterator[int]:
    """What every group that holds this process, as Slurm and containers make them, leaves below its limit."""
    for line in _lines(PROC / "self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _up_from(CGROUPS, path, VERSION_2)
        elif "memory" in controllers.split(","):
            yield from _up_from(CGROUPS / "memory", path, VERSION_1)


def _up_from(root: Path, path: str, names: tuple[str, str, str]) -> Iterator[int]:
    """Free bytes of the group `path` and of those above it; a container may see its own group as the root."""
    limit, used, idle = names
    group = root / path.strip("/")
    for folder in (group, *group.parents):
        if (most := _number(folder / limit)) is not None and (now := _number(folder / used)) is not None:
            yield most - now + _statistic(folder / "memory.stat", idle)
        if folder == root:
            break


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None  # no limit is the word max


def _statistic(path: Path, name: str) -> int:
    found = [line.split()[1] for line in _lines(path) if line.split()[:1] == [name]]
    return int(found[0]) if found else 0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
