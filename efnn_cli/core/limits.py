"""Memory and cores of this process, below the limits of the machine, of control groups and of the shell."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
# Files of the limit and of the use, and the statistic of memory that the kernel gives back at once, by version.
VERSION_2 = ("memory.max", "memory.current", "inactive_file")
VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_bytes() -> int:
    """Free bytes: the least of the machine, the control groups of the process, and `ulimit -v`."""
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
    """Yield the bytes below the limit of every control group of the process (Slurm, containers)."""
    for group, version in _groups("memory"):
        limit, used, reclaimable = VERSION_2 if version == 2 else VERSION_1
        if (most := _number(group / limit)) is not None and (now := _number(group / used)) is not None:
            yield most - now + _statistic(group / "memory.stat", reclaimable)


def cores() -> int:
    """Cores of this process: the least of its affinity and of the CPU quotas of its groups, rounded up."""
    return min([allowed_cores(), *_quotas()])


def allowed_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas() -> Iterator[int]:
    """Yield the quota of every limited control group in whole cores, at least one."""
    for group, version in _groups("cpu"):
        names = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        numbers = [word for name in names for line in _lines(group / name) for word in line.split()]
        if len(numbers) == 2 and all(map(str.isdigit, numbers)):  # no limit is the word max, or -1
            yield max(1, math.ceil(int(numbers[0]) / int(numbers[1])))


def _groups(controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the folders of the control groups of this process and of those above, with their version.

    A container may see its own group as the root.
    """
    for line in _lines(PROC / "self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, version = CGROUPS, 2
        elif controller in controllers.split(","):
            root, version = CGROUPS / controller, 1
        else:
            continue
        group = root / path.strip("/")
        for folder in (group, *group.parents):
            yield folder, version
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
