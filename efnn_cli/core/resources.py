"""Memory and cores of this process, sizes of batches, and smaller batches where memory is short.

Limits are those of the machine, of control groups (Slurm, containers) and of `ulimit -v`.
"""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from efnn_cli.core.errors import DeviceError

if TYPE_CHECKING:
    import torch

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
# Files of the limit and of the use, and the statistic of memory that the kernel gives back at once, by version.
VERSION_2 = ("memory.max", "memory.current", "inactive_file")
VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
BATCH_BYTES = 64 * 2**20
ACCELERATOR_SHARE = 4
# Messages of libraries of the host and of CUDA.
SHORT = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUDA driver error: out of memory",
    "_ALLOC_FAILED",
    "std::bad_alloc",
)

SMALLER = "take a smaller lattice, fewer workers or a larger machine"

Found = TypeVar("Found")


def free_memory(device: torch.device) -> int:
    """Bytes that can still be allocated on `device`."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_bytes()


def batch_bytes(device: torch.device) -> int:
    """Bytes for the temporary memory of one batch.

    On a CPU a size that fits its caches. On an accelerator a share of what is free now, since a batch takes several
    copies and other processes may use it too.
    """
    return BATCH_BYTES if device.type != "cuda" else max(BATCH_BYTES, free_memory(device) // ACCELERATOR_SHARE)


def require_memory(device: torch.device, needed: int, purpose: str, hint: str = SMALLER) -> None:
    """Raise `DeviceError` before any work starts where `needed` bytes cannot fit."""
    free = free_memory(device)
    if needed > free:
        raise DeviceError(
            f"{purpose} needs about {needed / 2**30:.1f} GiB on {device.type}, {free / 2**30:.1f} GiB are free",
            hint,
        )


def is_short(error: BaseException) -> bool:
    """Return whether `error` means that some device has too little memory."""
    text = str(error)
    # By names: torch is not loaded for this, and the libraries below it have errors of their own.
    return isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ or any(w in text for w in SHORT)


def in_parts(work: Callable[[torch.Tensor], Found], batch: torch.Tensor) -> list[Found]:
    """Return [work(batch)], or the results for halves of `batch` (B, ...) and their halves where memory is short.

    A batch that was estimated to fit may not, since other processes take memory too. Raises where one item is too much.
    """
    try:
        return [work(batch)]
    except (RuntimeError, MemoryError) as error:
        if len(batch) < 2 or not is_short(error):
            raise
    # Only here is the memory of the failed attempt free: the error held its frames.
    half = len(batch) // 2
    return in_parts(work, batch[:half]) + in_parts(work, batch[half:])


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
